//! Routes of the gateway: those of the configuration to read, those of the catalog to change.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use rialto_api::rest::{Problem as ProblemBody, RouteView, Traffic};
use rialto_api::route::RouteSpec;
use rialto_catalog::{Command, DocumentKey, DocumentKind, OutcomeKind};
use rialto_security::{Action, Resource};
use rialto_telemetry::EventKind;

use super::{Body, Path};
use crate::Shared;
use crate::access::Caller;
use crate::problem::Problem;

/// Every route, in the order in which they are tried.
#[utoipa::path(get, path = "/routes", tag = "routes", responses(
    (status = 200, body = Vec<RouteView>),
    (status = 401, body = ProblemBody),
))]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
) -> Result<Json<Vec<RouteView>>, Problem> {
    caller.may(Action::Read, &Resource::Routes)?;
    Ok(Json(all(&shared)))
}

/// One route.
#[utoipa::path(get, path = "/routes/{id}", tag = "routes", params(("id" = String, Path)), responses(
    (status = 200, body = RouteView),
    (status = 404, body = ProblemBody),
))]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RouteView>, Problem> {
    caller.may(Action::Read, &Resource::Route(&id))?;
    let found = all(&shared).into_iter().find(|route| route.spec.id == id);
    found.map(Json).ok_or_else(|| unknown_route(&id))
}

/// Puts a route: durable before the answer, in force at once.
#[utoipa::path(put, path = "/routes/{id}", tag = "routes", params(("id" = String, Path)),
    request_body = RouteSpec,
    responses(
        (status = 200, body = RouteSpec, description = "Changed"),
        (status = 201, body = RouteSpec, description = "Made"),
        (status = 400, body = ProblemBody, description = "The gateway cannot compile it"),
        (status = 409, body = ProblemBody, description = "The configuration has this route"),
    ),
)]
pub(crate) async fn put(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut spec): Body<RouteSpec>,
) -> Result<(StatusCode, Json<RouteSpec>), Problem> {
    caller.may(Action::Administer, &Resource::Route(&id))?;
    if spec.id.is_empty() {
        spec.id.clone_from(&id);
    }
    if spec.id != id {
        return Err(Problem::invalid(format!(
            "the route calls itself {:?} and the path {id:?}; make them the same",
            spec.id
        )));
    }
    refuse_configured(&shared, &id)?;
    (shared.context.check_route)(&spec).map_err(Problem::invalid)?;
    let key = DocumentKey::new(DocumentKind::Route, &id)?;
    let body = serde_json::to_vec(&spec).map_err(|error| Problem::invalid(error.to_string()))?;
    let put = Command::PutDocument { key, body: body.into() };
    let outcome = shared.context.engine.propose(put).await?;
    let status = match outcome.kind {
        OutcomeKind::Inserted => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    if outcome.kind != OutcomeKind::Unchanged {
        tell(&shared, &id, &format!("to {}, by {}", spec.uri, caller.name()));
    }
    Ok((status, Json(spec)))
}

/// Removes a route of the catalog.
#[utoipa::path(delete, path = "/routes/{id}", tag = "routes", params(("id" = String, Path)),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody, description = "It is one of the configuration"),
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::Administer, &Resource::Route(&id))?;
    refuse_configured(&shared, &id)?;
    let key = DocumentKey::new(DocumentKind::Route, &id)?;
    let outcome = shared.context.engine.propose(Command::RemoveDocument { key }).await?;
    if outcome.kind == OutcomeKind::Unchanged {
        return Err(unknown_route(&id));
    }
    tell(&shared, &id, &format!("removed, by {}", caller.name()));
    Ok(StatusCode::NO_CONTENT)
}

fn all(shared: &Shared) -> Vec<RouteView> {
    let context = &shared.context;
    let mut traffic: BTreeMap<String, Traffic> =
        context.telemetry.routes().list().into_iter().collect();
    let configured = (context.configured_routes)();
    let kept: Vec<RouteSpec> = context.engine.read(|state| {
        let documents = state.documents(DocumentKind::Route);
        documents.filter_map(|(_, document)| serde_json::from_slice(&document.body).ok()).collect()
    });
    let kept = kept.into_iter().filter(|spec| !configured.iter().any(|own| own.id == spec.id));
    let mut routes: Vec<RouteView> = configured
        .iter()
        .cloned()
        .map(|spec| (spec, "configuration"))
        .chain(kept.map(|spec| (spec, "catalog")))
        .map(|(spec, origin)| RouteView {
            traffic: traffic.remove(&spec.id).unwrap_or_default(),
            origin: origin.to_owned(),
            spec,
        })
        .collect();
    routes.sort_by_key(|route| route.spec.order);
    routes
}

fn refuse_configured(shared: &Shared, id: &str) -> Result<(), Problem> {
    if (shared.context.configured_routes)().iter().any(|route| route.id == id) {
        return Err(Problem::conflict(format!(
            "route {id:?} comes from the configuration; change it there"
        )));
    }
    Ok(())
}

fn tell(shared: &Shared, id: &str, detail: &str) {
    shared.context.telemetry.events().push(EventKind::RouteChanged, id, detail);
}

fn unknown_route(id: &str) -> Problem {
    Problem::not_found(format!("there is no route {id:?}; GET /api/v1/routes lists them"))
}
