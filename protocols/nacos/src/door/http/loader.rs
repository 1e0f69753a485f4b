//! The load of the cluster's members, of which there is one: how many clients are connected.

use std::collections::BTreeMap;

use rialto_door::http::Reply;
use rialto_security::Action::{self, Operate};
use serde_json::json;

use super::ask::Ask;
use super::desk::Desk;
use super::refusal::Refusal;
use super::style::Style::{V1, V2, V3};
use super::table::{Route, does, reads};
use crate::access::Scope::{self, Clients, Node};
use crate::naming::ClientRow;

const MOVE: (Action, Scope) = (Operate, Node);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    reads(Clients, "/v1/core/loader/current", V1, connected),
    reads(Clients, "/v2/core/loader/current", V2, connected),
    reads(Clients, "/v3/admin/core/loader/current", V3, connected),
    reads(Node, "/v1/core/loader/cluster", V1, load),
    reads(Node, "/v2/core/loader/cluster", V2, load),
    reads(Node, "/v3/admin/core/loader/cluster", V3, load),
    does(MOVE, "GET", "/v2/core/loader/reloadCurrent", V2, nowhere),
    does(MOVE, "GET", "/v2/core/loader/smartReloadCluster", V2, nowhere),
    does(MOVE, "GET", "/v2/core/loader/reloadClient", V2, nowhere),
    does(MOVE, "POST", "/v3/admin/core/loader/reloadCurrent", V3, nowhere),
    does(MOVE, "POST", "/v3/admin/core/loader/smartReloadCluster", V3, nowhere),
    does(MOVE, "POST", "/v3/admin/core/loader/reloadClient", V3, nowhere),
];

/// Clients with a connection, by identifier.
fn connected(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let all = desk.naming.clients();
    let rows = all.iter().filter_map(|id| desk.naming.client(id));
    let all: BTreeMap<String, ClientRow> = rows
        .filter(|row| row.client_type == "connection")
        .map(|row| (row.client_id.clone(), row))
        .collect();
    Ok(ask.data(&all).into())
}

fn load(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let address = desk.address_for(ask);
    let count = desk.naming.metrics().connection_based_client_count;
    Ok(ask
        .data(&json!({
            "total": count,
            "min": count,
            "avg": count,
            "max": count,
            "threshold": count,
            "memberCount": 1,
            "metricsCount": 1,
            "completed": true,
            "detail": [{
                "address": address.text,
                "metric": { "conCount": count, "sdkConCount": count },
            }],
        }))
        .into())
}

fn nowhere(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    Err(Refusal::disabled("this node is a cluster of its own; clients have nowhere to move to"))
}
