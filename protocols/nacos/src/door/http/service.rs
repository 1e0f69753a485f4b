//! Services, their clusters, their subscribers, and the health that operators say.

use std::collections::BTreeMap;

use rialto_catalog::ServiceKey;
use rialto_door::http::Reply;
use rialto_security::Action::{self, Operate, Read};
use rialto_security::Resource;
use serde::Serialize;
use serde_json::{Value, json};

use super::ask::{Ask, Page};
use super::desk::Desk;
use super::instance::{PAGE_SIZE, done_in};
use super::names::DEFAULT_GROUP;
use super::refusal::Refusal;
use super::style::Style::{V1, V2, V3};
use super::table::{Route, does, each, reads};
use crate::access::Scope::{self, Service};
use crate::map::grouped;
use crate::naming::{ClusterForm, ServiceDetail, ServiceForm, ServiceRow};
use crate::problem::Code;

const CHANGE: (Action, Scope) = (Operate, Service);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    does(CHANGE, "POST", "/v1/ns/service", V1, create),
    does(CHANGE, "PUT", "/v1/ns/service", V1, update),
    does(CHANGE, "DELETE", "/v1/ns/service", V1, remove),
    reads(Service, "/v1/ns/service", V1, detail),
    each((Read, Service), "GET", "/v1/ns/service/list", V1, names),
    each((Read, Service), "GET", "/v1/ns/service/names", V1, all_names),
    reads(Service, "/v1/ns/service/subscribers", V1, subscribers),
    reads(Service, "/v1/ns/service/selector/types", V1, selectors),
    does(CHANGE, "PUT", "/v1/ns/cluster", V1, update_cluster),
    does(CHANGE, "PUT", "/v1/ns/health", V1, set_health),
    does(CHANGE, "PUT", "/v1/ns/health/instance", V1, set_health),
    reads(Service, "/v1/ns/health/checkers", V1, checkers),
    does(CHANGE, "POST", "/v2/ns/service", V2, create),
    does(CHANGE, "PUT", "/v2/ns/service", V2, update),
    does(CHANGE, "DELETE", "/v2/ns/service", V2, remove),
    reads(Service, "/v2/ns/service", V2, detail),
    each((Read, Service), "GET", "/v2/ns/service/list", V2, names),
    does(CHANGE, "PUT", "/v2/ns/health", V2, set_health),
    does(CHANGE, "PUT", "/v2/ns/health/instance", V2, set_health),
    does(CHANGE, "POST", "/v3/admin/ns/service", V3, create),
    does(CHANGE, "PUT", "/v3/admin/ns/service", V3, update),
    does(CHANGE, "DELETE", "/v3/admin/ns/service", V3, remove),
    reads(Service, "/v3/admin/ns/service", V3, detail),
    each((Read, Service), "GET", "/v3/admin/ns/service/list", V3, super::catalog::services),
    reads(Service, "/v3/admin/ns/service/subscribers", V3, subscribers),
    reads(Service, "/v3/admin/ns/service/selector/types", V3, selectors),
    does(CHANGE, "PUT", "/v3/admin/ns/cluster", V3, update_cluster),
    does(CHANGE, "PUT", "/v3/admin/ns/health/instance", V3, set_health),
    reads(Service, "/v3/admin/ns/health/checkers", V3, checkers),
    does(CHANGE, "POST", "/v3/console/ns/service", V3, create),
    does(CHANGE, "PUT", "/v3/console/ns/service", V3, update),
    does(CHANGE, "DELETE", "/v3/console/ns/service", V3, remove),
    reads(Service, "/v3/console/ns/service", V3, detail),
    each((Read, Service), "GET", "/v3/console/ns/service/list", V3, super::catalog::services),
    reads(Service, "/v3/console/ns/service/subscribers", V3, subscribers),
    reads(Service, "/v3/console/ns/service/selector/types", V3, selectors),
    does(CHANGE, "PUT", "/v3/console/ns/service/cluster", V3, update_cluster),
];

fn form(ask: &Ask<'_>, ephemeral: bool) -> Result<ServiceForm, Refusal> {
    Ok(ServiceForm {
        protect_threshold: ask.number("protectThreshold")?.unwrap_or_default(),
        metadata: ask.metadata()?.unwrap_or_default(),
        selector: ask.get("selector").unwrap_or_default().to_owned(),
        ephemeral: ask.flag("ephemeral").unwrap_or(ephemeral),
    })
}

fn create(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (key, form) = (ask.service()?, form(ask, false)?);
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        naming.create_service(&key, form).await?;
        Ok(done_in(style))
    }))
}

fn update(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    if ask.style().is_v1() {
        ask.need("protectThreshold")?;
    }
    let form = form(ask, false)?;
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        naming.update_service(&key, form).await?;
        Ok(done_in(style))
    }))
}

fn remove(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        naming.remove_service(&key).await?;
        Ok(done_in(style))
    }))
}

/// Pairs as a JSON object.
pub(super) fn object(pairs: &[(String, String)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect())
}

/// A selector as answers show it.
pub(super) fn selector(detail: &ServiceDetail) -> Value {
    let context = if detail.selector_type == "none" { "NONE" } else { "CMDB" };
    let mut shown = json!({ "type": detail.selector_type, "contextType": context });
    if let Some(expression) = &detail.selector_expression {
        shown["expression"] = expression.as_str().into();
    }
    shown
}

