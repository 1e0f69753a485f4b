//! What goes in and out of naming calls that are not on the hot path.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::push::ConnectionId;

/// A connection's client as it is shown to operators.
#[derive(Debug, Clone)]
pub struct Client {
    /// The connection.
    pub connection: ConnectionId,
    /// Its identifier in Nacos's form, `<ms>_<ip>_<port>`.
    pub name: Arc<str>,
    /// The other end of the socket.
    pub remote: SocketAddr,
    /// E.g. `Nacos-Java-Client:v3.0.3`.
    pub agent: Arc<str>,
    /// The application's name, `unknown` when it says none.
    pub app: Arc<str>,
}

/// Who an ephemeral instance lives by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A connection: it goes when the connection does.
    Connection(ConnectionId),
    /// Its own beats, under the client identifier `ip:port#true`.
    Beat,
}

/// One instance of a service, as operators name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Address.
    pub ip: &'a str,
    /// Port.
    pub port: u16,
    /// Cluster; empty is `DEFAULT`.
    pub cluster: &'a str,
}

/// What a connection wants to watch by a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FuzzyForm<'a> {
    /// `namespace>>group>>service`, the last two with `*` at either end.
    pub pattern: &'a str,
    /// Services that the client knows already, as `namespace@@group@@service`.
    pub received: &'a [&'a str],
    /// Whether the end of what there is now is to be told.
    pub initial: bool,
}

/// The answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BeatAnswer {
    /// When the next beat is expected, in milliseconds.
    pub client_beat_interval: u64,
    /// 10200, or 20404 when the instance is unknown and must be registered.
    pub code: u32,
    /// Whether later beats may leave out the instance: always.
    pub light_beat_enabled: bool,
}

/// An instance as every answer shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceInfo {
    /// Identifier, `ip#port#cluster#GROUP@@service` unless the client made its own.
    pub instance_id: String,
    /// Address.
    pub ip: String,
    /// Port.
    pub port: u16,
    /// Share of the traffic.
    pub weight: f64,
    /// Whether it works.
    pub healthy: bool,
    /// Whether it wants traffic.
    pub enabled: bool,
    /// Whether it lives by its connection or its beats.
    pub ephemeral: bool,
    /// Cluster.
    pub cluster_name: String,
    /// `GROUP@@name`.
    pub service_name: String,
    /// In the order in which it was given.
    #[serde(serialize_with = "as_map")]
    pub metadata: Vec<(String, String)>,
    /// How often it beats, in milliseconds.
    pub instance_heart_beat_interval: u64,
    /// How long after a beat it is healthy, in milliseconds.
    pub instance_heart_beat_time_out: u64,
    /// How long after a beat it is there, in milliseconds.
    pub ip_delete_timeout: u64,
    /// Who makes its identifier, as the real server shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id_generator: Option<String>,
}

/// What an operator changes of an instance. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstanceChange {
    /// Share of the traffic, 0 to 10,000.
    pub weight: Option<f64>,
    /// Whether it wants traffic.
    pub enabled: Option<bool>,
    /// Metadata that is put over what the instance says.
    pub metadata: Option<Vec<(String, String)>>,
}

/// A service as an operator makes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceForm {
    /// Share of healthy instances at or below which all are given as healthy, 0 to 1.
    pub protect_threshold: f32,
    /// What the service carries itself.
    pub metadata: Vec<(String, String)>,
    /// JSON of the selector; empty is none.
    pub selector: String,
    /// Whether its instances are ephemeral.
    pub ephemeral: bool,
}

/// How the health of a cluster's persistent instances is found out; reads and writes as Nacos's
/// JSON.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub enum Checker {
    /// Connects.
    #[default]
    Tcp,
    /// Asks.
    Http {
        /// Path.
        #[serde(default)]
        path: String,
        /// `name:value|name:value`.
        #[serde(default)]
        headers: String,
        /// Status that says that it works.
        #[serde(default = "ok", rename = "expectedResponseCode")]
        expected: u16,
    },
    /// Signs in and asks.
    Mysql {
        /// User.
        #[serde(default)]
        user: String,
        /// Password.
        #[serde(default, rename = "pwd")]
        password: String,
        /// Statement.
        #[serde(default, rename = "cmd")]
        command: String,
    },
    /// Not at all: by calls alone.
    None,
}

/// A cluster as an operator changes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterForm {
    /// Its name.
    pub cluster: String,
    /// Port of checks, unless the instance's own is used.
    pub check_port: u16,
    /// Whether checks go to the instance's own port.
    pub use_instance_port: bool,
    /// JSON of the checker; empty is TCP.
    pub checker: String,
    /// What the cluster carries itself.
    pub metadata: Vec<(String, String)>,
}

