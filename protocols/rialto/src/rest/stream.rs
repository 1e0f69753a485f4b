//! Server-sent events: a bounded number of clients, kept alive, ended when the server stops.

use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _};

use crate::Shared;
use crate::access::Caller;
use crate::limits::SSE_CLIENTS_MAX;
use crate::problem::Problem;

/// How often a comment shows that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Answers with a stream, unless there are too many. It ends when the caller's user or token does.
pub(crate) fn sse<S>(shared: &Arc<Shared>, caller: Caller, events: S) -> Result<Response, Problem>
where
    S: Stream<Item = Event> + Send + 'static,
{
    let permit = shared.sse_clients.clone().try_acquire_owned().map_err(|_| {
        Problem::too_many(format!("{SSE_CLIENTS_MAX} clients read streams already"), 5)
    })?;
    let events = events
        .take_while(move |_| std::future::ready(caller.is_current()))
        .map(move |event| {
            // Held as long as the stream is.
            let _held = &permit;
            Ok::<_, std::convert::Infallible>(event)
        })
        .take_until(shared.context.shutdown.begun());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// An event with a name, an identifier and JSON.
pub(crate) fn event<T: serde::Serialize>(name: &str, id: u64, data: &T) -> Event {
    let event = Event::default().event(name).id(id.to_string());
    match serde_json::to_string(data) {
        Ok(json) => event.data(json),
        Err(error) => event.comment(error.to_string()),
    }
}
