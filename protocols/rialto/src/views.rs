//! Catalog words to REST words.

use std::collections::BTreeMap;

use rialto_api::rest::{InstanceView, LeaseView, Protection, ServiceDetail, ServiceSummary};
use rialto_catalog::{Instance, LeaseInfo, ProtectionState, Protocol, ServiceRef};

pub(crate) fn summary(service: &ServiceRef<'_>) -> ServiceSummary {
    let (namespace, group, name) = service.key().parts();
    let mut protocols: Vec<String> = Protocol::ALL
        .into_iter()
        .filter(|protocol| service.count(*protocol) > 0)
        .map(|protocol| protocol.as_str().to_owned())
        .collect();
    protocols.sort();
    ServiceSummary {
        namespace: namespace.to_owned(),
        group: group.to_owned(),
        name: name.to_owned(),
        instances: service.len(),
        available: service.available(),
        protocols,
        protection: service.protection().map(protection),
        revision: service.revision().0,
    }
}

pub(crate) fn detail(service: &ServiceRef<'_>) -> ServiceDetail {
    ServiceDetail {
        summary: summary(service),
        metadata: service.metadata().iter().cloned().collect(),
        instances: service
            .instances()
            .iter()
            .map(|one| instance(one, service.lease(one).as_ref()))
            .collect(),
    }
}

pub(crate) fn instance(instance: &Instance, lease: Option<&LeaseInfo>) -> InstanceView {
    let metadata: BTreeMap<String, String> =
        instance.metadata().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    InstanceView {
        id: instance.id().to_owned(),
        protocol: instance.protocol().as_str().to_owned(),
        host: instance.host().to_owned(),
        port: instance.port(),
        secure_port: instance.secure_port(),
        zone: instance.zone().to_owned(),
        weight: instance.weight(),
        status: instance.status().as_str().to_owned(),
        overridden: instance.overridden(),
        available: instance.available(),
        promise: instance.promise().as_str().to_owned(),
        metadata,
        registered_ms: instance.registered().0,
        changed_ms: instance.changed().0,
        lease: lease.map(|lease| LeaseView {
            ttl_ms: lease.ttl.0,
            renewed_ms: lease.renewed.0,
            expires_ms: lease.expires.0,
        }),
        revision: instance.revision().0,
    }
}

fn protection(state: &ProtectionState) -> Protection {
    Protection {
        reason: state.reason.to_string(),
        since_ms: state.since.0,
        until_ms: state.until.0,
    }
}
