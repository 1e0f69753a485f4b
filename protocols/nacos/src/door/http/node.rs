//! What this node says of itself: probes, state, the cluster of one, addresses, figures.

use std::collections::BTreeMap;

use rialto_door::http::{Answer, Reply};
use rialto_telemetry::Telemetry;
use serde_json::json;

use super::ask::Ask;
use super::desk::Desk;
use super::refusal::Refusal;
use super::style::Style::{V1, V2, V3};
use super::style::{JSON, TEXT};
use super::table::{Route, does, open, reads};
use crate::access::Mode;
use crate::access::Scope::{Metrics, Node};
use rialto_security::Action::Operate;

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    open("GET", "/", V1, welcome),
    open("GET", "/v1/console/health/liveness", V1, alive),
    open("GET", "/v1/console/health/readiness", V1, alive),
    open("GET", "/v2/console/health/liveness", V2, alive),
    open("GET", "/v2/console/health/readiness", V2, alive),
    open("GET", "/v3/admin/core/state/liveness", V3, alive),
    open("GET", "/v3/admin/core/state/readiness", V3, alive),
    open("GET", "/v3/console/health/liveness", V3, alive),
    open("GET", "/v3/console/health/readiness", V3, alive),
    open("GET", "/actuator/health", V1, actuator_health),
    open("GET", "/v1/console/server/state", V1, state),
    open("GET", "/v3/admin/core/state", V3, state),
    open("GET", "/v3/console/server/state", V3, state),
    open("GET", "/v1/console/server/announcement", V1, nothing_to_say),
    open("GET", "/v3/console/server/announcement", V3, nothing_to_say),
    open("GET", "/v1/console/server/guide", V1, nothing_to_say),
    open("GET", "/v3/console/server/guide", V3, nothing_to_say),
    open("GET", "/serverlist", V1, server_list),
    open("GET", "/v1/core/cluster/health", V1, health),
    open("GET", "/v2/core/cluster/node/self/health", V2, health),
    open("GET", "/v3/admin/core/cluster/node/self/health", V3, health),
    reads(Node, "/v1/core/cluster/nodes", V1, nodes),
    reads(Node, "/v1/core/cluster/self", V1, myself),
    reads(Node, "/v1/core/cluster/simple/nodes", V1, addresses),
    reads(Node, "/v2/core/cluster/node/list", V2, nodes),
    reads(Node, "/v2/core/cluster/node/self", V2, myself),
    reads(Node, "/v2/core/cluster/nodes", V2, nodes),
    reads(Node, "/v3/admin/core/cluster/node/list", V3, nodes),
    reads(Node, "/v3/admin/core/cluster/node/self", V3, myself),
    reads(Node, "/v3/console/core/cluster/nodes", V3, nodes),
    does((Operate, Node), "POST", "/v1/core/cluster/report", V1, alone),
    does((Operate, Node), "POST", "/v1/core/cluster/switch/lookup", V1, alone),
    does((Operate, Node), "POST", "/v1/core/cluster/server/leave", V1, alone),
    does((Operate, Node), "PUT", "/v2/core/cluster/lookup", V2, alone),
    does((Operate, Node), "PUT", "/v2/core/cluster/node/list", V2, alone),
    does((Operate, Node), "DELETE", "/v2/core/cluster/nodes", V2, alone),
    does((Operate, Node), "PUT", "/v3/admin/core/cluster/lookup", V3, alone),
    does((Operate, Node), "PUT", "/v3/admin/core/cluster/node/list", V3, alone),
    does((Operate, Node), "POST", "/v2/core/ops/raft", V2, alone),
    does((Operate, Node), "POST", "/v3/admin/core/ops/raft", V3, alone),
    reads(Node, "/v2/core/ops/ids", V2, no_ids),
    reads(Node, "/v3/admin/core/ops/ids", V3, no_ids),
    does((Operate, Node), "PUT", "/v2/core/ops/log", V2, set_log),
    does((Operate, Node), "PUT", "/v3/admin/core/ops/log", V3, set_log),
    reads(Metrics, "/actuator/prometheus", V1, figures),
];

