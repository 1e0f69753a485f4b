//! Moves things along: follows the catalog's changes, sends what is due, and hears what became of
//! it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rialto_catalog::{Change, Event, Selector, ServiceKey, Timestamp};

use super::push::{ConnectionId, Outcome, PushOutcome, PushRequest};
use super::subscriptions::{Clusters, Job};
use super::view::ServiceView;
use super::{Naming, Shared};
use crate::limits::PUSH_ACK_MS;

/// Changes that are looked at under one lock of the catalog.
const CHANGES_MAX: usize = 4_096;
/// From one round to the next, at least: what happens in between is one round's work.
const ROUND: Duration = Duration::from_millis(2);

const NOTIFY: &str = "NotifySubscriberRequest";

/// Hears what became of pushes to subscribers.
#[derive(Debug)]
pub(super) struct Outcomes(Weak<Shared>);

/// Hears what became of pushes to those who watch patterns.
#[derive(Debug)]
pub(super) struct FuzzyOutcomes(Weak<Shared>);

impl Naming {
    /// Sends pushes, checks health, sweeps what is empty or expired, until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut watch = self.shared.engine.watch(Selector::All, None);
        // Both wait for the network or the disk, which pushes must not.
        let beside = async { tokio::join!(self.check_health(), self.keep_sweeping()) };
        let mut beside = std::pin::pin!(beside);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            self.pump();
            let read = *self.shared.read.lock();
            let rest = self.next_due().map_or(Duration::from_secs(1), |due| {
                Duration::from_millis(due.since(self.shared.engine.now()).0)
            });
            tokio::select! {
                () = &mut shutdown => return,
                _ = &mut beside => {}
                () = watch.beyond(read) => {}
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
            tokio::select! {
                () = &mut shutdown => return,
                _ = &mut beside => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Looks at what changed and sends what is due now. [`Naming::run`] does this all the time;
    /// tests with a clock of their own call it themselves.
    pub fn pump(&self) {
        let now = self.shared.engine.now();
        self.follow(now);
        let jobs = self.shared.pushes.lock().due(now);
        let enabled = self.shared.switches.lock().push_enabled();
        for job in jobs {
            self.send(job, enabled);
        }
        if self.shared.fuzzy.lock().is_idle() {
            return;
        }
        let pushes = self.shared.fuzzy.lock().due(now);
        for push in pushes {
            self.shared.push.push(
                push.connection,
                PushRequest {
                    kind: push.kind,
                    shared: push.body,
                    ack_timeout_ms: PUSH_ACK_MS,
                    token: push.token,
                    outcome: Arc::clone(&self.shared.fuzzy_outcomes) as Arc<dyn PushOutcome>,
                },
            );
        }
    }

    /// Takes note of every change since the last time.
    fn follow(&self, now: Timestamp) {
        let mut read = self.shared.read.lock();
        loop {
            let engine = &self.shared.engine;
            let changes = engine.read(|state| {
                let changes = state.changes(&Selector::All, *read, CHANGES_MAX);
                changes.map_err(|_| state.revision())
            });
            match changes {
                Ok(changes) => {
                    *read = changes.revision;
                    self.note(&changes.events, now);
                    if !changes.more {
                        break;
                    }
                }
                Err(revision) => {
                    *read = revision;
                    self.note_everything(now);
                }
            }
        }
        if self.shared.fuzzy.lock().take_short() {
            self.observe_all(now);
        }
    }

    fn note(&self, events: &[Event], now: Timestamp) {
        let mut changed: BTreeSet<&ServiceKey> = BTreeSet::new();
        let mut pushes = self.shared.pushes.lock();
        for event in events {
            let Some(service) = event.change.service() else { continue };
            if event.change.instance().is_some() && changed.insert(service) {
                pushes.changed(service, now);
            } else if matches!(
                event.change,
                Change::ServicePut { .. } | Change::ServiceRemoved { .. }
            ) {
                changed.insert(service);
            }
        }
        drop(pushes);
        self.shared.checks.lock().follow(events, now);
        if !self.shared.fuzzy.lock().is_idle() {
            for service in changed {
                let exists = self.shared.engine.read(|state| state.service(service).is_some());
                self.shared.fuzzy.lock().observe(service, exists, now);
            }
        }
    }

    /// More happened than is remembered: anything may have changed.
    fn note_everything(&self, now: Timestamp) {
        self.shared.pushes.lock().all_changed(now);
        let engine = &self.shared.engine;
        engine.read(|state| self.shared.checks.lock().reload(state, now));
        self.observe_all(now);
    }

    fn observe_all(&self, now: Timestamp) {
        let mut fuzzy = self.shared.fuzzy.lock();
        if fuzzy.is_idle() {
            return;
        }
        self.shared.engine.read(|state| {
            for service in fuzzy.matched() {
                let exists = state.service(&service).is_some();
                fuzzy.observe(&service, exists, now);
            }
            for service in state.services() {
                fuzzy.observe(service.key(), true, now);
            }
        });
    }

    /// Sends one push to its subscribers, written once for all that ask for the same clusters.
    fn send(&self, job: Job, enabled: bool) {
        let mut views: Vec<(Clusters, Option<ServiceView>)> = Vec::new();
        for (connection, clusters, token) in job.targets {
            let at = views.iter().position(|(asked, _)| *asked == clusters).unwrap_or_else(|| {
                let view = self.view(&job.service, clusters.as_deref().unwrap_or(""), false);
                let mut digest = DefaultHasher::new();
                digest.write(&view.hosts());
                // What is pushed to one alone is what that one has not got, whatever others have.
                let news = !job.for_all
                    || self.shared.pushes.lock().is_news(job.topic, &clusters, digest.finish());
                views.push((clusters.clone(), (news && enabled).then_some(view)));
                views.len() - 1
            });
            let Some(view) = &views[at].1 else {
                self.shared.pushes.lock().spare(connection, token);
                continue;
            };
            self.shared.push.push(
                connection,
                PushRequest {
                    kind: NOTIFY,
                    shared: view.push(),
                    ack_timeout_ms: PUSH_ACK_MS,
                    token,
                    outcome: Arc::clone(&self.shared.outcomes) as Arc<dyn PushOutcome>,
                },
            );
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let pushes = self.shared.pushes.lock().next();
        let fuzzy = self.shared.fuzzy.lock().next();
        [pushes, fuzzy].into_iter().flatten().min()
    }
}

impl Outcomes {
    pub(super) const fn new(shared: Weak<Shared>) -> Self {
        Self(shared)
    }
}

impl FuzzyOutcomes {
    pub(super) const fn new(shared: Weak<Shared>) -> Self {
        Self(shared)
    }
}

impl PushOutcome for Outcomes {
    fn done(&self, connection: ConnectionId, token: u64, outcome: Outcome) {
        let Some(shared) = self.0.upgrade() else { return };
        shared.pushes.lock().done(connection, token, outcome, shared.engine.now());
        match outcome {
            Outcome::Acked => shared.meters.acked.increment(),
            Outcome::Refused | Outcome::TimedOut => {
                shared.meters.failed.increment();
                shared.wake.notify_one();
            }
            Outcome::Gone => {}
        }
    }
}

impl PushOutcome for FuzzyOutcomes {
    fn done(&self, connection: ConnectionId, token: u64, outcome: Outcome) {
        let Some(shared) = self.0.upgrade() else { return };
        shared.fuzzy.lock().done(connection, token, outcome, shared.engine.now());
        shared.wake.notify_one();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}
