//! What happened, and what changes in the catalog, as lists and streams.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event as SseEvent;
use futures_util::{Stream, StreamExt as _};
use http::HeaderMap;
use rialto_api::rest::{EventView, Problem as ProblemBody};
use rialto_catalog::{Change, Event, Revision, Selector};
use rialto_engine::{Watch, WatchBatch};
use rialto_security::{Action, Resource};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_stream::wrappers::BroadcastStream;
use utoipa::IntoParams;

use super::{Parameters, stream};
use crate::Shared;
use crate::access::Caller;
use crate::limits::{EVENTS_PER_LIST_DEFAULT, EVENTS_PER_LIST_MAX};
use crate::problem::Problem;
use crate::views;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// At most so many, 100 unless said otherwise, 1,000 at most.
    limit: Option<usize>,
    /// Before this identifier.
    before: Option<u64>,
}

/// Where a watch begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    /// Changes after this revision; only changes to come when absent. `Last-Event-ID` does the
    /// same.
    after: Option<u64>,
}

/// The newest events first.
#[utoipa::path(get, path = "/events", tag = "events", params(Page), responses(
    (status = 200, body = Vec<EventView>),
    (status = 401, body = ProblemBody),
))]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Parameters(page): Parameters<Page>,
) -> Result<Json<Vec<EventView>>, Problem> {
    caller.may(Action::Read, &Resource::Events)?;
    let limit = page.limit.unwrap_or(EVENTS_PER_LIST_DEFAULT).min(EVENTS_PER_LIST_MAX);
    Ok(Json(shared.context.telemetry.events().recent(limit, page.before)))
}

/// Events as they happen (server-sent events). `missed` tells how many a slow reader lost.
#[utoipa::path(get, path = "/events/stream", tag = "events", responses(
    (status = 200, content_type = "text/event-stream", body = EventView),
    (status = 429, body = ProblemBody),
))]
pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.may(Action::Read, &Resource::Events)?;
    let events = BroadcastStream::new(shared.context.telemetry.events().subscribe());
    let events = events.map(|event| match event {
        Ok(event) => stream::event(&event.kind, event.id, &*event),
        Err(lagged) => SseEvent::default().event("missed").data(lagged.to_string()),
    });
    stream::sse(&shared, caller, events)
}

/// Changes of services and instances as they happen (server-sent events), named as in the event
/// stream; the identifier is the revision. `snapshot_needed` says that changes were missed because
/// they are no longer kept: read the lists again.
#[utoipa::path(get, path = "/watch", tag = "services", params(Since), responses(
    (status = 200, content_type = "text/event-stream", body = Object),
    (status = 429, body = ProblemBody),
))]
pub(crate) async fn watch(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    Parameters(since): Parameters<Since>,
) -> Result<Response, Problem> {
    caller.may(Action::Read, &Resource::Services)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let engine = &shared.context.engine;
    let now = || engine.read(|state| state.revision().0);
    let after = last.or(since.after).unwrap_or_else(now);
    let watch = engine.watch(Selector::All, Some(Revision(after)));
    stream::sse(&shared, caller, changes(watch))
}

fn changes(watch: Watch) -> impl Stream<Item = SseEvent> + Send {
    futures_util::stream::unfold(watch, |mut watch| {
        Box::pin(async move {
            let batch = watch.next().await;
            Some((futures_util::stream::iter(batch_events(batch)), watch))
        })
    })
    .flatten()
}

fn batch_events(batch: WatchBatch) -> Vec<SseEvent> {
    match batch {
        WatchBatch::Changes(events, _) => events.iter().filter_map(change).collect(),
        WatchBatch::Snapshot(snapshot) => {
            let revision = snapshot.revision.0;
            vec![stream::event("snapshot_needed", revision, &json!({"revision": revision}))]
        }
    }
}

fn change(event: &Event) -> Option<SseEvent> {
    let (name, instance) = match &event.change {
        Change::Registered { instance, .. } => ("registered", Some(instance)),
        Change::Updated { instance, .. } => ("updated", Some(instance)),
        Change::Deregistered { instance, .. } => ("deregistered", Some(instance)),
        Change::Expired { instance, .. } => ("expired", Some(instance)),
        Change::ServicePut { .. } => ("service_put", None),
        Change::ServiceRemoved { .. } => ("service_removed", None),
        Change::ProtectionBegan { .. } => ("protection_began", None),
        Change::ProtectionEnded { .. } => ("protection_ended", None),
        // Documents may hold keys of routes: they are read where that is allowed.
        Change::DocumentPut { .. } | Change::DocumentRemoved { .. } => return None,
    };
    let (namespace, group, service) = event.change.service()?.parts();
    let instance = instance.map_or(Value::Null, |one| json!(views::instance(one, None)));
    let data = json!({
        "revision": event.revision.0,
        "at_ms": event.at.0,
        "namespace": namespace,
        "group": group,
        "service": service,
        "instance": instance,
    });
    Some(stream::event(name, event.revision.0, &data))
}