/// The version of the protocol that is spoken: what reads it decides by it which calls it makes.
const VERSION: &str = "3.1.0";

fn welcome(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    let text = "Rialto answers Nacos clients here. Its console has an address of its own.";
    Ok(Answer::text(200, TEXT, text).into())
}

fn alive(_: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    match ask.style() {
        V1 => Ok(Answer::text(200, TEXT, "OK").into()),
        _ => Ok(ask.done()),
    }
}

fn actuator_health(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(Answer::text(200, JSON, r#"{"status":"UP"}"#).into())
}

/// Everything is a text, or null.
fn state(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let port = desk.address.port().to_string();
    let signs_in = (desk.access.mode() == Mode::SignedIn).to_string();
    let mut all: BTreeMap<&str, Option<&str>> = [
        ("auth_enabled", signs_in.as_str()),
        ("auth_system_type", "nacos"),
        ("console_ui_enabled", "true"),
        ("datasource_platform", ""),
        ("defaultClusterQuota", "100000"),
        ("defaultGroupQuota", "200"),
        ("defaultMaxAggrCount", "10000"),
        ("defaultMaxAggrSize", "1024"),
        ("defaultMaxSize", "102400"),
        ("isCapacityLimitCheck", "false"),
        ("isHealthCheck", "true"),
        ("isManageCapacity", "true"),
        ("login_page_enabled", signs_in.as_str()),
        ("maxContent", "10485760"),
        ("maxHealthCheckFailCount", "12"),
        ("notifyConnectTimeout", "100"),
        ("notifySocketTimeout", "200"),
        ("plugin_datasource_log_enabled", "false"),
        ("server_port", port.as_str()),
        ("startup_mode", "standalone"),
        ("version", VERSION),
    ]
    .map(|(name, value)| (name, Some(value)))
    .into();
    all.insert("function_mode", None);
    if ask.style() == V3 {
        all.insert("auth_admin_request", Some("false"));
        all.insert("config_retention_days", Some("30"));
    }
    Ok(ask.data(&all).into())
}

fn nothing_to_say(_: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.rest(&Option::<&str>::None).into())
}

fn server_list(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let address = desk.address_for(ask);
    Ok(Answer::owned(200, TEXT, format!("{}\n", address.text).into_bytes()).into())
}

fn health(_: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.rest(&"UP").into())
}

fn nodes(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.rest(&[member(desk, ask)]).into())
}

fn myself(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.rest(&member(desk, ask)).into())
}

fn addresses(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let address = desk.address_for(ask);
    Ok(ask.rest(&[address.text]).into())
}

/// This node in the words of a cluster's member list.
fn member(desk: &Desk, ask: &Ask<'_>) -> serde_json::Value {
    let address = desk.address_for(ask);
    json!({
        "ip": address.host,
        "port": address.port,
        "state": "UP",
        "extendInfo": {
            "lastRefreshTime": desk.now_ms(),
            "readyToUpgrade": true,
            "supportGrayModel": true,
            "version": VERSION,
        },
        "address": address.text,
        "failAccessCnt": 0,
        "abilities": {
            "remoteAbility": { "supportRemoteConnection": true, "grpcReportEnabled": true },
            "configAbility": { "supportRemoteMetrics": false },
            "namingAbility": { "supportJraft": false },
        },
        "grpcReportEnabled": true,
    })
}

/// What only a cluster has.
fn alone(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    let message = "this node is a cluster of its own; there are no members to change";
    Err(Refusal::disabled(message))
}

fn no_ids(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    Err(Refusal::disabled("identifiers are counted up by the store; no generator has a state"))
}

/// For every path that changes what is logged.
pub(super) fn set_log(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    Err(Refusal::disabled("log levels are set by the setting log.level, at the start"))
}

fn figures(desk: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    let text = desk.telemetry.prometheus().into_bytes();
    Ok(Answer::owned(200, Telemetry::PROMETHEUS_CONTENT_TYPE, text).into())
}
