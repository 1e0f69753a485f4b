//! Lists of services with what is in them, for operators and for Prometheus.

use std::collections::BTreeMap;

use rialto_door::http::{Answer, Reply};
use rialto_security::Action::Read;
use rialto_security::Resource;
use serde_json::{Value, json};

use super::ask::{Ask, Page};
use super::desk::Desk;
use super::instance::PAGE_SIZE;
use super::refusal::{Refusal, json as bytes};
use super::service::{Row, Threshold, object, selector};
use super::style::JSON;
use super::style::Style::{V1, V2};
use super::table::{Route, each, reads};
use crate::access::Scope::Service;
use crate::limits::PAGE_SIZE_MAX;
use crate::map::{group_of, grouped, key};
use crate::naming::{InstanceInfo, ServiceDetail};

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    each((Read, Service), "GET", "/v1/ns/catalog/services", V1, services),
    reads(Service, "/v1/ns/catalog/service", V1, service),
    reads(Service, "/v1/ns/catalog/instances", V1, instances),
    reads(Service, "/v2/ns/catalog/instances", V2, instances),
    each((Read, Service), "GET", "/prometheus", V1, targets),
    each((Read, Service), "GET", "/prometheus/namespaceId/*", V1, targets_of_namespace),
    each((Read, Service), "GET", "/prometheus/namespaceId/*/service/*", V1, targets_of_service),
];

/// Services whose names contain given parts.
pub(super) fn services(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = ask.page(PAGE_SIZE)?;
    let group = ask.get("groupNameParam").unwrap_or_default();
    let name = ask.get("serviceNameParam").unwrap_or_default();
    let filled = ["hasIpCount", "ignoreEmptyService"];
    let filled = filled.iter().any(|it| ask.flag(it) == Some(true));
    let namespace = ask.names().namespace;
    // Whatever else the call names: the list is about all of them.
    let all = Resource::Service { namespace, group: "", name: "" };
    desk.access.allow(&ask.who, Read, &all)?;
    let found = desk.naming.services(namespace, (group, name), filled, asked.number, asked.size);
    let in_full = ask.flag("withInstances").unwrap_or(ask.style() == V1);
    if in_full {
        let all: Vec<Value> =
            found.items.iter().filter_map(|row| in_detail(desk, namespace, row)).collect();
        return Ok(match ask.style() {
            V1 => ask.data(&all).into(),
            _ => ask.data(&Page::new(asked, found.count, all)).into(),
        });
    }
    let rows: Vec<Row> = found.items.into_iter().map(Row::from).collect();
    Ok(match ask.style() {
        V1 => ask.data(&json!({ "count": found.count, "serviceList": rows })).into(),
        _ => ask.data(&Page::new(asked, found.count, rows)).into(),
    })
}

/// A service with its clusters and their instances.
fn in_detail(desk: &Desk, namespace: &str, row: &crate::naming::ServiceRow) -> Option<Value> {
    let key = key(namespace, &row.group_name, &row.name).ok()?;
    let found = desk.naming.service(&key).ok()?;
    let mut clusters: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for it in desk.naming.instances(&key, "") {
        clusters.entry(it.cluster_name.clone()).or_default().push(host(&it));
    }
    let clusters: BTreeMap<String, Value> = clusters
        .into_iter()
        .map(|(name, hosts)| {
            let cluster = json!({
                "clusterName": null, "healthChecker": null, "metadata": null, "hosts": hosts,
            });
            (name, cluster)
        })
        .collect();
    Some(json!({
        "namespace": null,
        "serviceName": row.name,
        "groupName": row.group_name,
        "clusterMap": clusters,
        "metadata": object(&found.metadata),
        "protectThreshold": Threshold(found.protect_threshold),
        "selector": null,
        "ephemeral": null,
    }))
}

fn host(it: &InstanceInfo) -> Value {
    json!({
        "valid": it.healthy,
        "metadata": object(&it.metadata),
        "port": it.port,
        "ip": it.ip,
        "weight": it.weight,
        "enabled": it.enabled,
    })
}

fn service(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    let found: ServiceDetail = desk.naming.service(&key)?;
    let clusters: Vec<Value> = found
        .clusters
        .iter()
        .map(|it| {
            json!({
                "serviceName": grouped(&key),
                "name": it.cluster_name,
                "healthChecker": it.health_checker,
                "defaultPort": 80,
                "defaultCheckPort": it.health_check_port,
                "useIPPort4Check": it.use_instance_port_for_check,
                "metadata": object(&it.metadata),
            })
        })
        .collect();
    let service = json!({
        "name": found.service_name,
        "groupName": group_of(&key),
        "protectThreshold": Threshold(found.protect_threshold),
        "selector": selector(&found),
        "metadata": object(&found.metadata),
    });
    Ok(ask.data(&json!({ "service": service, "clusters": clusters })).into())
}

/// All instances of a service, or of one of its clusters, by page.
fn instances(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (key, asked) = (ask.service()?, ask.page(PAGE_SIZE)?);
    let all = desk.naming.instances(&key, ask.get("clusterName").unwrap_or_default());
    let page: Vec<_> = asked.of(&all).iter().collect();
    Ok(ask.data(&json!({ "list": page, "count": all.len() })).into())
}

fn targets(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    scrape(desk, ask, None, None)
}

fn targets_of_namespace(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    scrape(desk, ask, ask.segment(0), None)
}

fn targets_of_service(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    scrape(desk, ask, ask.segment(0), ask.segment(1))
}

/// Addresses for Prometheus's HTTP service discovery, one group per service and cluster, of what
/// the caller may read.
fn scrape(
    desk: &Desk,
    ask: &Ask<'_>,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Result<Reply, Refusal> {
    let keys: Vec<_> = desk.engine.read(|state| {
        let all = state.services().map(|service| service.key().clone());
        let wanted = |key: &rialto_catalog::ServiceKey| {
            namespace.is_none_or(|it| it == key.namespace())
                && name.is_none_or(|it| it == key.name() || it == grouped(key))
        };
        all.filter(wanted).take(PAGE_SIZE_MAX).collect()
    });
    let mut groups = Vec::new();
    for key in keys {
        let resource = Resource::Service {
            namespace: key.namespace(),
            group: group_of(&key),
            name: key.name(),
        };
        if desk.access.allow(&ask.who, Read, &resource).is_err() {
            continue;
        }
        let mut clusters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for it in desk.naming.instances(&key, "") {
            let address = format!("{}:{}", it.ip, it.port);
            clusters.entry(it.cluster_name).or_default().push(address);
        }
        groups.extend(clusters.into_iter().map(|(cluster, targets)| {
            let labels = json!({
                "__meta_clusterName": cluster,
                "__meta_namespace_id": key.namespace(),
                "__meta_group_name": group_of(&key),
                "__meta_service_name": key.name(),
            });
            json!({ "targets": targets, "labels": labels })
        }));
    }
    Ok(Answer::owned(200, JSON, bytes(&groups)).into())
}
