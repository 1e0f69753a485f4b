//! The state behind its lock, with those who are to hear of changes.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rialto_catalog::{Revision, State, Timestamp};
use rialto_telemetry::{EventKind, Telemetry};

use crate::clock::Clock;
use crate::limits::REPORTS_MAX;
use crate::report::report;
use crate::watch::Topics;

/// Shared by all clones of an engine and its threads.
#[derive(Debug)]
pub(crate) struct Core {
    state: RwLock<State>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    topics: Topics,
    /// Up to which revision the event log knows.
    reported: Mutex<Revision>,
}

impl Core {
    pub(crate) fn new(state: State, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        let reported = Mutex::new(state.revision());
        let state = RwLock::new(state);
        Self { state, clock, telemetry, topics: Topics::default(), reported }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(crate) const fn topics(&self) -> &Topics {
        &self.topics
    }

    pub(crate) fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state.read())
    }

    /// Changes the state and wakes who watches what changed.
    pub(crate) fn change<R>(&self, act: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let mut state = self.state.write();
        let before = state.revision();
        let answer = act(&mut state, self.now());
        self.topics.wake(&state, before);
        answer
    }

    /// Tells people of something that they should look at.
    pub(crate) fn warn(&self, subject: &str, detail: &str) {
        self.telemetry.events().push_at(self.now().0, EventKind::Warning, subject, detail);
    }

    /// Tells the event log what happened since the last time. It cannot hold back: what is no
    /// longer kept is skipped.
    pub(crate) fn report(&self) {
        let mut reported = self.reported.lock();
        let events: Vec<_> =
            self.read(|state| state.events_after(*reported).take(REPORTS_MAX).cloned().collect());
        for event in &events {
            report(&self.telemetry, event);
            *reported = event.revision;
        }
    }
}
