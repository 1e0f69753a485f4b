//! Protobuf words to catalog words, and back.

use rialto_api::proto;
use rialto_catalog::{Instance, InstanceSpec, InvalidName, Millis, Protocol, ServiceKey};

use crate::limits::TTL_DEFAULT;

/// The service that is meant; empty parts stand for the defaults.
pub(crate) fn service_key(name: Option<&proto::ServiceName>) -> Result<ServiceKey, InvalidName> {
    let Some(name) = name else { return ServiceKey::named("") };
    let or = |given: &str, default: &'static str| {
        if given.is_empty() { default.to_owned() } else { given.to_owned() }
    };
    let namespace = or(&name.namespace, ServiceKey::NAMESPACE_DEFAULT);
    let group = or(&name.group, ServiceKey::GROUP_DEFAULT);
    ServiceKey::new(&namespace, &group, &name.name)
}

/// What the catalog is told of a registration; ports that are none are refused.
pub(crate) fn spec(instance: proto::Instance, ttl_ms: u64) -> Result<InstanceSpec, String> {
    let port = |number: u32, what: &str| {
        u16::try_from(number).map_err(|_| format!("{what} {number} is not a port (0 to 65535)"))
    };
    let ttl_ms = if ttl_ms == 0 { TTL_DEFAULT.as_millis() as u64 } else { ttl_ms };
    let main = port(instance.port, "port")?;
    let mut spec =
        InstanceSpec::new(&instance.id, Protocol::Sdk, &instance.host, main, Millis(ttl_ms));
    let secure = port(instance.secure_port, "secure_port")?;
    spec.secure_port = (secure != 0).then_some(secure);
    spec.zone = instance.zone;
    spec.weight = instance.weight;
    spec.metadata = instance.metadata.into_iter().collect();
    // Maps of protobuf have no order; the catalog keeps the one it is given.
    spec.metadata.sort();
    Ok(spec)
}

/// An instance as a watcher sees it.
pub(crate) fn instance(instance: &Instance) -> proto::Instance {
    proto::Instance {
        id: instance.id().to_owned(),
        host: instance.host().to_owned(),
        port: instance.port().into(),
        secure_port: instance.secure_port().unwrap_or(0).into(),
        zone: instance.zone().to_owned(),
        weight: instance.weight(),
        metadata: instance
            .metadata()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        available: instance.available(),
        protocol: instance.protocol().as_str().to_owned(),
        registered_ms: instance.registered().0,
    }
}
