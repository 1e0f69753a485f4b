//! All that is published now, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use ahash::RandomState;
use hashbrown::HashMap;

use crate::batch::{Batch, Change, Plan};
use crate::entry::{Entry, Formal, Gray};
use crate::key::{ConfigKey, KeyRef};
use crate::quota::{Capacity, Quotas, Scope, Usage};

/// What is decided by settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy {
    /// Where hashes start, so that nobody outside can choose names that collide.
    pub hash_seed: u64,
    /// How much may be published.
    pub quotas: Quotas,
}

/// All that is published.
#[derive(Debug)]
pub struct State {
    pub(crate) policy: Policy,
    entries: HashMap<ConfigKey, Arc<Entry>, RandomState>,
    /// The same keys in order, for pages.
    order: BTreeSet<ConfigKey>,
    ids: BTreeMap<u64, ConfigKey>,
    capacities: BTreeMap<Scope, Capacity>,
    /// Configurations that all see, by namespace and group.
    counts: BTreeMap<String, BTreeMap<String, u64>>,
    total: u64,
    pub(crate) counters: Counters,
}

/// What is never used twice, and so outlives what it was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// The identifier of the next new configuration.
    pub next_id: u64,
    /// The identifier of the next history entry.
    pub next_history_id: u64,
    /// Of the last change.
    pub revision: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self { next_id: 1, next_history_id: 1, revision: 0 }
    }
}

impl State {
    /// Nothing is published.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let seed = policy.hash_seed;
        let hasher = RandomState::with_seeds(seed, !seed, seed.rotate_left(17), 0x9E37_79B9);
        Self {
            policy,
            entries: HashMap::with_hasher(hasher),
            order: BTreeSet::new(),
            ids: BTreeMap::new(),
            capacities: BTreeMap::new(),
            counts: BTreeMap::new(),
            total: 0,
            counters: Counters::default(),
        }
    }

    /// Begins a batch of commands. Nothing changes before its plan is installed.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Makes a plan visible, and tells what changed by it. Plans are installed in the order in
    /// which their batches were made, with no other batch in between.
    pub fn install(&mut self, plan: Plan) -> Vec<Change> {
        for (key, entry) in plan.touched {
            self.replace(&key, entry);
        }
        for (scope, capacity) in plan.capacities {
            self.set_capacity(scope, capacity);
        }
        self.counters = plan.counters;
        plan.changes
    }

    /// A configuration.
    #[must_use]
    pub fn get(&self, key: &KeyRef<'_>) -> Option<&Arc<Entry>> {
        self.entries.get(key)
    }

    /// A configuration by its identifier.
    #[must_use]
    pub fn by_id(&self, id: u64) -> Option<&Arc<Entry>> {
        self.ids.get(&id).and_then(|key| self.entries.get(key))
    }

    /// Configurations of a namespace, or of all, in order of their keys, after one of them.
    pub fn after<'a>(
        &'a self,
        namespace: Option<&'a str>,
        after: Option<&ConfigKey>,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        let first = match (after, namespace) {
            (Some(after), _) => Bound::Excluded(after.clone()),
            (None, Some(namespace)) => Bound::Included(ConfigKey::first_of(namespace)),
            (None, None) => Bound::Unbounded,
        };
        self.order
            .range((first, Bound::Unbounded))
            .take_while(move |key| namespace.is_none_or(|one| one == key.namespace()))
            .filter_map(|key| self.entries.get(key))
    }

    /// How many configurations there are that all see.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many of them a namespace has.
    #[must_use]
    pub fn namespace_total(&self, namespace: &str) -> u64 {
        self.counts.get(namespace).map_or(0, |groups| groups.values().sum())
    }

    /// Namespaces in which something is published.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.counts.keys().map(String::as_str)
    }

    /// How much is used of what a namespace or group may hold.
    #[must_use]
    pub fn usage(&self, scope: &Scope) -> Usage {
        let used = match scope {
            Scope::Namespace(namespace) => self.namespace_total(namespace),
            Scope::Group(group) => self.group_total(crate::key::PUBLIC, group),
        };
        Usage { used, capacity: self.policy.quotas.of(scope, self.exception(scope)) }
    }

    /// What was set for a namespace or group.
    #[must_use]
    pub fn exception(&self, scope: &Scope) -> Option<Capacity> {
        self.capacities.get(scope).copied()
    }

    /// The quotas that apply where nothing else was set.
    #[must_use]
    pub const fn quotas(&self) -> &Quotas {
        &self.policy.quotas
    }

    /// Number of the last change.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.counters.revision
    }

    /// Brings back the formal version of a configuration from disk.
    pub fn restore_formal(&mut self, id: u64, key: &ConfigKey, formal: Formal) {
        let mut entry = self.restored(id, key);
        entry.formal = Some(formal);
        entry.arrange();
        self.replace(key, Some(Arc::new(entry)));
    }

    /// Brings back a gray version of a configuration from disk.
    pub fn restore_gray(&mut self, id: u64, key: &ConfigKey, gray: Gray) {
        let mut entry = self.restored(id, key);
        entry.grays.retain(|one| !one.rule.is_same_version(&gray.rule));
        entry.grays.push(gray);
        entry.arrange();
        self.replace(key, Some(Arc::new(entry)));
    }

    /// Brings back what was set for a namespace or group.
    pub fn restore_capacity(&mut self, scope: Scope, capacity: Capacity) {
        self.set_capacity(scope, Some(capacity));
    }

    /// Brings back what must not be used again.
    pub const fn restore_counters(&mut self, counters: Counters) {
        self.counters = counters;
    }

    pub(crate) fn group_total(&self, namespace: &str, group: &str) -> u64 {
        self.counts.get(namespace).and_then(|groups| groups.get(group)).copied().unwrap_or(0)
    }

    fn restored(&self, id: u64, key: &ConfigKey) -> Entry {
        match self.entries.get(key) {
            Some(entry) => (**entry).clone(),
            None => Entry { id, key: key.clone(), formal: None, grays: Vec::new() },
        }
    }

    fn replace(&mut self, key: &ConfigKey, entry: Option<Arc<Entry>>) {
        let formal = |entry: &Arc<Entry>| entry.formal.is_some();
        let is = entry.as_ref().is_some_and(formal);
        let before = match entry {
            Some(entry) => {
                self.ids.insert(entry.id, key.clone());
                let before = self.entries.insert(key.clone(), entry);
                if before.is_none() {
                    self.order.insert(key.clone());
                }
                before
            }
            None => {
                let before = self.entries.remove(key);
                self.order.remove(key);
                before.as_ref().and_then(|before| self.ids.remove(&before.id));
                before
            }
        };
        self.count(key, before.as_ref().is_some_and(formal), is);
    }

    fn count(&mut self, key: &ConfigKey, was: bool, is: bool) {
        if was == is {
            return;
        }
        let groups = self.counts.entry(key.namespace().to_owned()).or_default();
        let count = groups.entry(key.group().to_owned()).or_default();
        if is {
            *count += 1;
            self.total += 1;
            return;
        }
        *count -= 1;
        self.total -= 1;
        if *count == 0 {
            groups.remove(key.group());
        }
        if groups.is_empty() {
            self.counts.remove(key.namespace());
        }
    }

    fn set_capacity(&mut self, scope: Scope, capacity: Option<Capacity>) {
        match capacity {
            Some(capacity) => drop(self.capacities.insert(scope, capacity)),
            None => drop(self.capacities.remove(&scope)),
        }
    }
}