fn detail(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let found = desk.naming.service(&ask.service()?)?;
    if ask.style() == V1 {
        let clusters: Vec<_> = found
            .clusters
            .iter()
            .map(|it| {
                json!({
                    "name": it.cluster_name,
                    "healthChecker": it.health_checker,
                    "metadata": object(&it.metadata),
                })
            })
            .collect();
        return Ok(ask
            .data(&json!({
                "namespaceId": found.namespace_id,
                "groupName": found.group_name,
                "name": found.service_name,
                "protectThreshold": Threshold(found.protect_threshold),
                "metadata": object(&found.metadata),
                "selector": selector(&found),
                "clusters": clusters,
            }))
            .into());
    }
    let clusters: BTreeMap<&str, &_> =
        found.clusters.iter().map(|it| (it.cluster_name.as_str(), it)).collect();
    let namespace = if ask.style() == V2 { "namespace" } else { "namespaceId" };
    Ok(ask
        .data(&json!({
            namespace: found.namespace_id,
            "serviceName": found.service_name,
            "groupName": found.group_name,
            "clusterMap": clusters,
            "metadata": object(&found.metadata),
            "protectThreshold": Threshold(found.protect_threshold),
            "selector": selector(&found),
            "ephemeral": found.ephemeral,
        }))
        .into())
}

/// A threshold with as many digits as a float of its size has, as Java writes it.
pub(super) struct Threshold(pub(super) f32);

impl Serialize for Threshold {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let digits: f64 = self.0.to_string().parse().unwrap_or_default();
        to.serialize_f64(digits)
    }
}

/// Bare names of a group's services.
fn names(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if ask.style().is_v1() {
        ask.need("pageNo")?;
        ask.need("pageSize")?;
    }
    let (asked, names) = (ask.page(PAGE_SIZE)?, ask.names());
    let group = if names.group.is_empty() { DEFAULT_GROUP } else { names.group };
    let namespace = names.namespace;
    // All of the group is listed, whatever service the call names besides.
    desk.access.allow(&ask.who, Read, &Resource::Service { namespace, group, name: "" })?;
    // Whichever service the call names: the list is about all of the group.
    let all = Resource::Service { namespace: names.namespace, group, name: "" };
    desk.access.allow(&ask.who, Read, &all)?;
    let found = desk.naming.service_names(names.namespace, group, asked.number, asked.size);
    let shown = if ask.style().is_v1() { "doms" } else { "services" };
    Ok(ask.data(&json!({ "count": found.count, shown: found.items })).into())
}

/// Grouped names of all services by namespace, of the namespaces that the caller may read.
fn all_names(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    desk.engine.read(|state| {
        for service in state.services() {
            let key: &ServiceKey = service.key();
            if let Some(names) = all.get_mut(key.namespace()) {
                names.push(grouped(key));
            } else {
                all.insert(key.namespace().to_owned(), vec![grouped(key)]);
            }
        }
    });
    all.retain(|namespace, _| {
        let resource = Resource::Service { namespace, group: "", name: "" };
        desk.access.allow(&ask.who, Read, &resource).is_ok()
    });
    let count: usize = all.values().map(Vec::len).sum();
    Ok(ask.data(&json!({ "META-INF/services": all, "count": count })).into())
}

fn subscribers(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (key, asked) = (ask.service()?, ask.page(PAGE_SIZE)?);
    let all = desk.naming.subscribers(&key, false);
    let items: Vec<_> = asked.of(&all).iter().collect();
    if ask.style().is_v1() {
        return Ok(ask.data(&json!({ "subscribers": items, "count": all.len() })).into());
    }
    Ok(ask.data(&Page::new(asked, all.len(), items)).into())
}

fn selectors(_: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.rest(&["label", "none"]).into())
}

fn update_cluster(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    let form = ClusterForm {
        cluster: ask.need("clusterName")?.to_owned(),
        check_port: ask.number("checkPort")?.ok_or(Refusal::Missing("checkPort"))?,
        use_instance_port: ask
            .flag("useInstancePort4Check")
            .ok_or(Refusal::Missing("useInstancePort4Check"))?,
        checker: ask.need("healthChecker")?.to_owned(),
        metadata: ask.metadata()?.unwrap_or_default(),
    };
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        naming.update_cluster(&key, form).await?;
        Ok(done_in(style))
    }))
}

fn set_health(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (key, target) = (ask.service()?, ask.owned_target()?);
    let healthy = ask.flag("healthy").or_else(|| ask.flag("valid"));
    let missing = || Refusal::coded(400, Code::HealthMissing, "Param 'healthy' is required.");
    let healthy = healthy.ok_or_else(missing)?;
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        naming.set_health(&key, target.borrow(), healthy).await?;
        Ok(done_in(style))
    }))
}

fn checkers(_: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask
        .data(&json!({
            "TCP": { "type": "TCP" },
            "HTTP": { "type": "HTTP", "path": "", "headers": "", "expectedResponseCode": 200 },
            "MYSQL": { "type": "MYSQL", "user": null, "pwd": null, "cmd": null },
            "NONE": { "type": "NONE" },
        }))
        .into())
}

/// A row of a list of services, with its flag in the words of the real server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    name: String,
    group_name: String,
    cluster_count: usize,
    ip_count: usize,
    healthy_instance_count: usize,
    trigger_flag: &'static str,
}

impl From<ServiceRow> for Row {
    fn from(row: ServiceRow) -> Self {
        Row {
            name: row.name,
            group_name: row.group_name,
            cluster_count: row.cluster_count,
            ip_count: row.ip_count,
            healthy_instance_count: row.healthy_instance_count,
            trigger_flag: if row.trigger_flag { "true" } else { "false" },
        }
    }
}
