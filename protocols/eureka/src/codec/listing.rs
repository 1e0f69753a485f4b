//! What both written languages share: an instance ready to be written, and the text around
//! instances in a listing. A listing is put together from pieces so that a change renders one
//! piece again and not the whole.

use rialto_catalog::Status;

use super::{DataCenterName, InstanceInfo, Media, Port, json_write, status_word, xml_write};

/// How much of an instance is written (`X-Eureka-Accept`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Styled {
    /// Every field.
    Full,
    /// What a caller needs to reach it: no metadata, no lease, no pages.
    Compact,
}

/// One of the four ways to write an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// JSON or XML.
    pub media: Media,
    /// Full or compact.
    pub style: Styled,
}

impl Format {
    /// Everything in JSON.
    pub const JSON: Format = Format { media: Media::Json, style: Styled::Full };
    /// Everything in XML.
    pub const XML: Format = Format { media: Media::Xml, style: Styled::Full };
}

/// An instance ready to be written, all texts borrowed.
#[derive(Debug, Clone)]
pub struct Shape<'a> {
    /// Left out when the client registered without one.
    pub instance_id: Option<&'a str>,
    /// The host's name.
    pub host_name: &'a str,
    /// Upper case.
    pub app: &'a str,
    /// The host's address.
    pub ip_addr: &'a str,
    /// Left out for `na`.
    pub sid: Option<&'a str>,
    /// What callers go by.
    pub status: Status,
    /// What an operator set, or `Unknown`.
    pub overridden: Status,
    /// The plain port.
    pub port: Port,
    /// The TLS port.
    pub secure_port: Port,
    /// Usually 1.
    pub country_id: i32,
    /// Whether the data centre is written as Amazon's class.
    pub amazon: bool,
    /// The data centre's name.
    pub center_name: DataCenterName,
    /// Amazon's own metadata.
    pub center_metadata: Vec<(&'a str, &'a str)>,
    /// The lease as Eureka shows it.
    pub lease: LeaseTimes,
    /// The instance's own metadata.
    pub metadata: Vec<(&'a str, &'a str)>,
    /// Upper case.
    pub app_group: Option<&'a str>,
    /// For people.
    pub home_page_url: Option<&'a str>,
    /// For people.
    pub status_page_url: Option<&'a str>,
    /// For monitors.
    pub health_check_url: Option<&'a str>,
    /// For monitors, over TLS.
    pub secure_health_check_url: Option<&'a str>,
    /// Comma-separated virtual addresses.
    pub vip: Option<&'a str>,
    /// Comma-separated virtual addresses of the TLS port.
    pub secure_vip: Option<&'a str>,
    /// When the server last changed it, in ms.
    pub updated_ms: u64,
    /// The client's own clock at its last change, in ms.
    pub dirty_ms: i64,
    /// `ADDED`, `MODIFIED`, `DELETED`; none for an instance outside the registry.
    pub action: Option<&'static str>,
    /// The name of an Amazon scaling group.
    pub asg_name: Option<&'a str>,
}

/// `leaseInfo`: two promises in seconds and four times in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// Seconds between renewals.
    pub renewal_s: u32,
    /// Seconds until the lease ends.
    pub duration_s: u32,
    /// When the instance registered last.
    pub registered_ms: u64,
    /// When it renewed last.
    pub renewed_ms: u64,
    /// When it was taken out, or 0.
    pub evicted_ms: u64,
    /// When it was first up, or 0.
    pub up_ms: u64,
}

impl InstanceInfo {
    /// The instance as its client described it, outside any registry.
    #[must_use]
    pub fn shape(&self) -> Shape<'_> {
        let center = self.data_center.as_ref();
        Shape {
            instance_id: self.instance_id.as_deref(),
            host_name: self.host_name.as_deref().unwrap_or_default(),
            app: self.app.as_deref().unwrap_or_default(),
            ip_addr: self.ip_addr.as_deref().unwrap_or_default(),
            sid: self.sid.as_deref(),
            status: self.status,
            overridden: self.overridden,
            port: self.port,
            secure_port: self.secure_port,
            country_id: self.country_id,
            amazon: center.is_some_and(|center| center.amazon),
            center_name: center.and_then(|it| it.name).unwrap_or(DataCenterName::MyOwn),
            center_metadata: center.map(|it| borrowed(&it.metadata)).unwrap_or_default(),
            lease: LeaseTimes {
                renewal_s: self.renewal_s,
                duration_s: self.duration_s,
                registered_ms: 0,
                renewed_ms: 0,
                evicted_ms: 0,
                up_ms: 0,
            },
            metadata: borrowed(&self.metadata),
            app_group: self.app_group.as_deref(),
            home_page_url: self.home_page_url.as_deref(),
            status_page_url: self.status_page_url.as_deref(),
            health_check_url: self.health_check_url.as_deref(),
            secure_health_check_url: self.secure_health_check_url.as_deref(),
            vip: self.vip.as_deref(),
            secure_vip: self.secure_vip.as_deref(),
            updated_ms: 0,
            dirty_ms: self.last_dirty_ms.unwrap_or_default(),
            action: None,
            asg_name: self.asg_name.as_deref(),
        }
    }
}

fn borrowed(entries: &[(String, String)]) -> Vec<(&str, &str)> {
    entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// The keys of Amazon's metadata that the compact style keeps.
pub(super) const COMPACT_CENTER_KEYS: [&str; 5] =
    ["instance-id", "public-ipv4", "public-hostname", "local-ipv4", "availability-zone"];

/// Writes a document that holds one instance.
#[must_use]
pub fn instance(media: Media, shape: &Shape<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    match media {
        Media::Json => {
            out.extend_from_slice(b"{\"instance\":");
            json_write::full(&mut out, shape);
            out.push(b'}');
        }
        Media::Xml => {
            xml_write::full(&mut out, shape, "instance", 0);
            out.remove(0);
        }
    }
    out
}

/// The text around instances: of one application, or of a listing of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The way to write.
    pub format: Format,
    /// How deep an application stands: 1 in a listing, 0 alone.
    depth: usize,
}

