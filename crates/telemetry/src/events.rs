//! The event log: what happened, in a bounded ring, and live to those who subscribed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rialto_api::rest::EventView;
use tokio::sync::broadcast;

use crate::limits::{EVENT_TEXT_CHARS_MAX, EVENTS_LAG_MAX, EVENTS_MAX};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// An instance came.
    Registered,
    /// An instance left.
    Deregistered,
    /// An instance's lease ran out.
    Expired,
    /// An instance's status or override changed.
    StatusChanged,
    /// Expiry is held back for a service.
    ProtectionBegan,
    /// Expiry goes on for a service.
    ProtectionEnded,
    /// A balancer sends an instance no traffic for a while.
    Ejected,
    /// A balancer sends an instance traffic again.
    Returned,
    /// Requests were refused by a limit.
    Limited,
    /// A breaker stopped calls.
    BreakerOpened,
    /// A breaker lets calls through again.
    BreakerClosed,
    /// A route was added, changed or removed.
    RouteChanged,
    /// A configuration was published, removed or brought back.
    ConfigurationChanged,
    /// A namespace was named, renamed or forgotten.
    NamespaceChanged,
    /// A user, role, permission or token was made, changed or removed.
    AccessChanged,
    /// Somebody signed in.
    SignedIn,
    /// Somebody failed to sign in.
    SignInFailed,
    /// Rialto, or one of its doors, started.
    Started,
    /// Rialto, or one of its doors, stops.
    Stopping,
    /// Something went wrong that a person should look at.
    Warning,
}

impl EventKind {
    /// The word used in the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Deregistered => "deregistered",
            Self::Expired => "expired",
            Self::StatusChanged => "status_changed",
            Self::ProtectionBegan => "protection_began",
            Self::ProtectionEnded => "protection_ended",
            Self::Ejected => "ejected",
            Self::Returned => "returned",
            Self::Limited => "limited",
            Self::BreakerOpened => "breaker_opened",
            Self::BreakerClosed => "breaker_closed",
            Self::RouteChanged => "route_changed",
            Self::ConfigurationChanged => "configuration_changed",
            Self::NamespaceChanged => "namespace_changed",
            Self::AccessChanged => "access_changed",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::Started => "started",
            Self::Stopping => "stopping",
            Self::Warning => "warning",
        }
    }
}

/// The last events, and a stream of the coming ones.
#[derive(Debug)]
pub struct EventLog {
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<EventView>>,
}

#[derive(Debug)]
struct Ring {
    events: VecDeque<Arc<EventView>>,
    next_id: u64,
}

impl Default for EventLog {
    fn default() -> Self {
        let ring = Ring { events: VecDeque::new(), next_id: 1 };
        Self { ring: Mutex::new(ring), live: broadcast::Sender::new(EVENTS_LAG_MAX) }
    }
}

impl EventLog {
    /// Records what happens now. Subject and detail are cut at [`EVENT_TEXT_CHARS_MAX`] characters.
    /// Callers that could do so for each request (refusals) must sum up first.
    pub fn push(&self, kind: EventKind, subject: impl AsRef<str>, detail: impl AsRef<str>) {
        let at_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        self.push_at(at_ms, kind, subject, detail);
    }

    /// Records what happened at a given time.
    pub fn push_at(
        &self,
        at_ms: u64,
        kind: EventKind,
        subject: impl AsRef<str>,
        detail: impl AsRef<str>,
    ) {
        let subject = cut(subject.as_ref());
        let detail = cut(detail.as_ref());
        let mut ring = self.ring.lock();
        let id = ring.next_id;
        ring.next_id += 1;
        let kind = kind.as_str().to_owned();
        let event = Arc::new(EventView { id, at_ms, kind, subject, detail });
        if ring.events.len() == EVENTS_MAX {
            ring.events.pop_front();
        }
        ring.events.push_back(Arc::clone(&event));
        // Sent under the lock, so that subscribers see identifiers in order. No subscriber is fine.
        let _ = self.live.send(event);
    }

    /// The newest events first, at most `limit`; those before `before_id` when given.
    pub fn recent(&self, limit: usize, before_id: Option<u64>) -> Vec<EventView> {
        let ring = self.ring.lock();
        let end = match (before_id, ring.events.front()) {
            (Some(before), Some(first)) => {
                let ahead = usize::try_from(before.saturating_sub(first.id)).unwrap_or(usize::MAX);
                ahead.min(ring.events.len())
            }
            _ => ring.events.len(),
        };
        ring.events.range(..end).rev().take(limit).map(|event| EventView::clone(event)).collect()
    }

    /// Every event from now on. A subscriber that lags more than [`EVENTS_LAG_MAX`] is told how
    /// many it missed and can read them with [`EventLog::recent`].
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<EventView>> {
        self.live.subscribe()
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(EVENT_TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
