//! The answers of the REST interface as text for people.

use std::fmt::Write as _;

use rialto_api::rest::{
    EventView, InstanceView, Overview, RouteView, ServiceDetail, ServiceSummary, Traffic,
};

use super::Table;
use crate::words::{clock, count, distance, latency, size, span};

/// The server at a glance.
pub(crate) fn overview(overview: &Overview, now_ms: u64) -> String {
    let mut text = String::new();
    let age = span(now_ms.saturating_sub(overview.started_ms));
    let services = count(overview.services, "service");
    let instances = count(overview.instances, "instance");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "Rialto {}, up for {age}", overview.version);
    let _ = writeln!(text, "{services}, {instances}, {} available", overview.available);
    let _ = writeln!(text, "gateway: {}", traffic(&overview.gateway));
    let _ = writeln!(text, "memory: {}", size(overview.memory_bytes));
    for (door, address) in &overview.doors {
        let _ = writeln!(text, "{door:<8} {address}");
    }
    text
}

/// A line of traffic.
pub(crate) fn traffic(traffic: &Traffic) -> String {
    format!(
        "{:.0} requests/s, {:.1} errors/s, {:.1} limited/s, half under {}, 99 % under {}",
        traffic.rate,
        traffic.error_rate,
        traffic.limited_rate,
        latency(traffic.p50_ms),
        latency(traffic.p99_ms)
    )
}

/// The list of services, or how to get the first.
pub(crate) fn services(services: &[ServiceSummary], now_ms: u64) -> String {
    if services.is_empty() {
        return "No services yet. Register one:\n    \
                rialto ctl instances register hello --host 127.0.0.1 --port 8000\n"
            .to_owned();
    }
    let mut table = Table::new(&["SERVICE", "AVAILABLE", "INSTANCES", "PROTOCOLS", "PROTECTION"]);
    for service in services {
        let protection = service.protection.as_ref().map_or_else(String::new, |held| {
            format!("{} (ends {})", held.reason, distance(held.until_ms, now_ms))
        });
        table.row([
            full_name(service),
            service.available.to_string(),
            service.instances.to_string(),
            service.protocols.join(","),
            protection,
        ]);
    }
    table.render()
}

/// One service.
pub(crate) fn service(detail: &ServiceDetail, now_ms: u64) -> String {
    let summary = &detail.summary;
    let mut text = format!(
        "{}: {} of {} available\n",
        full_name(summary),
        summary.available,
        count(summary.instances, "instance")
    );
    if let Some(held) = &summary.protection {
        let until = distance(held.until_ms, now_ms);
        let _ = writeln!(text, "expiry is held back: {} (ends {until})", held.reason);
    }
    for (key, value) in &detail.metadata {
        let _ = writeln!(text, "  {key} = {value}");
    }
    text + &instances(&detail.instances, now_ms)
}

/// Instances of a service.
pub(crate) fn instances(instances: &[InstanceView], now_ms: u64) -> String {
    if instances.is_empty() {
        return "No instances.\n".to_owned();
    }
    let headings = ["INSTANCE", "ADDRESS", "STATUS", "PROTOCOL", "WEIGHT", "ZONE", "LEASE"];
    let mut table = Table::new(&headings);
    for instance in instances {
        let overridden = if instance.overridden { " (set by an operator)" } else { "" };
        let lease = instance.lease.as_ref().map_or_else(
            || "until removed".to_owned(),
            |lease| format!("ends {}", distance(lease.expires_ms, now_ms)),
        );
        table.row([
            instance.id.clone(),
            format!("{}:{}", instance.host, instance.port),
            format!("{}{overridden}", instance.status),
            instance.protocol.clone(),
            instance.weight.to_string(),
            instance.zone.clone(),
            lease,
        ]);
    }
    table.render()
}

/// The list of routes, or how to get the first.
pub(crate) fn routes(routes: &[RouteView]) -> String {
    if routes.is_empty() {
        return "No routes yet. Add one:\n    rialto ctl routes add '/shop/**=lb://storefront'\n"
            .to_owned();
    }
    let headings = ["ROUTE", "PATHS", "TARGET", "FROM", "RATE", "ERRORS", "LIMITED", "P50", "P99"];
    let mut table = Table::new(&headings);
    for RouteView { spec, origin, traffic } in routes {
        table.row([
            spec.id.clone(),
            if spec.paths.is_empty() { "/**".to_owned() } else { spec.paths.join(" ") },
            spec.uri.clone(),
            origin.clone(),
            format!("{:.0}/s", traffic.rate),
            format!("{:.1}/s", traffic.error_rate),
            format!("{:.1}/s", traffic.limited_rate),
            latency(traffic.p50_ms),
            latency(traffic.p99_ms),
        ]);
    }
    table.render()
}

/// One event in a line.
pub(crate) fn event(event: &EventView) -> String {
    let EventView { at_ms, kind, subject, detail, .. } = event;
    format!("{}  {kind:<16} {subject}  {detail}", clock(*at_ms)).trim_end().to_owned() + "\n"
}

/// `name`, with group and namespace where they are not the usual ones.
pub(crate) fn full_name(service: &ServiceSummary) -> String {
    let mut name = service.name.clone();
    if service.group != "default" {
        name = format!("{}/{name}", service.group);
    }
    if service.namespace != "public" {
        name = format!("{}/{name}", service.namespace);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lists_say_how_to_get_the_first_row() {
        assert!(services(&[], 0).contains("rialto ctl instances register"));
        assert!(routes(&[]).contains("rialto ctl routes add"));
    }

    #[test]
    fn an_event_is_one_line() {
        let seen = EventView {
            id: 1,
            at_ms: 1_000,
            kind: "ejected".to_owned(),
            subject: "account/1".to_owned(),
            detail: String::new(),
        };
        assert_eq!(event(&seen), "00:00:01  ejected          account/1\n");
    }
}
