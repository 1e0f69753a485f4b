//! What changed lately: every instance once, as it changed last, for as long as Netflix's server
//! keeps it. Gone instances stay with what was known of them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use rialto_catalog::{Protocol, ServiceKey, Timestamp};

use super::pages::Entry;
use crate::limits::{DELTA_ENTRIES_MAX, DELTA_MS};

/// The changes of the last three minutes.
#[derive(Debug, Default)]
pub struct Delta {
    /// The latest change of each instance.
    latest: HashMap<Identity, Recent>,
    /// All changes in order; those that are not the latest of their instance are passed over.
    order: VecDeque<(Timestamp, u64, Identity)>,
    next: u64,
}

type Identity = (ServiceKey, Protocol, Box<str>);

/// A change in the delta.
#[derive(Debug, Clone)]
pub struct Recent {
    /// The instance as it is, or as it was last.
    pub entry: Entry,
    /// When it changed.
    pub at: Timestamp,
    /// Whether it is gone.
    pub gone: bool,
    number: u64,
}

impl Delta {
    /// Adds a change.
    pub fn push(&mut self, entry: Entry, at: Timestamp, gone: bool) {
        let instance = &entry.instance;
        let identity = (entry.service.clone(), instance.protocol(), Box::from(instance.id()));
        self.next += 1;
        let number = self.next;
        self.order.push_back((at, number, identity.clone()));
        self.latest.insert(identity, Recent { entry, at, gone, number });
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

    /// The changes by application, within one in the order in which they happened.
    #[must_use]
    pub fn by_app(&self) -> BTreeMap<&str, Vec<&Recent>> {
        let mut apps: BTreeMap<&str, Vec<&Recent>> = BTreeMap::new();
        for (_, number, identity) in &self.order {
            if let Some(recent) = self.latest.get(identity).filter(|it| it.number == *number) {
                apps.entry(&recent.entry.app).or_default().push(recent);
            }
        }
        apps
    }

    /// An instance that renews by registering is in the order many times but counts once; the
    /// order is swept before it gets much longer than what it orders.
    fn bound(&mut self) {
        if self.order.len() > 2 * self.latest.len() + 1_024 {
            let latest = &self.latest;
            self.order.retain(|(_, number, identity)| {
                latest.get(identity).is_some_and(|recent| recent.number == *number)
            });
        }
        while self.latest.len() > DELTA_ENTRIES_MAX {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some((_, number, identity)) = self.order.pop_front()
            && self.latest.get(&identity).is_some_and(|recent| recent.number == number)
        {
            self.latest.remove(&identity);
        }
    }
}