/// A service with its clusters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDetail {
    /// Namespace.
    pub namespace_id: String,
    /// Group.
    pub group_name: String,
    /// Bare name.
    pub service_name: String,
    /// Whether its instances are ephemeral.
    pub ephemeral: bool,
    /// See [`ServiceForm::protect_threshold`].
    pub protect_threshold: f32,
    /// What the service carries itself.
    #[serde(serialize_with = "as_map")]
    pub metadata: Vec<(String, String)>,
    /// The selector's type: `none` or `label`.
    pub selector_type: String,
    /// The selector's expression, if it has one.
    pub selector_expression: Option<String>,
    /// By name.
    pub clusters: Vec<ClusterInfo>,
}

/// A cluster of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInfo {
    /// Its name.
    pub cluster_name: String,
    /// Port of checks.
    #[serde(rename = "healthyCheckPort")]
    pub health_check_port: u16,
    /// Whether checks go to the instance's own port.
    pub use_instance_port_for_check: bool,
    /// The checker's JSON.
    pub health_checker: serde_json::Value,
    /// What the cluster carries itself.
    #[serde(serialize_with = "as_map")]
    pub metadata: Vec<(String, String)>,
}

/// A page of something.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// How many there are on all pages.
    pub count: usize,
    /// Those of this page.
    pub items: Vec<T>,
}

/// A row of a list of services.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRow {
    /// Bare name.
    pub name: String,
    /// Group.
    pub group_name: String,
    /// Clusters that have instances.
    pub cluster_count: usize,
    /// Instances.
    pub ip_count: usize,
    /// Healthy ones.
    pub healthy_instance_count: usize,
    /// Whether the protect threshold is reached.
    pub trigger_flag: bool,
}

/// Who subscribes to a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriberRow {
    /// Address and port of the client's connection.
    pub addr_str: String,
    /// E.g. `Nacos-Java-Client:v3.0.3`.
    pub agent: String,
    /// The application's name.
    pub app: String,
    /// Address of the client's connection.
    pub ip: String,
    /// Port of the client's connection.
    pub port: u16,
    /// Namespace.
    pub namespace_id: String,
    /// `GROUP@@name`.
    pub service_name: String,
    /// Clusters asked for.
    pub cluster: String,
    /// The client's identifier.
    pub client_id: String,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientRow {
    /// Identifier: of a connection, or `ip:port#true` and `ip:port#false`.
    pub client_id: String,
    /// `connection` or `ipPort`.
    pub client_type: String,
    /// Whether what it publishes is ephemeral.
    pub ephemeral: bool,
    /// Last sign of life.
    pub last_updated_time: u64,
    /// Address.
    pub client_ip: String,
    /// Port.
    pub client_port: u16,
    /// When it connected; of connections only.
    pub create_time: u64,
    /// E.g. `Nacos-Java-Client:v3.0.3`; of connections only.
    pub version: String,
    /// The application's name; of connections only.
    pub app_name: String,
}

/// What a client publishes at a service, or subscribes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublisherRow {
    /// The client.
    pub client_id: String,
    /// Namespace of the service.
    pub namespace_id: String,
    /// Group of the service.
    pub group_name: String,
    /// Bare name of the service.
    pub service_name: String,
    /// Address published, or of the subscriber.
    pub ip: String,
    /// Port published, or of the subscriber.
    pub port: u16,
    /// Cluster published, or clusters asked for.
    pub cluster: String,
}

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Services.
    pub service_count: usize,
    /// Instances.
    pub instance_count: usize,
    /// Subscriptions.
    pub subscribe_count: usize,
    /// Clients of all kinds.
    pub client_count: usize,
    /// Those with a connection.
    pub connection_based_client_count: usize,
    /// Those that beat.
    pub ephemeral_ip_port_client_count: usize,
    /// Those of persistent instances.
    pub persistent_ip_port_client_count: usize,
}

impl std::fmt::Debug for Checker {
    /// Without passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp => f.write_str("Tcp"),
            Self::Http { path, expected, .. } => write!(f, "Http({path}, {expected})"),
            Self::Mysql { user, .. } => write!(f, "Mysql({user})"),
            Self::None => f.write_str("None"),
        }
    }
}

const fn ok() -> u16 {
    200
}

/// Writes pairs as a JSON object; of a key given twice, the later value is written.
fn as_map<S: serde::Serializer>(
    pairs: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let last = |at: usize, key: &str| !pairs[at + 1..].iter().any(|(later, _)| later == key);
    let kept = pairs.iter().enumerate().filter(|(at, (key, _))| last(*at, key));
    serializer.collect_map(kept.map(|(_, (key, value))| (key, value)))
}
