//! Tells the event log in words what happened in the catalog.

use rialto_catalog::{Change, Event, Instance, ServiceKey};
use rialto_telemetry::{EventKind, Telemetry};

/// Tells of one change, if people want to know of its kind.
pub(crate) fn report(telemetry: &Telemetry, event: &Event) {
    let Some((kind, subject, detail)) = words(&event.change) else { return };
    telemetry.events().push_at(event.at.0, kind, subject, detail);
}

fn words(change: &Change) -> Option<(EventKind, String, String)> {
    Some(match change {
        Change::Registered { service, instance } => {
            (EventKind::Registered, subject(service, instance), seen(instance))
        }
        Change::Updated { service, instance, before } if *before != instance.status() => {
            let (before, after) = (before.as_str(), instance.status().as_str());
            let why = if instance.overridden() { ", by an override" } else { "" };
            let detail = format!("{before} to {after}{why}");
            (EventKind::StatusChanged, subject(service, instance), detail)
        }
        Change::Deregistered { service, instance } => {
            (EventKind::Deregistered, subject(service, instance), seen(instance))
        }
        Change::Expired { service, instance } => {
            let ttl_s = instance.ttl().unwrap_or_default().0 as f64 / 1_000.0;
            let detail = format!("no renewal within its lease of {ttl_s} s");
            (EventKind::Expired, subject(service, instance), detail)
        }
        Change::ProtectionBegan { service, reason } => {
            (EventKind::ProtectionBegan, service.to_string(), reason.to_string())
        }
        Change::ProtectionEnded { service } => {
            (EventKind::ProtectionEnded, service.to_string(), String::new())
        }
        // Whoever puts or removes a document says so, with who and why.
        Change::Updated { .. }
        | Change::ServicePut { .. }
        | Change::ServiceRemoved { .. }
        | Change::DocumentPut { .. }
        | Change::DocumentRemoved { .. } => return None,
    })
}

fn subject(service: &ServiceKey, instance: &Instance) -> String {
    format!("{service}/{}", instance.id())
}

fn seen(instance: &Instance) -> String {
    let port = match (instance.port(), instance.secure_port()) {
        (0, Some(secure)) => secure,
        (port, _) => port,
    };
    format!(
        "{} at {}:{port} by {}",
        instance.status().as_str(),
        instance.host(),
        instance.protocol().as_str()
    )
}
