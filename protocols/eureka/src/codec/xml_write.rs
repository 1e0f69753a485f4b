//! Instances as XML: indented in full, in one line when compact, like Netflix's two codecs.
//! Mandatory, because the Python client reads nothing else.

use super::listing::{COMPACT_CENTER_KEYS, Shape};
use super::names::encode_name;
use super::{AMAZON_CLASS, DEFAULT_CLASS, EMPTY_MAP_CLASS, Port, status_word};

/// Everything, beginning with a line break, under the element `root` at `depth`.
pub(super) fn full(out: &mut Vec<u8>, shape: &Shape<'_>, root: &str, depth: usize) {
    let mut to = Indented { out, depth };
    to.open(root);
    to.optional("instanceId", shape.instance_id);
    to.field("hostName", shape.host_name);
    to.field("app", shape.app);
    to.field("ipAddr", shape.ip_addr);
    to.optional("sid", shape.sid);
    to.field("status", status_word(shape.status));
    to.field("overriddenstatus", status_word(shape.overridden));
    to.port("port", shape.port);
    to.port("securePort", shape.secure_port);
    to.field("countryId", itoa::Buffer::new().format(shape.country_id));
    to.center(shape);
    to.lease(shape);
    to.map("metadata", &shape.metadata);
    to.optional("appGroupName", shape.app_group);
    to.optional("homePageUrl", shape.home_page_url);
    to.optional("statusPageUrl", shape.status_page_url);
    to.optional("healthCheckUrl", shape.health_check_url);
    to.optional("secureHealthCheckUrl", shape.secure_health_check_url);
    to.optional("vipAddress", shape.vip);
    to.optional("secureVipAddress", shape.secure_vip);
    to.field("isCoordinatingDiscoveryServer", "false");
    to.number("lastUpdatedTimestamp", shape.updated_ms);
    to.field("lastDirtyTimestamp", itoa::Buffer::new().format(shape.dirty_ms));
    to.optional("actionType", shape.action);
    to.optional("asgName", shape.asg_name);
    to.close(root);
}

/// The reduced form in one line.
pub(super) fn compact(out: &mut Vec<u8>, shape: &Shape<'_>) {
    out.extend_from_slice(b"<instance>");
    if let Some(id) = shape.instance_id {
        element(out, "instanceId", id);
    }
    element(out, "app", shape.app);
    element(out, "ipAddr", shape.ip_addr);
    if let Some(vip) = shape.vip {
        element(out, "vipAddress", vip);
    }
    if let Some(vip) = shape.secure_vip {
        element(out, "secureVipAddress", vip);
    }
    center_open(out, shape);
    element(out, "name", shape.center_name.as_str());
    if shape.amazon {
        out.extend_from_slice(b"<metadata>");
        for (name, value) in &shape.center_metadata {
            if COMPACT_CENTER_KEYS.contains(name) {
                element(out, &encode_name(name), value);
            }
        }
        out.extend_from_slice(b"</metadata>");
    }
    out.extend_from_slice(b"</dataCenterInfo>");
    element(out, "hostName", shape.host_name);
    element(out, "status", status_word(shape.status));
    element(out, "lastUpdatedTimestamp", itoa::Buffer::new().format(shape.updated_ms));
    if let Some(action) = shape.action {
        element(out, "actionType", action);
    }
    if let Some(name) = shape.asg_name {
        element(out, "asgName", name);
    }
    port_element(out, "port", shape.port);
    port_element(out, "securePort", shape.secure_port);
    out.extend_from_slice(b"</instance>");
}

struct Indented<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
}

impl Indented<'_> {
    fn open(&mut self, name: &str) {
        line(self.out, self.depth);
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        line(self.out, self.depth);
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    fn field(&mut self, name: &str, value: &str) {
        line(self.out, self.depth);
        element(self.out, name, value);
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    fn number(&mut self, name: &str, value: u64) {
        self.field(name, itoa::Buffer::new().format(value));
    }

    fn port(&mut self, name: &str, port: Port) {
        line(self.out, self.depth);
        port_element(self.out, name, port);
    }

    fn center(&mut self, shape: &Shape<'_>) {
        line(self.out, self.depth);
        center_open(self.out, shape);
        self.depth += 1;
        self.field("name", shape.center_name.as_str());
        if shape.amazon {
            self.map("metadata", &shape.center_metadata);
        }
        self.close("dataCenterInfo");
    }

    fn lease(&mut self, shape: &Shape<'_>) {
        self.open("leaseInfo");
        self.number("renewalIntervalInSecs", u64::from(shape.lease.renewal_s));
        self.number("durationInSecs", u64::from(shape.lease.duration_s));
        self.number("registrationTimestamp", shape.lease.registered_ms);
        self.number("lastRenewalTimestamp", shape.lease.renewed_ms);
        self.number("evictionTimestamp", shape.lease.evicted_ms);
        self.number("serviceUpTimestamp", shape.lease.up_ms);
        self.close("leaseInfo");
    }

    fn map(&mut self, name: &str, entries: &[(&str, &str)]) {
        if entries.is_empty() {
            line(self.out, self.depth);
            for part in ["<", name, " class=\"", EMPTY_MAP_CLASS, "\"/>"] {
                self.out.extend_from_slice(part.as_bytes());
            }
            return;
        }
        self.open(name);
        for (key, value) in entries {
            self.field(&encode_name(key), value);
        }
        self.close(name);
    }
}

fn center_open(out: &mut Vec<u8>, shape: &Shape<'_>) {
    out.extend_from_slice(b"<dataCenterInfo class=\"");
    out.extend_from_slice(if shape.amazon { AMAZON_CLASS } else { DEFAULT_CLASS }.as_bytes());
    out.extend_from_slice(b"\">");
}

fn port_element(out: &mut Vec<u8>, name: &str, port: Port) {
    let enabled = if port.enabled { "true" } else { "false" };
    let mut number = itoa::Buffer::new();
    let number = number.format(port.number);
    for part in ["<", name, " enabled=\"", enabled, "\">", number, "</", name, ">"] {
        out.extend_from_slice(part.as_bytes());
    }
}

pub(super) fn element(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    text(out, value);
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// A line break and the indentation of `depth`.
pub(super) fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    for _ in 0..depth {
        out.extend_from_slice(b"  ");
    }
}

/// Character data. A character that XML cannot hold would make the whole registry unreadable for
/// every client, so it becomes the replacement character.
pub(super) fn text(out: &mut Vec<u8>, value: &str) {
    let mut begin = 0;
    for (at, character) in value.char_indices() {
        let instead = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&apos;",
            '\r' => "&#xd;",
            '\t' | '\n' => continue,
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            _ => continue,
        };
        out.extend_from_slice(&value.as_bytes()[begin..at]);
        out.extend_from_slice(instead.as_bytes());
        begin = at + character.len_utf8();
    }
    out.extend_from_slice(&value.as_bytes()[begin..]);
}
