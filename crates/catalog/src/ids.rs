//! Which services have an instance of a given identifier, without looking into all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use smallvec::SmallVec;

use crate::table::{Hashed, Table};

/// Candidates by the hash of the identifier; whoever asks looks the identifier up in the service.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    entries: Table<Entry>,
    /// Nearly every identifier is in one service; one that is in very many must not cost more to
    /// add.
    shared: BTreeMap<u64, BTreeSet<u32>>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    /// The number of the only service, plus one; [`SHARED`] when there are several.
    service: NonZeroU32,
}

const SHARED: NonZeroU32 = NonZeroU32::MAX;

impl Hashed for Entry {
    fn hash(&self) -> u64 {
        self.hash
    }
}

impl Entry {
    /// The only service.
    fn only(&self) -> Option<u32> {
        (self.service != SHARED).then(|| self.service.get() - 1)
    }
}

impl Ids {
    pub(crate) fn insert(&mut self, hash: u64, service: u32) {
        let Some(entry) = self.entries.find_mut(hash, |_| true) else {
            let service = NonZeroU32::MIN.saturating_add(service);
            self.entries.insert(Entry { hash, service });
            return;
        };
        match entry.only() {
            Some(only) if only == service => {}
            Some(only) => {
                entry.service = SHARED;
                self.shared.insert(hash, BTreeSet::from([only, service]));
            }
            None => {
                self.shared.entry(hash).or_default().insert(service);
            }
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, service: u32) {
        let Some(entry) = self.entries.find(hash, |_| true) else { return };
        let empty = match entry.only() {
            Some(only) => only == service,
            None => self.shared.get_mut(&hash).is_none_or(|services| {
                services.remove(&service);
                services.is_empty()
            }),
        };
        if empty {
            self.shared.remove(&hash);
            self.entries.remove(hash, |_| true);
        }
    }

    /// In no order that means anything.
    pub(crate) fn candidates(&self, hash: u64) -> SmallVec<[u32; 4]> {
        match self.entries.find(hash, |_| true).map(Entry::only) {
            None => SmallVec::new(),
            Some(Some(only)) => SmallVec::from_slice(&[only]),
            Some(None) => self.shared.get(&hash).into_iter().flatten().copied().collect(),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.shared.is_empty()
    }
}
