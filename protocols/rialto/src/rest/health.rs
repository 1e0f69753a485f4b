//! What monitoring asks for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header::CONTENT_TYPE};
use rialto_security::{Action, Resource};
use rialto_telemetry::Telemetry;
use serde_json::{Value, json};

use crate::Shared;
use crate::access::Caller;
use crate::problem::Problem;

/// The process lives. Needs no credentials and tells nothing.
pub(crate) async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// The process takes requests; 503 once it has begun to stop.
pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.context.shutdown.is_begun() {
        let stopping = Json(json!({"status": "stopping"}));
        return (StatusCode::SERVICE_UNAVAILABLE, stopping).into_response();
    }
    Json(json!({"status": "ready"})).into_response()
}

/// Metrics for Prometheus.
pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.may(Action::Read, &Resource::Metrics)?;
    let text = shared.context.telemetry.prometheus();
    Ok(([(CONTENT_TYPE, Telemetry::PROMETHEUS_CONTENT_TYPE)], text).into_response())
}
