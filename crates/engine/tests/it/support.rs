//! Engines and specifications for tests.

use std::path::Path;
use std::sync::Arc;

use rialto_catalog::{
    Command, DocumentKey, DocumentKind, InstanceSpec, Millis, Promise, Protocol, ServiceKey,
    Timestamp,
};
use rialto_engine::{Engine, EngineConfig, ManualClock, OpenError};
use rialto_telemetry::Telemetry;

pub(crate) const START: Timestamp = Timestamp(1_764_000_000_000);
pub(crate) const TTL: Millis = Millis(30_000);

pub(crate) fn key(name: &str) -> ServiceKey {
    ServiceKey::named(name).unwrap()
}

pub(crate) fn ephemeral(id: &str) -> InstanceSpec {
    InstanceSpec::new(id, Protocol::Sdk, "10.0.0.1", 8080, TTL)
}

pub(crate) fn agreed(id: &str) -> InstanceSpec {
    InstanceSpec { promise: Promise::Agreed, ttl: None, ..ephemeral(id) }
}

pub(crate) fn register(service: &str, spec: InstanceSpec) -> Command {
    Command::Register { service: key(service), spec }
}

pub(crate) fn deregister(service: &str, id: &str) -> Command {
    Command::Deregister { service: key(service), protocol: Protocol::Sdk, id: id.to_owned() }
}

pub(crate) fn put_route(name: &str, body: &str) -> Command {
    Command::PutDocument { key: route(name), body: body.to_owned().into() }
}

pub(crate) fn route(name: &str) -> DocumentKey {
    DocumentKey::new(DocumentKind::Route, name).unwrap()
}

pub(crate) fn memory() -> (Engine, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(START));
    (Engine::in_memory(clock.clone(), Telemetry::new()), clock)
}

/// Opens a directory at a moment, with the clock that shows it.
pub(crate) fn open_at(dir: &Path, now: Timestamp) -> Result<(Engine, Arc<ManualClock>), OpenError> {
    let clock = Arc::new(ManualClock::new(now));
    let config = EngineConfig { data_dir: Some(dir.to_owned()), ..EngineConfig::default() };
    Ok((Engine::open(config, clock.clone(), Telemetry::new())?, clock))
}

pub(crate) fn open(dir: &Path) -> Engine {
    open_at(dir, START).unwrap().0
}

pub(crate) fn ids(engine: &Engine, service: &str) -> Vec<String> {
    engine.read(|state| {
        let service = state.service(&key(service));
        let instances = service.map(|one| one.instances().to_vec()).unwrap_or_default();
        instances.iter().map(|one| one.id().to_owned()).collect()
    })
}
