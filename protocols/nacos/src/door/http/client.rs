//! Who is connected, what they publish and subscribe to; switches and figures of naming.

use rialto_door::http::Reply;
use rialto_security::Action::{self, Operate};
use serde_json::{Value, json};

use super::ask::Ask;
use super::desk::Desk;
use super::refusal::Refusal;
use super::style::Style::{V1, V2, V3};
use super::table::{Route, does, open, reads};
use crate::access::Scope::{self, Clients, Node, Service};
use crate::naming::PublisherRow;
use crate::problem::Code;

const SWITCH: (Action, Scope) = (Operate, Node);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    reads(Clients, "/v2/ns/client/list", V2, list),
    reads(Clients, "/v2/ns/client", V2, detail),
    reads(Clients, "/v2/ns/client/publish/list", V2, published),
    reads(Clients, "/v2/ns/client/subscribe/list", V2, subscribed),
    reads(Service, "/v2/ns/client/service/publisher/list", V2, publishers),
    reads(Service, "/v2/ns/client/service/subscriber/list", V2, subscribers),
    reads(Clients, "/v3/admin/ns/client/list", V3, list),
    reads(Clients, "/v3/admin/ns/client", V3, detail),
    reads(Clients, "/v3/admin/ns/client/publish/list", V3, published),
    reads(Clients, "/v3/admin/ns/client/subscribe/list", V3, subscribed),
    reads(Service, "/v3/admin/ns/client/service/publisher/list", V3, publishers),
    reads(Service, "/v3/admin/ns/client/service/subscriber/list", V3, subscribers),
    reads(Clients, "/v3/admin/ns/client/distro", V3, responsible),
    reads(Clients, "/v1/ns/operator/distro/client", V1, responsible),
    reads(Node, "/v1/ns/operator/switches", V1, switches),
    does(SWITCH, "PUT", "/v1/ns/operator/switches", V1, set_switch),
    reads(Node, "/v1/ns/ops/switches", V1, switches),
    does(SWITCH, "PUT", "/v1/ns/ops/switches", V1, set_switch),
    reads(Node, "/v2/ns/operator/switches", V2, switches),
    does(SWITCH, "PUT", "/v2/ns/operator/switches", V2, set_switch),
    reads(Node, "/v2/ns/ops/switches", V2, switches),
    does(SWITCH, "PUT", "/v2/ns/ops/switches", V2, set_switch),
    reads(Node, "/v3/admin/ns/ops/switches", V3, switches),
    does(SWITCH, "PUT", "/v3/admin/ns/ops/switches", V3, set_switch),
    open("GET", "/v1/ns/operator/metrics", V1, metrics),
    open("GET", "/v1/ns/ops/metrics", V1, metrics),
    open("GET", "/v2/ns/operator/metrics", V2, metrics),
    open("GET", "/v2/ns/ops/metrics", V2, metrics),
    open("GET", "/v3/admin/ns/ops/metrics", V3, metrics),
    does(SWITCH, "PUT", "/v1/ns/operator/log", V1, super::node::set_log),
    does(SWITCH, "PUT", "/v2/ns/operator/log", V2, super::node::set_log),
    does(SWITCH, "PUT", "/v3/admin/ns/ops/log", V3, super::node::set_log),
];

fn list(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.data(&desk.naming.clients()).into())
}

fn detail(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.need("clientId")?;
    let client = desk.naming.client(id).ok_or_else(|| unknown(id))?;
    Ok(ask.data(&client).into())
}

fn unknown(id: &str) -> Refusal {
    Refusal::coded(404, Code::NotFound, format!("clientId [ {} ] not exist", super::ask::start(id)))
}

fn published(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.need("clientId")?;
    let all = desk.naming.published_by(id).ok_or_else(|| unknown(id))?;
    let all: Vec<Value> = all.iter().map(|row| of_client(row, "registeredInstance")).collect();
    Ok(ask.data(&all).into())
}

fn subscribed(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.need("clientId")?;
    let all = desk.naming.subscribed_by(id).ok_or_else(|| unknown(id))?;
    let all: Vec<Value> = all.iter().map(|row| of_client(row, "subscriberInfo")).collect();
    Ok(ask.data(&all).into())
}

/// What one client has at a service.
fn of_client(row: &PublisherRow, what: &str) -> Value {
    json!({
        "namespace": row.namespace_id,
        "namespaceId": row.namespace_id,
        "group": row.group_name,
        "groupName": row.group_name,
        "serviceName": row.service_name,
        what: { "ip": row.ip, "port": row.port, "cluster": row.cluster },
    })
}

fn publishers(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let all = desk.naming.publishers(&ask.service()?);
    let shown: Vec<Value> = all
        .iter()
        .filter(|row| is_asked_for(ask, &row.ip, row.port))
        .map(|row| json!({ "clientId": row.client_id, "ip": row.ip, "port": row.port }))
        .collect();
    Ok(ask.data(&shown).into())
}

fn subscribers(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let all = desk.naming.subscribers(&ask.service()?, false);
    let shown: Vec<Value> = all
        .iter()
        .filter(|row| is_asked_for(ask, &row.ip, row.port))
        .map(|row| json!({ "clientId": row.client_id, "ip": row.ip, "port": row.port }))
        .collect();
    Ok(ask.data(&shown).into())
}

fn is_asked_for(ask: &Ask<'_>, ip: &str, port: u16) -> bool {
    ask.get("ip").is_none_or(|it| it == ip)
        && ask.get("port").is_none_or(|it| it.parse() == Ok(port))
}

/// Every client is this node's.
fn responsible(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let address = desk.address_for(ask);
    Ok(ask.data(&json!({ "responsibleServer": address.text })).into())
}

fn switches(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.data(&desk.naming.switches()).into())
}

fn set_switch(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    desk.naming.set_switch(ask.need("entry")?, ask.need("value")?)?;
    Ok(ask.done())
}

/// The probe of many clients. Whoever wants figures must be allowed to read them.
fn metrics(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if ask.flag("onlyStatus").unwrap_or(true) {
        return Ok(ask.data(&json!({ "status": "UP" })).into());
    }
    desk.access.allow(&ask.who, Action::Read, &rialto_security::Resource::Metrics)?;
    let metrics = desk.naming.metrics();
    let mut all = serde_json::to_value(&metrics).unwrap_or_default();
    all["status"] = "UP".into();
    all["responsibleInstanceCount"] = metrics.instance_count.into();
    all["responsibleClientCount"] = metrics.client_count.into();
    for unknown in ["cpu", "load", "mem"] {
        all[unknown] = (-1.0).into();
    }
    Ok(ask.data(&all).into())
}
