//! Live pages: one stream of server-sent events each, with the regions that changed since the last
//! look. A page is built the same way for the stream as for a request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use http::{StatusCode, Uri, header};
use tokio::time::{MissedTickBehavior, interval};

use crate::context::App;
use crate::guard::Member;
use crate::limits::{LIVE_INTERVAL_MS, STREAMS_MAX};
use crate::pages::{Params, Target, error_page};
use crate::view::View;

/// Counts a stream as long as it lives.
struct Seat(Arc<AtomicUsize>);

/// One open page.
struct Watcher {
    app: App,
    view: View,
    cookie: String,
    target: Target,
    params: Params,
    seen: HashMap<&'static str, u64>,
    /// What the page is made of as of the last look, where that is known.
    revision: Option<u64>,
    started: bool,
    _seat: Seat,
}

pub(crate) async fn stream(State(app): State<App>, member: Member, uri: Uri) -> Response {
    let Some(target) = uri.path().strip_prefix("/live").and_then(Target::parse) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Err(status) = target.allowed(&app, &member.view) {
        return error_page(&member.view, status);
    }
    let Some(seat) = Seat::take(&app.streams) else {
        let wait = [(header::RETRY_AFTER, "5")];
        return (StatusCode::SERVICE_UNAVAILABLE, wait).into_response();
    };
    let watcher = Watcher {
        view: View { live: true, here: page_address(&uri), ..member.view },
        cookie: member.cookie,
        params: Params::of(&uri),
        target,
        seen: HashMap::new(),
        revision: None,
        started: false,
        app,
        _seat: seat,
    };
    Sse::new(watcher.events()).keep_alive(KeepAlive::default()).into_response()
}

fn page_address(uri: &Uri) -> String {
    let text = crate::guard::here(uri);
    text.strip_prefix("/live").unwrap_or(&text).to_owned()
}

impl Watcher {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let mut ticks = interval(Duration::from_millis(LIVE_INTERVAL_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let start = (self, ticks, Vec::new().into_iter());
        futures_util::stream::unfold(start, |(mut watcher, mut ticks, mut ready)| async move {
            loop {
                if let Some(event) = ready.next() {
                    return Some((Ok(event), (watcher, ticks, ready)));
                }
                let shutdown = watcher.app.context.shutdown.begun();
                tokio::select! {
                    () = shutdown => return None,
                    _ = ticks.tick() => {}
                }
                ready = watcher.look()?.into_iter();
            }
        })
    }

    /// What to tell the page now; `None` ends the stream.
    fn look(&mut self) -> Option<Vec<Event>> {
        if self.seen.contains_key("signed-out") {
            return None;
        }
        // A right that was taken away ends the stream as the end of the session does.
        let signed_in = self.app.context.security.peek_session(&self.cookie).is_some();
        if !signed_in || self.target.allowed(&self.app, &self.view).is_err() {
            self.seen.insert("signed-out", 0);
            return Some(vec![Event::default().event("signed-out").data("")]);
        }
        let revision = self.target.revision(&self.app);
        if revision.is_some() && self.revision == revision {
            // A search may have to look through everything: not for nothing.
            return Some(Vec::new());
        }
        self.revision = revision;
        self.view.now_ms = self.app.context.engine.now().0;
        let Ok(page) = self.target.build(&self.app, &self.view, &self.params) else {
            // The object is gone. Its page stays as it was last; a reload says so.
            return Some(Vec::new());
        };
        let mut events = Vec::new();
        for region in page.regions {
            let mut hasher = DefaultHasher::new();
            region.html.0.hash(&mut hasher);
            let hash = hasher.finish();
            if self.seen.insert(region.id, hash) == Some(hash) {
                continue;
            }
            let body = serde_json::json!({ "id": region.id, "html": region.html.0 });
            events.push(Event::default().event("region").data(body.to_string()));
        }
        if !self.started {
            self.started = true;
            events.push(Event::default().event("ready").data(""));
        }
        Some(events)
    }
}

impl Seat {
    fn take(streams: &Arc<AtomicUsize>) -> Option<Self> {
        let seat = Self(Arc::clone(streams));
        (seat.0.fetch_add(1, Ordering::Relaxed) < STREAMS_MAX).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_and_given_back() {
        let streams = Arc::new(AtomicUsize::new(0));
        let mut seats: Vec<Seat> = (0..STREAMS_MAX).map_while(|_| Seat::take(&streams)).collect();
        assert_eq!(seats.len(), STREAMS_MAX);
        assert!(Seat::take(&streams).is_none());
        seats.pop();
        assert!(Seat::take(&streams).is_some());
    }
}
