//! Services as the request path sees them: sets of endpoints that the control thread replaces.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rialto_balance::Settings;

use crate::table::plan::Destination;

/// A service, shared by all workers.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its name in events, metrics and logs.
    pub(crate) name: String,
    set: ArcSwap<EndpointSet>,
    version: AtomicU64,
}

/// The endpoints of a service at one moment.
#[derive(Debug, Default)]
pub(crate) struct EndpointSet {
    pub(crate) version: u64,
    pub(crate) endpoints: Vec<EndpointInfo>,
}

/// Where an instance can be reached.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointInfo {
    /// Unique in its service for the life of the process.
    pub(crate) id: u32,
    pub(crate) address: SocketAddr,
    /// `host:port` as the instance gave it: what Host says to it, and its name in events.
    pub(crate) authority: Arc<str>,
    pub(crate) weight: f64,
    pub(crate) zone: Arc<str>,
    /// When it was registered, in milliseconds since the epoch: another time, another process.
    pub(crate) since_ms: u64,
}

/// A service together with a way to choose among its endpoints.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Unique for the life of the process.
    pub(crate) number: u32,
    pub(crate) service: Arc<Service>,
    pub(crate) settings: Settings,
}

impl Service {
    pub(crate) fn new(destination: &Destination) -> Self {
        let name = match destination {
            Destination::Service(name) => name.clone(),
            Destination::Fixed { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Destination::Fixed { host, port } => format!("{host}:{port}"),
        };
        Self { name, set: ArcSwap::default(), version: AtomicU64::new(0) }
    }

    /// Replaces the endpoints, unless they are the same.
    pub(crate) fn publish(&self, endpoints: Vec<EndpointInfo>) {
        let old = self.set.load();
        if old.version > 0 && old.endpoints == endpoints {
            return;
        }
        let version = old.version + 1;
        self.set.store(Arc::new(EndpointSet { version, endpoints }));
        // After the set: a worker that sees the version finds at least that set.
        self.version.store(version, Ordering::Release);
    }

    /// Grows with each change; 0 until the first set is known.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn endpoints(&self) -> Arc<EndpointSet> {
        self.set.load_full()
    }
}
