//! From the catalog's records to what pages show of them.

use rialto_catalog::{Instance, Promise, Protocol, ServiceKey, ServiceRef, State, Status};
use rialto_engine::Engine;

use crate::limits::INSTANCES_MAX;
use crate::survey::{self, Health};

/// A service in a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceRow {
    pub(crate) key: ServiceKey,
    pub(crate) instances: usize,
    pub(crate) available: usize,
    pub(crate) protocols: Vec<&'static str>,
    pub(crate) health: Health,
    /// The newest registration or change of an instance.
    pub(crate) changed_ms: Option<u64>,
    pub(crate) revision: u64,
}

/// A service on its page.
#[derive(Debug)]
pub(crate) struct ServiceDetail {
    pub(crate) row: ServiceRow,
    pub(crate) since_ms: Option<u64>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) instances: Vec<InstanceRow>,
}

/// An instance on its service's page.
#[derive(Debug)]
pub(crate) struct InstanceRow {
    /// Position, for identifiers of form fields.
    pub(crate) at: usize,
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) protocol: &'static str,
    pub(crate) zone: String,
    pub(crate) weight: String,
    pub(crate) status: &'static str,
    pub(crate) overridden: bool,
    pub(crate) promise: &'static str,
    /// How it lives, when not by a lease.
    pub(crate) bound: &'static str,
    /// Whether its door was told that it wants no traffic.
    pub(crate) disabled: bool,
    /// Whether what an operator changes of it outlives its registration.
    pub(crate) kept: bool,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) registered_ms: u64,
    pub(crate) lease: Option<LeaseRow>,
    pub(crate) revision: u64,
}

#[derive(Debug)]
pub(crate) struct LeaseRow {
    pub(crate) ttl_ms: u64,
    pub(crate) renewed_ms: u64,
    pub(crate) expires_ms: u64,
}

/// Protocols that the service's instances came by.
pub(crate) fn protocols(service: &ServiceRef<'_>) -> Vec<&'static str> {
    let present = Protocol::ALL.into_iter().filter(|protocol| service.count(*protocol) > 0);
    present.map(Protocol::as_str).collect()
}

pub(crate) fn row(service: &ServiceRef<'_>) -> ServiceRow {
    ServiceRow {
        key: service.key().clone(),
        instances: service.len(),
        available: service.available(),
        protocols: protocols(service),
        health: Health::of(service),
        changed_ms: service.instances().iter().map(|one| one.changed().0).max(),
        revision: service.revision().0,
    }
}

/// A service with its first instances.
pub(crate) fn detail(engine: &Engine, key: &ServiceKey) -> Option<ServiceDetail> {
    engine.read(|state: &State| {
        let service = state.service(key)?;
        let row = row(&service);
        let instances = service.instances().iter().take(INSTANCES_MAX).enumerate();
        Some(ServiceDetail {
            since_ms: survey::since_ms(&service, &row.health),
            row,
            metadata: service.metadata().to_vec(),
            instances: instances.map(|(at, one)| instance_row(&service, one, at)).collect(),
        })
    })
}

fn instance_row(service: &ServiceRef<'_>, instance: &Instance, at: usize) -> InstanceRow {
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let kept = instance.protocol() == Protocol::Nacos;
    InstanceRow {
        at,
        id: instance.id().to_owned(),
        address: address(instance),
        protocol: instance.protocol().as_str(),
        zone: instance.zone().to_owned(),
        weight: crate::format::weight(instance.weight()),
        status: instance.status().as_str(),
        overridden: instance.overridden(),
        promise: instance.promise().as_str(),
        bound: match instance.promise() {
            Promise::Agreed => Promise::Agreed.as_str(),
            Promise::Ephemeral => "session",
        },
        disabled: kept && instance.status() == Status::OutOfService,
        kept,
        metadata: instance.metadata().map(pair).collect(),
        registered_ms: instance.registered().0,
        lease: service.lease(instance).map(|lease| LeaseRow {
            ttl_ms: lease.ttl.0,
            renewed_ms: lease.renewed.0,
            expires_ms: lease.expires.0,
        }),
        revision: instance.revision().0,
    }
}

fn address(instance: &Instance) -> String {
    let port = match (instance.port(), instance.secure_port()) {
        (0, Some(secure)) => secure,
        (port, _) => port,
    };
    format!("{}:{port}", instance.host())
}
