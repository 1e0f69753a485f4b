//! What changed lately: every instance once, as it changed last, for as long as Netflix's server
//! keeps it. Gone instances stay with what was known of them. What was written of an application
//! is kept until it changes again, so that a storm of changes costs what it changes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use rialto_catalog::{LeaseInfo, Protocol, ServiceKey, Timestamp};

use super::pages::{Entry, Written, slot};
use crate::codec::{Envelope, Format};
use crate::limits::{DELTA_ENTRIES_MAX, DELTA_MS};
use crate::map::{Names, Telling, shape, shape_of_gone};

/// The changes of the last three minutes.
#[derive(Debug, Default)]
pub struct Delta {
    /// The number of each instance's latest change.
    latest: HashMap<Identity, u64>,
    /// All changes in order; those that are not the latest of their instance are passed over.
    order: VecDeque<(Timestamp, u64, Identity)>,
    apps: BTreeMap<Arc<str>, Changes>,
    next: u64,
}

type Identity = (ServiceKey, Protocol, Box<str>);

/// The changes of one application.
#[derive(Debug, Default)]
struct Changes {
    /// By number, so in the order in which they happened.
    recent: BTreeMap<u64, Recent>,
    written: [Option<Arc<Written>>; 4],
}

/// The latest change of an instance.
#[derive(Debug)]
struct Recent {
    entry: Entry,
    at: Timestamp,
    gone: bool,
}

impl Delta {
    /// Adds a change; `gone` when the instance left or was lost.
    pub fn push(&mut self, entry: Entry, at: Timestamp, gone: bool) {
        let instance = &entry.instance;
        let identity = (entry.service.clone(), instance.protocol(), Box::from(instance.id()));
        self.next += 1;
        let number = self.next;
        self.order.push_back((at, number, identity.clone()));
        let changes = self.apps.entry(Arc::clone(&entry.app)).or_default();
        if let Some(before) = self.latest.insert(identity, number) {
            changes.recent.remove(&before);
        }
        changes.recent.insert(number, Recent { entry, at, gone });
        changes.written = [const { None }; 4];
        self.bound();
    }

    /// Drops what has become old.
    pub fn prune(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(at, ..)| now.since(*at).0 >= DELTA_MS) {
            self.pop();
        }
    }

    /// When the oldest change will be dropped.
    #[must_use]
    pub fn fresh_until(&self) -> Option<Timestamp> {
        self.order.front().map(|(at, ..)| Timestamp(at.0.saturating_add(DELTA_MS)))
    }

    /// How many instances changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.latest.len()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Writes the applications that have changed since the last time, and returns all of them in
    /// order. What stands between them is left to the caller.
    pub fn write(
        &mut self,
        format: Format,
        now: Timestamp,
        telling: Telling,
        lease: &dyn Fn(&Entry) -> Option<LeaseInfo>,
    ) -> Vec<Arc<Written>> {
        let slot = slot(format);
        let mut all = Vec::with_capacity(self.apps.len());
        for (app, changes) in &mut self.apps {
            let kept = changes.written[slot].take().filter(|kept| kept.is_fresh(now));
            let written = kept
                .unwrap_or_else(|| Written::new(changes.render(app, format, telling, lease), now));
            changes.written[slot] = Some(Arc::clone(&written));
            all.push(written);
        }
        all
    }

    /// An instance that changes all the time is in the order many times but counts once; the order
    /// is swept before it gets much longer than what it orders.
    fn bound(&mut self) {
        if self.order.len() > 2 * self.latest.len() + 1_024 {
            let latest = &self.latest;
            self.order.retain(|(_, number, identity)| latest.get(identity) == Some(number));
        }
        while self.latest.len() > DELTA_ENTRIES_MAX {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some((_, number, identity)) = self.order.pop_front() else { return };
        if self.latest.get(&identity) != Some(&number) {
            return;
        }
        self.latest.remove(&identity);
        let app = crate::map::app(&identity.0);
        if let Some(changes) = self.apps.get_mut(app.as_str()) {
            changes.recent.remove(&number);
            changes.written = [const { None }; 4];
            if changes.recent.is_empty() {
                self.apps.remove(app.as_str());
            }
        }
    }
}

impl Changes {
    fn render(
        &self,
        app: &str,
        format: Format,
        telling: Telling,
        lease: &dyn Fn(&Entry) -> Option<LeaseInfo>,
    ) -> Bytes {
        let envelope = Envelope::listing(format);
        let mut out = Vec::with_capacity(self.recent.len() * 1_024);
        envelope.open_app(&mut out, app, true);
        for (place, recent) in self.recent.values().enumerate() {
            let entry = &recent.entry;
            let names = Names::of(&entry.service, &entry.instance);
            let shape = if recent.gone {
                shape_of_gone(&names, &entry.instance, recent.at)
            } else {
                shape(&names, &entry.instance, lease(entry), telling)
            };
            envelope.instance(&mut out, &shape, place == 0);
        }
        envelope.close_app(&mut out);
        out.into()
    }
}
