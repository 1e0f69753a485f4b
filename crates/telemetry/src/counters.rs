//! Counters and gauges that doors register for themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::Label;
use crate::limits::{COUNTER_LABEL_SETS_MAX, COUNTER_NAMES_MAX, OTHER};
use crate::routes::clip;

/// Only grows. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The count since the start.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Goes up and down. Clones show the same value.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Says the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// Changes the value.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Relaxed);
    }

    /// The value now.
    pub fn value(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

pub(crate) type Labels = Vec<(String, String)>;

#[derive(Debug, Default)]
pub(crate) struct CounterBook {
    counters: Mutex<Families<Counter>>,
    gauges: Mutex<Families<Gauge>>,
}

pub(crate) type Families<T> = BTreeMap<&'static str, Family<T>>;

#[derive(Debug)]
pub(crate) struct Family<T> {
    pub(crate) help: &'static str,
    pub(crate) members: BTreeMap<Labels, T>,
}

impl CounterBook {
    pub(crate) fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[Label<'_>],
    ) -> Counter {
        member(&mut self.counters.lock(), name, help, labels)
    }

    pub(crate) fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[Label<'_>],
    ) -> Gauge {
        member(&mut self.gauges.lock(), name, help, labels)
    }

    pub(crate) fn counters(&self) -> parking_lot::MutexGuard<'_, Families<Counter>> {
        self.counters.lock()
    }

    pub(crate) fn gauges(&self) -> parking_lot::MutexGuard<'_, Families<Gauge>> {
        self.gauges.lock()
    }
}

fn member<T: Clone + Default>(
    families: &mut Families<T>,
    name: &'static str,
    help: &'static str,
    labels: &[Label<'_>],
) -> T {
    if !families.contains_key(name) && families.len() >= COUNTER_NAMES_MAX {
        // Counts, but is not shown: names are in the code, so this is a mistake there, not load.
        return T::default();
    }
    let family =
        (families.entry(name)).or_insert_with(|| Family { help, members: BTreeMap::new() });
    let mut key: Labels =
        labels.iter().map(|(name, value)| ((*name).to_owned(), clip(value).to_owned())).collect();
    if !family.members.contains_key(&key) && family.members.len() >= COUNTER_LABEL_SETS_MAX {
        key.iter_mut().for_each(|(_, value)| OTHER.clone_into(value));
    }
    family.members.entry(key).or_default().clone()
}
