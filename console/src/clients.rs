//! What only doors know whose clients stay connected: who is subscribed to a service, who listens
//! to a configuration, and how a door writes configurations into a file and reads them back. The
//! server gives an implementation; the console knows no door.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use rialto_catalog::{Protocol, ServiceKey};
use rialto_configuration::{ConfigKey, Entry, ImportOutcome, ImportPolicy, Origin};

/// Asks the doors. Called for each look at a page: it must not block.
pub trait Clients: Send + Sync {
    /// Who is told of every change of a service. At most
    /// [`CLIENTS_MAX`](crate::limits::CLIENTS_MAX) are shown.
    fn subscribers(&self, service: &ServiceKey) -> Vec<Subscriber>;

    /// Who listens to a configuration. At most [`CLIENTS_MAX`](crate::limits::CLIENTS_MAX) are
    /// shown.
    fn listeners(&self, key: &ConfigKey) -> Vec<Listener>;

    /// What a door keeps of a service beside its instances; `None` when it keeps nothing.
    fn service(&self, service: &ServiceKey) -> Option<ServiceFacts>;

    /// Changes an instance of the Nacos door for good, whoever registers it again.
    fn change_instance<'a>(
        &'a self,
        service: &'a ServiceKey,
        id: &'a str,
        change: InstanceChange,
    ) -> Changed<'a>;

    /// Configurations as a file that can be read back.
    ///
    /// # Errors
    /// When they are too many or too large for one file, in words.
    fn pack(&self, entries: &[Arc<Entry>]) -> Result<Vec<u8>, String>;

    /// Publishes what a file holds.
    fn import(&self, file: ImportFile) -> Importing<'_>;
}

/// The answer to [`Clients::change_instance`].
pub type Changed<'a> = Pin<Box<dyn Future<Output = Result<(), NotChanged>> + Send + 'a>>;

/// What is changed of an instance; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct InstanceChange {
    /// Share of the traffic, 0 to 10,000.
    pub weight: Option<f64>,
    /// Whether it wants traffic.
    pub enabled: Option<bool>,
}

/// Why an instance was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotChanged {
    /// There is none.
    Gone,
    /// It cannot be so.
    Refused,
    /// It could not be made durable, for this reason.
    Failed(String),
}

/// Configurations to bring in.
#[derive(Debug, Clone)]
pub struct ImportFile {
    /// The file, as it was sent.
    pub file: Bytes,
    /// Where to.
    pub namespace: String,
    /// What to do about what is there already.
    pub policy: ImportPolicy,
    /// Who asks.
    pub origin: Origin,
}

/// The answer to [`Clients::import`]: what came of it, and names of what in the file is no
/// configuration; or why nothing was brought in, in words.
pub type Importing<'a> =
    Pin<Box<dyn Future<Output = Result<(ImportOutcome, Vec<String>), String>> + Send + 'a>>;

/// Somebody who is told of every change of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// Through which door.
    pub protocol: Protocol,
    /// Where it comes from: `10.0.0.7` or `10.0.0.7:51234`.
    pub address: String,
    /// Name and version of the client; empty when it does not say.
    pub client: String,
    /// The application that it belongs to; empty when it does not say.
    pub app: String,
    /// Clusters that it wants, separated by commas; empty for all.
    pub clusters: String,
}

/// Somebody who is told of every change of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where it comes from: `10.0.0.7` or `10.0.0.7:51234`.
    pub address: String,
    /// Name and version of the client; empty when it does not say.
    pub client: String,
    /// The tag by which it sees a gray version; empty when it has none.
    pub tag: String,
    /// The digest of what it has, as 32 hexadecimal digits; empty for nothing.
    pub md5: String,
}

/// What a door keeps of a service beside its instances.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceFacts {
    /// Share of healthy instances from which on all are given out; 0 for never.
    pub protect_threshold: f64,
    /// By which labels instances are chosen; empty for none.
    pub selector: String,
    /// Its clusters, by name.
    pub clusters: Vec<Cluster>,
}

/// A part of a service's instances that is checked in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// How its permanent instances are checked: `TCP`, `HTTP /health`, `NONE`.
    pub checker: String,
    /// The port that is checked, when it is not the instance's own.
    pub check_port: Option<u16>,
}

/// No door has clients that stay connected.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClients;

impl Clients for NoClients {
    fn subscribers(&self, _: &ServiceKey) -> Vec<Subscriber> {
        Vec::new()
    }

    fn listeners(&self, _: &ConfigKey) -> Vec<Listener> {
        Vec::new()
    }

    fn service(&self, _: &ServiceKey) -> Option<ServiceFacts> {
        None
    }

    fn change_instance<'a>(
        &'a self,
        _: &'a ServiceKey,
        _: &'a str,
        _: InstanceChange,
    ) -> Changed<'a> {
        Box::pin(std::future::ready(Err(NotChanged::Gone)))
    }

    fn pack(&self, _: &[Arc<Entry>]) -> Result<Vec<u8>, String> {
        Err("no door that writes such files is open".to_owned())
    }

    fn import(&self, _: ImportFile) -> Importing<'_> {
        let refused = Err("no door that reads such files is open".to_owned());
        Box::pin(std::future::ready(refused))
    }
}

impl fmt::Debug for dyn Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clients")
    }
}
