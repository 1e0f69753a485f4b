//! Bytes to messages and back: what an instance, a listing and a replication batch look like in
//! JSON and XML, full and compact. Nothing here knows the catalog, a clock or a socket.

mod batch;
mod gzip;
mod json_read;
mod json_write;
mod listing;
mod names;
mod problem;
mod status;
mod value;
mod xml_read;
mod xml_write;

pub use batch::{Action, Batch, BatchAnswer, BatchItem, ItemAnswer};
pub use gzip::{Member, Piece, inflate};
pub use json_read::{fuzz_batch, fuzz_json};
pub use listing::{Envelope, Format, Hash, LeaseTimes, Shape, Styled, instance};
pub use names::{decode_name, encode_name};
pub use problem::{Problem, ProblemBody};
pub use status::{StatusInfo, write_status};
pub use xml_read::fuzz_xml;

use rialto_catalog::Status;

/// A request body that cannot be taken. Answered with 400 and [`Refused::body`].
#[derive(Debug, thiserror::Error)]
#[error("the body is not an instance as Eureka clients send it: {reason}")]
pub struct Refused {
    reason: String,
}

impl Refused {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Refused { reason: reason.into() }
    }

    /// The body that Netflix's server answers with, in the type of the request's body.
    #[must_use]
    pub fn body(media: Media) -> &'static str {
        match media {
            Media::Json => r#"{"error": "cannot parse request body"}"#,
            Media::Xml => "<error><message>cannot parse request body</message></error>",
        }
    }
}

/// The two languages of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// `application/json`
    Json,
    /// `application/xml`
    Xml,
}

impl Media {
    /// The media type as the Content-Type header says it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Media::Json => "application/json",
            Media::Xml => "application/xml",
        }
    }
}

/// An instance as a client describes it; what it did not say is `None` or Netflix's default.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceInfo {
    /// The identity within the application; an empty one counts as absent but is shown as given.
    pub instance_id: Option<String>,
    /// Required by the session.
    pub host_name: Option<String>,
    /// Upper case.
    pub app: Option<String>,
    /// Required by the session.
    pub ip_addr: Option<String>,
    /// `None` for Netflix's `na`, which is never written.
    pub sid: Option<String>,
    /// What the client says of itself; unknown words become `Unknown`.
    pub status: Status,
    /// `Unknown` when there is none.
    pub overridden: Status,
    /// The plain port, by default 7001 and enabled.
    pub port: Port,
    /// The TLS port, by default 7002 and not enabled.
    pub secure_port: Port,
    /// By default 1.
    pub country_id: i32,
    /// Required by the session.
    pub data_center: Option<DataCenter>,
    /// Seconds between renewals as the client promises them; never below 1.
    pub renewal_s: u32,
    /// Seconds until a lease ends; never below 1.
    pub duration_s: u32,
    /// In the order given.
    pub metadata: Vec<(String, String)>,
    /// Upper case.
    pub app_group: Option<String>,
    /// For people.
    pub home_page_url: Option<String>,
    /// For people.
    pub status_page_url: Option<String>,
    /// For monitors.
    pub health_check_url: Option<String>,
    /// For monitors, over TLS.
    pub secure_health_check_url: Option<String>,
    /// Comma-separated virtual addresses.
    pub vip: Option<String>,
    /// Comma-separated virtual addresses of the TLS port.
    pub secure_vip: Option<String>,
    /// The client's clock when it last changed what it says, in ms; a text that is no number is 0.
    pub last_dirty_ms: Option<i64>,
    /// The name of an Amazon scaling group.
    pub asg_name: Option<String>,
}

/// A port and whether it is served. The number is kept as sent, which may be no port at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// As sent.
    pub number: i32,
    /// Whether the instance serves it.
    pub enabled: bool,
}

