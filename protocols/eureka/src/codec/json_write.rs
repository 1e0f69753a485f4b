//! Instances as JSON, field by field in the order of Netflix's two codecs: clients decode by
//! name, but the recorded answers are compared byte by byte.

use super::listing::{COMPACT_CENTER_KEYS, Shape};
use super::{AMAZON_CLASS, DEFAULT_CLASS, EMPTY_MAP_CLASS, Port, status_word};

/// Everything (`EurekaJacksonCodec`): times of the instance are texts, those of the lease numbers.
pub(super) fn full(out: &mut Vec<u8>, shape: &Shape<'_>) {
    out.push(b'{');
    optional(out, "instanceId", shape.instance_id);
    field(out, "hostName", shape.host_name);
    field(out, "app", shape.app);
    field(out, "ipAddr", shape.ip_addr);
    optional(out, "sid", shape.sid);
    field(out, "status", status_word(shape.status));
    field(out, "overriddenStatus", status_word(shape.overridden));
    port(out, "port", shape.port);
    port(out, "securePort", shape.secure_port);
    key(out, "countryId");
    out.extend_from_slice(itoa::Buffer::new().format(shape.country_id).as_bytes());
    out.push(b',');
    center(out, shape, false);
    lease(out, shape);
    key(out, "metadata");
    map(out, shape.metadata.iter().copied());
    out.push(b',');
    optional(out, "appGroupName", shape.app_group);
    optional(out, "homePageUrl", shape.home_page_url);
    optional(out, "statusPageUrl", shape.status_page_url);
    optional(out, "healthCheckUrl", shape.health_check_url);
    optional(out, "secureHealthCheckUrl", shape.secure_health_check_url);
    optional(out, "vipAddress", shape.vip);
    optional(out, "secureVipAddress", shape.secure_vip);
    field(out, "isCoordinatingDiscoveryServer", "false");
    field(out, "lastUpdatedTimestamp", itoa::Buffer::new().format(shape.updated_ms));
    field(out, "lastDirtyTimestamp", itoa::Buffer::new().format(shape.dirty_ms));
    optional(out, "actionType", shape.action);
    optional(out, "asgName", shape.asg_name);
    close(out);
}

/// The reduced form (`jackson/*`): times are numbers.
pub(super) fn compact(out: &mut Vec<u8>, shape: &Shape<'_>) {
    out.push(b'{');
    optional(out, "instanceId", shape.instance_id);
    field(out, "app", shape.app);
    field(out, "ipAddr", shape.ip_addr);
    optional(out, "vipAddress", shape.vip);
    optional(out, "secureVipAddress", shape.secure_vip);
    center(out, shape, true);
    field(out, "hostName", shape.host_name);
    field(out, "status", status_word(shape.status));
    number(out, "lastUpdatedTimestamp", shape.updated_ms);
    optional(out, "actionType", shape.action);
    optional(out, "asgName", shape.asg_name);
    port(out, "port", shape.port);
    port(out, "securePort", shape.secure_port);
    close(out);
}

fn center(out: &mut Vec<u8>, shape: &Shape<'_>, compact: bool) {
    key(out, "dataCenterInfo");
    out.push(b'{');
    field(out, "@class", if shape.amazon { AMAZON_CLASS } else { DEFAULT_CLASS });
    field(out, "name", shape.center_name.as_str());
    if shape.amazon {
        key(out, "metadata");
        let keep = |name: &str| !compact || COMPACT_CENTER_KEYS.contains(&name);
        map(out, shape.center_metadata.iter().copied().filter(|(name, _)| keep(name)));
        out.push(b',');
    }
    close(out);
    out.push(b',');
}

fn lease(out: &mut Vec<u8>, shape: &Shape<'_>) {
    key(out, "leaseInfo");
    out.push(b'{');
    number(out, "renewalIntervalInSecs", u64::from(shape.lease.renewal_s));
    number(out, "durationInSecs", u64::from(shape.lease.duration_s));
    number(out, "registrationTimestamp", shape.lease.registered_ms);
    number(out, "lastRenewalTimestamp", shape.lease.renewed_ms);
    number(out, "evictionTimestamp", shape.lease.evicted_ms);
    number(out, "serviceUpTimestamp", shape.lease.up_ms);
    close(out);
    out.push(b',');
}

pub(super) fn map<'a>(out: &mut Vec<u8>, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    let before = out.len();
    for (name, value) in entries {
        text(out, name);
        out.push(b':');
        text(out, value);
        out.push(b',');
    }
    if out.len() == before {
        field(out, "@class", EMPTY_MAP_CLASS);
    }
    close(out);
}

fn port(out: &mut Vec<u8>, name: &str, port: Port) {
    key(out, name);
    out.extend_from_slice(b"{\"$\":");
    out.extend_from_slice(itoa::Buffer::new().format(port.number).as_bytes());
    out.extend_from_slice(if port.enabled {
        b",\"@enabled\":\"true\"},"
    } else {
        b",\"@enabled\":\"false\"},"
    });
}

fn optional(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        field(out, name, value);
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    text(out, value);
    out.push(b',');
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    out.push(b',');
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Ends an object whose last member left a comma behind.
fn close(out: &mut [u8]) {
    let last = out.last_mut().expect("every object here has a member");
    debug_assert_eq!(*last, b',', "members end in a comma");
    *last = b'}';
}

/// A JSON text, escaped as little as Jackson does.
pub(super) fn text(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let bytes = value.as_bytes();
    let mut begin = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0x00..=0x1f => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[begin..at]);
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            let hex = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
            out.extend_from_slice(&[b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
        }
        begin = at + 1;
    }
    out.extend_from_slice(&bytes[begin..]);
    out.push(b'"');
}
