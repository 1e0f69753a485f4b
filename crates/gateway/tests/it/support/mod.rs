//! A gateway, instances that do as they are told, and a client that sees every byte.

pub(crate) mod backend;
pub(crate) mod client;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto_api::route::RouteSpec;
use rialto_catalog::{Command, InstanceSpec, Millis, Protocol, ServiceKey};
use rialto_door::Shutdown;
use rialto_engine::{Engine, SystemClock};
use rialto_gateway::{Gateway, GatewayConfig};
use rialto_telemetry::Telemetry;

pub(crate) use backend::{Backend, Reaction};
pub(crate) use client::{Answer, Client};

/// Longest time that a test waits for something that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A running gateway; it stops when dropped.
pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) engine: Engine,
    pub(crate) telemetry: Telemetry,
    pub(crate) shutdown: Shutdown,
}

impl Rig {
    pub(crate) fn start(routes: Vec<RouteSpec>) -> Self {
        Self::with(GatewayConfig { routes, ..GatewayConfig::default() })
    }

    pub(crate) fn with(config: GatewayConfig) -> Self {
        Self::with_instances(config, &[])
    }

    /// Registers instances before the gateway starts.
    pub(crate) fn with_instances(config: GatewayConfig, instances: &[(&str, &Backend)]) -> Self {
        let telemetry = Telemetry::new();
        let engine = Engine::in_memory(Arc::new(SystemClock::new()), telemetry.clone());
        for (service, backend) in instances {
            register(&engine, service, backend.address());
        }
        let workers = if config.workers == 0 { 2 } else { config.workers };
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = GatewayConfig { listen, workers, ..config };
        let shutdown = Shutdown::new();
        let gateway =
            rialto_gateway::start(config, engine.clone(), telemetry.clone(), shutdown.clone())
                .expect("the gateway starts");
        Self { gateway, engine, telemetry, shutdown }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.gateway.local_addr())
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut client = self.client();
        client.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.answer()
    }

    /// Kinds of the events so far, newest first.
    pub(crate) fn event_kinds(&self) -> Vec<String> {
        self.telemetry.events().recent(100, None).into_iter().map(|event| event.kind).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

pub(crate) fn register(engine: &Engine, service: &str, address: SocketAddr) {
    let (host, id) = (address.ip().to_string(), address.to_string());
    let ttl = Millis(3_600_000);
    let spec = InstanceSpec::new(&id, Protocol::Sdk, &host, address.port(), ttl);
    let service = ServiceKey::named(service).expect("a valid name");
    engine.apply(Command::Register { service, spec }).expect("the catalog takes it");
}

pub(crate) fn deregister(engine: &Engine, service: &str, address: SocketAddr) {
    let service = ServiceKey::named(service).expect("a valid name");
    let command = Command::Deregister { service, protocol: Protocol::Sdk, id: address.to_string() };
    engine.apply(command).expect("the catalog takes it");
}

/// A route from a path to a target, both as on the command line.
pub(crate) fn route(text: &str) -> RouteSpec {
    RouteSpec::parse_shorthand(text).expect("a valid shorthand")
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
