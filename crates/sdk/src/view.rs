//! The instances of one service as this process sees them at present.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rialto_api::proto;
use tokio::sync::watch;

/// An instance that may be called, or might be later.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Identifier in its service and protocol.
    pub id: String,
    /// Which door it came by: `sdk`, `eureka`, `rest`.
    pub protocol: String,
    /// Host and port, as they stand in a URL.
    pub authority: String,
    /// Zone, empty when unknown.
    pub zone: String,
    /// Relative share of the calls.
    pub weight: f64,
    /// Whether it may be sent traffic.
    pub available: bool,
    /// Free text that came with it.
    pub metadata: BTreeMap<String, String>,
    /// When it was registered, in milliseconds since the epoch; 0 when that is not known.
    pub registered_ms: u64,
}

/// Protocol and identifier.
pub(crate) type Key = (String, String);

impl Endpoint {
    /// `None` for an instance that offers no plain port.
    pub(crate) fn read(instance: proto::Instance) -> Option<Self> {
        let port = u16::try_from(instance.port).ok().filter(|port| *port != 0)?;
        let host = instance.host;
        let authority =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        http::uri::Authority::try_from(authority.as_str()).ok()?;
        Some(Self {
            id: instance.id,
            protocol: instance.protocol,
            authority,
            zone: instance.zone,
            weight: if instance.weight.is_finite() { instance.weight.max(0.0) } else { 1.0 },
            available: instance.available,
            metadata: instance.metadata.into_iter().collect(),
            registered_ms: instance.registered_ms,
        })
    }

    /// An instance known beforehand.
    pub(crate) fn fixed(authority: &str) -> Self {
        Self {
            id: authority.to_owned(),
            protocol: "fixed".to_owned(),
            authority: authority.to_owned(),
            zone: String::new(),
            weight: 1.0,
            available: true,
            metadata: BTreeMap::new(),
            registered_ms: 0,
        }
    }

    pub(crate) fn key(&self) -> Key {
        (self.protocol.clone(), self.id.clone())
    }
}

/// A list that one task replaces and many calls read, without locks.
#[derive(Debug)]
pub(crate) struct View {
    listed: ArcSwap<Listed>,
    ready: watch::Sender<bool>,
}

/// A list and which it is.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// Grows with each list.
    pub(crate) version: u64,
    /// Those that may be called, sorted by protocol and identifier.
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
}

impl View {
    pub(crate) fn new() -> Self {
        Self { listed: ArcSwap::default(), ready: watch::Sender::new(false) }
    }

    /// Replaces the list. Only the one task that follows the service calls this.
    pub(crate) fn publish(&self, endpoints: Vec<Arc<Endpoint>>) {
        let version = self.listed.load().version + 1;
        self.listed.store(Arc::new(Listed { version, endpoints }));
        self.ready.send_replace(true);
    }

    pub(crate) fn listed(&self) -> Arc<Listed> {
        self.listed.load_full()
    }

    /// Waits for the first list.
    pub(crate) async fn ready(&self) {
        let mut ready = self.ready.subscribe();
        // The sender lives as long as `self`.
        _ = ready.wait_for(|ready| *ready).await;
    }
}

#[cfg(test)]
mod tests {
    use rialto_api::proto::Instance;

    use super::Endpoint;

    #[test]
    fn reads_what_can_be_called() {
        let instance = |host: &str, port| Instance {
            host: host.into(),
            port,
            weight: f64::NAN,
            ..Instance::default()
        };
        let authority = |host, port| Endpoint::read(instance(host, port)).map(|e| e.authority);
        assert_eq!(authority("127.0.0.1", 80).unwrap(), "127.0.0.1:80");
        assert_eq!(authority("::1", 80).unwrap(), "[::1]:80");
        assert_eq!(authority("a b", 80), None);
        assert_eq!(authority("a", 0), None);
        assert_eq!(authority("a", 70_000), None);
        assert_eq!(Endpoint::read(instance("a", 1)).unwrap().weight, 1.0);
    }
}
