//! Watchers: each gets every change once, or an explicit new snapshot.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rialto_catalog::{Event, Revision, Selector, Snapshot, State};
use tokio::sync::watch;

use crate::engine::Engine;
use crate::limits::WATCH_BATCH_MAX;

/// What a watcher gets.
#[derive(Debug, Clone)]
pub enum WatchBatch {
    /// All that matches now; forget what was before. Comes first unless the watcher resumed, and
    /// again when changes were missed because they are no longer kept.
    Snapshot(Snapshot),
    /// The changes since the batch before, and the revision up to which nothing is missing.
    Changes(Vec<Event>, Revision),
}

/// A watcher. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    engine: Engine,
    selector: Selector,
    after: Option<Revision>,
    /// Always there until the watcher is dropped.
    receiver: Option<watch::Receiver<Revision>>,
}

/// Who is to be woken by what.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    count: AtomicUsize,
    senders: Mutex<HashMap<Selector, watch::Sender<Revision>>>,
}

impl Watch {
    pub(crate) fn new(engine: Engine, selector: Selector, after: Option<Revision>) -> Self {
        let receiver = Some(engine.topics().subscribe(&selector));
        Self { engine, selector, after, receiver }
    }

    /// The next batch. May be cancelled at any point without losing one.
    pub async fn next(&mut self) -> WatchBatch {
        loop {
            if let Some(receiver) = &mut self.receiver {
                // What happens after this look at the state wakes the wait below.
                receiver.mark_unchanged();
            }
            if let Some(batch) = self.poll() {
                return batch;
            }
            let woken = match &mut self.receiver {
                Some(receiver) => receiver.changed().await.is_ok(),
                None => false,
            };
            if !woken {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the catalog has a revision after this one that concerns what is watched. For
    /// those who read changes themselves; a revision that others caused may end the wait too.
    pub async fn beyond(&mut self, revision: Revision) {
        loop {
            if let Some(receiver) = &mut self.receiver {
                // What happens after this look at the state wakes the wait below.
                receiver.mark_unchanged();
            }
            if self.engine.read(State::revision) > revision {
                return;
            }
            let woken = match &mut self.receiver {
                Some(receiver) => receiver.changed().await.is_ok(),
                None => false,
            };
            if !woken {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The next batch if there is one already.
    pub fn poll(&mut self) -> Option<WatchBatch> {
        let Self { engine, selector, after, .. } = self;
        engine.read(|state| {
            let changes = after.map(|revision| state.changes(selector, revision, WATCH_BATCH_MAX));
            let Some(Ok(changes)) = changes else {
                let snapshot = state.snapshot(selector);
                *after = Some(snapshot.revision);
                return Some(WatchBatch::Snapshot(snapshot));
            };
            *after = Some(changes.revision);
            let some = !changes.events.is_empty();
            some.then_some(WatchBatch::Changes(changes.events, changes.revision))
        })
    }

    /// What it watches.
    #[must_use]
    pub const fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The revision up to which it has everything, once it got its first batch or resumed.
    #[must_use]
    pub const fn revision(&self) -> Option<Revision> {
        self.after
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.receiver = None;
        self.engine.topics().unsubscribe(&self.selector);
    }
}

impl Topics {
    /// Wakes the watchers of what happened after a revision. Called with the state locked, so that
    /// wakes have the order of changes.
    pub(crate) fn wake(&self, state: &State, after: Revision) {
        if state.revision() == after || self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let senders = self.senders.lock();
        let tell = |selector: &Selector, revision| {
            if let Some(sender) = senders.get(selector) {
                sender.send_replace(revision);
            }
        };
        tell(&Selector::All, state.revision());
        for event in state.events_after(after) {
            if let Some(service) = event.change.service() {
                tell(&Selector::Service(service.clone()), event.revision);
            } else if let Some(document) = event.change.document() {
                tell(&Selector::Documents(document.kind), event.revision);
            }
        }
    }

    fn subscribe(&self, selector: &Selector) -> watch::Receiver<Revision> {
        self.count.fetch_add(1, Ordering::SeqCst);
        let mut senders = self.senders.lock();
        let sender = senders
            .entry(selector.clone())
            .or_insert_with(|| watch::Sender::new(Revision::default()));
        sender.subscribe()
    }

    fn unsubscribe(&self, selector: &Selector) {
        self.count.fetch_sub(1, Ordering::SeqCst);
        let mut senders = self.senders.lock();
        if senders.get(selector).is_some_and(watch::Sender::is_closed) {
            senders.remove(selector);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.senders.lock().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rialto_catalog::{ServiceKey, Timestamp};
    use rialto_telemetry::Telemetry;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn watchers_that_are_gone_leave_nothing_behind() {
        let engine = Engine::in_memory(Arc::new(ManualClock::new(Timestamp(1))), Telemetry::new());
        let service = Selector::Service(ServiceKey::named("stock").unwrap());
        let first = engine.watch(service.clone(), None);
        let second = engine.watch(service, None);
        drop(first);
        assert!(!engine.topics().is_empty());
        drop(second);
        assert!(engine.topics().is_empty());
    }
}