impl Envelope {
    /// The envelope of a listing of applications.
    #[must_use]
    pub fn listing(format: Format) -> Self {
        Envelope { format, depth: 1 }
    }

    /// The envelope of one application.
    #[must_use]
    pub fn alone(format: Format) -> Self {
        Envelope { format, depth: 0 }
    }

    /// What comes before the first application. `version` and `hash` describe the whole registry.
    pub fn open(&self, out: &mut Vec<u8>, version: &str, hash: &str) {
        let parts: &[&str] = match (self.depth, self.format.media, self.format.style) {
            (0, Media::Json, _) => &["{\"application\":"],
            (0, Media::Xml, _) => &[],
            (_, Media::Json, Styled::Full) => &[
                "{\"applications\":{\"versions__delta\":\"",
                version,
                "\",\"apps__hashcode\":\"",
                hash,
                "\",\"application\":[",
            ],
            (_, Media::Json, Styled::Compact) => &["{\"applications\":{\"application\":["],
            (_, Media::Xml, Styled::Full) => &[
                "<applications>\n  <versions__delta>",
                version,
                "</versions__delta>\n  <apps__hashcode>",
                hash,
                "</apps__hashcode>",
            ],
            (_, Media::Xml, Styled::Compact) => &["<applications>"],
        };
        extend(out, parts);
    }

    /// What comes after the last application; `empty` tells whether there was none.
    pub fn close(&self, out: &mut Vec<u8>, version: &str, hash: &str, empty: bool) {
        let empty = if empty { "true" } else { "false" };
        let parts: &[&str] = match (self.depth, self.format.media, self.format.style) {
            (0, Media::Json, _) => &["}"],
            (0, Media::Xml, _) => &[],
            (_, Media::Json, Styled::Full) => &["]}}"],
            (_, Media::Json, Styled::Compact) => &[
                "],\"registeredApplicationsEmpty\":",
                empty,
                ",\"versions__delta\":\"",
                version,
                "\",\"apps__hashcode\":\"",
                hash,
                "\"}}",
            ],
            (_, Media::Xml, Styled::Full) => &["\n</applications>"],
            (_, Media::Xml, Styled::Compact) => &[
                "<registeredApplicationsEmpty>",
                empty,
                "</registeredApplicationsEmpty><versions__delta>",
                version,
                "</versions__delta><apps__hashcode>",
                hash,
                "</apps__hashcode></applications>",
            ],
        };
        extend(out, parts);
    }

    /// Begins an application; `first` tells whether it is the first of its listing.
    pub fn open_app(&self, out: &mut Vec<u8>, name: &str, first: bool) {
        match (self.format.media, self.format.style) {
            (Media::Json, _) => {
                extend(out, &[if first { "{\"name\":" } else { ",{\"name\":" }]);
                json_write::text(out, name);
                extend(out, &[",\"instance\":["]);
            }
            (Media::Xml, Styled::Full) => {
                if self.depth > 0 {
                    xml_write::line(out, self.depth);
                }
                extend(out, &["<application>"]);
                xml_write::line(out, self.depth + 1);
                extend(out, &["<name>"]);
                xml_write::text(out, name);
                extend(out, &["</name>"]);
            }
            (Media::Xml, Styled::Compact) => {
                extend(out, &["<application><name>"]);
                xml_write::text(out, name);
                extend(out, &["</name>"]);
            }
        }
    }

    /// Ends an application.
    pub fn close_app(&self, out: &mut Vec<u8>) {
        match (self.format.media, self.format.style) {
            (Media::Json, _) => extend(out, &["]}"]),
            (Media::Xml, Styled::Full) => {
                xml_write::line(out, self.depth);
                extend(out, &["</application>"]);
            }
            (Media::Xml, Styled::Compact) => extend(out, &["</application>"]),
        }
    }

    /// Writes one instance; `first` tells whether it is the first of its application.
    pub fn instance(&self, out: &mut Vec<u8>, shape: &Shape<'_>, first: bool) {
        if self.format.media == Media::Json && !first {
            out.push(b',');
        }
        match (self.format.media, self.format.style) {
            (Media::Json, Styled::Full) => json_write::full(out, shape),
            (Media::Json, Styled::Compact) => json_write::compact(out, shape),
            (Media::Xml, Styled::Full) => xml_write::full(out, shape, "instance", self.depth + 1),
            (Media::Xml, Styled::Compact) => xml_write::compact(out, shape),
        }
    }
}

fn extend(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// How many instances have which status: what clients compare to see that they missed something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hash {
    counts: [u32; 5],
}

impl Hash {
    /// The order in which Netflix writes them.
    const ORDER: [Status; 5] =
        [Status::Down, Status::OutOfService, Status::Starting, Status::Unknown, Status::Up];

    /// Counts an instance.
    pub fn add(&mut self, status: Status) {
        self.counts[Self::index(status)] += 1;
    }

    /// Counts an instance no more.
    pub fn remove(&mut self, status: Status) {
        let count = &mut self.counts[Self::index(status)];
        *count = count.saturating_sub(1);
    }

    fn index(status: Status) -> usize {
        Self::ORDER.iter().position(|each| *each == status).expect("all statuses are listed")
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (status, count) in Self::ORDER.iter().zip(self.counts) {
            if count > 0 {
                write!(f, "{}_{count}_", status_word(*status))?;
            }
        }
        Ok(())
    }
}
