//! The node at a glance, and who calls whom.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rialto_api::rest::{EdgeView, Overview, Problem as ProblemBody};
use rialto_security::{Action, Resource};
use rialto_telemetry::process;

use crate::Shared;
use crate::access::Caller;
use crate::problem::Problem;

/// The node at a glance.
#[utoipa::path(get, path = "/overview", tag = "node", responses(
    (status = 200, body = Overview),
    (status = 401, body = ProblemBody),
    (status = 403, body = ProblemBody),
))]
pub(crate) async fn overview(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
) -> Result<Json<Overview>, Problem> {
    caller.may(Action::Read, &Resource::Overview)?;
    let context = &shared.context;
    let (revision, services, instances, available) = context.engine.read(|state| {
        let (mut instances, mut available) = (0, 0);
        for service in state.services() {
            instances += service.len();
            available += service.available();
        }
        (state.revision().0, state.services_len(), instances, available)
    });
    Ok(Json(Overview {
        version: context.version.clone(),
        started_ms: context.started_ms,
        revision,
        services,
        instances,
        available,
        doors: context.doors.clone(),
        gateway: context.telemetry.routes().total(),
        memory_bytes: process::memory_bytes(),
    }))
}

/// Who called whom lately: from what SDKs report and the gateway sees.
#[utoipa::path(get, path = "/topology", tag = "node", responses(
    (status = 200, body = Vec<EdgeView>),
    (status = 401, body = ProblemBody),
))]
pub(crate) async fn topology(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
) -> Result<Json<Vec<EdgeView>>, Problem> {
    caller.may(Action::Read, &Resource::Topology)?;
    Ok(Json(shared.context.telemetry.calls().edges()))
}