/// Where an instance runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCenter {
    /// Whether it was sent as Netflix's class for Amazon, the only one that carries metadata.
    pub amazon: bool,
    /// `None` when the name is missing, which the session refuses.
    pub name: Option<DataCenterName>,
    /// Only for Amazon.
    pub metadata: Vec<(String, String)>,
}

/// The three names that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataCenterName {
    /// `Netflix`
    Netflix,
    /// `Amazon`
    Amazon,
    /// `MyOwn`
    MyOwn,
}

impl DataCenterName {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DataCenterName::Netflix => "Netflix",
            DataCenterName::Amazon => "Amazon",
            DataCenterName::MyOwn => "MyOwn",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [DataCenterName::Netflix, DataCenterName::Amazon, DataCenterName::MyOwn]
            .into_iter()
            .find(|name| name.as_str() == text)
    }
}

pub(crate) const DEFAULT_CLASS: &str = "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo";
pub(crate) const MY_OWN_CLASS: &str = "com.netflix.appinfo.MyDataCenterInfo";
pub(crate) const AMAZON_CLASS: &str = "com.netflix.appinfo.AmazonInfo";
pub(crate) const EMPTY_MAP_CLASS: &str = "java.util.Collections$EmptyMap";

/// What a lease lasts when the client does not say, in seconds.
pub const DURATION_S_DEFAULT: u32 = 90;
/// How often a client renews when it does not say, in seconds.
pub const RENEWAL_S_DEFAULT: u32 = 30;

impl Default for InstanceInfo {
    fn default() -> Self {
        InstanceInfo {
            instance_id: None,
            host_name: None,
            app: None,
            ip_addr: None,
            sid: None,
            status: Status::Up,
            overridden: Status::Unknown,
            port: Port { number: 7001, enabled: true },
            secure_port: Port { number: 7002, enabled: false },
            country_id: 1,
            data_center: None,
            renewal_s: RENEWAL_S_DEFAULT,
            duration_s: DURATION_S_DEFAULT,
            metadata: Vec::new(),
            app_group: None,
            home_page_url: None,
            status_page_url: None,
            health_check_url: None,
            secure_health_check_url: None,
            vip: None,
            secure_vip: None,
            last_dirty_ms: None,
            asg_name: None,
        }
    }
}

impl InstanceInfo {
    /// Reads the body of a registration.
    ///
    /// # Errors
    /// When the body is not what a Eureka client sends, or goes beyond a limit.
    pub fn decode(media: Media, body: &[u8]) -> Result<Self, Refused> {
        match media {
            Media::Json => json_read::instance(body),
            Media::Xml => xml_read::instance(body),
        }
    }

    /// The identity within the application: the id, else Amazon's, else the host name.
    #[must_use]
    pub fn effective_id(&self) -> Option<&str> {
        let amazon = self.data_center.as_ref().filter(|center| center.amazon).and_then(|center| {
            center.metadata.iter().find(|(key, _)| key == "instance-id").map(|(_, id)| id.as_str())
        });
        [self.instance_id.as_deref(), amazon, self.host_name.as_deref()]
            .into_iter()
            .flatten()
            .find(|id| !id.is_empty())
    }
}

/// The status that a word means; unknown words mean `Unknown`.
#[must_use]
pub fn status_of(word: &str) -> Status {
    exact_status(word).unwrap_or(Status::Unknown)
}

/// The status that a word names exactly.
#[must_use]
pub fn exact_status(word: &str) -> Option<Status> {
    Some(match word {
        "UP" => Status::Up,
        "STARTING" => Status::Starting,
        "DOWN" => Status::Down,
        "OUT_OF_SERVICE" => Status::OutOfService,
        "UNKNOWN" => Status::Unknown,
        _ => return None,
    })
}

/// The word on the wire.
#[must_use]
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Up => "UP",
        Status::Starting => "STARTING",
        Status::Down => "DOWN",
        Status::OutOfService => "OUT_OF_SERVICE",
        Status::Unknown => "UNKNOWN",
    }
}
