//! Which services have an instance of a given identifier, without looking into all of them.

use std::collections::BTreeSet;

use hashbrown::HashTable;
use smallvec::SmallVec;

/// Candidates by the hash of the identifier; whoever asks looks the identifier up in the service.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    entries: HashTable<Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    services: Services,
}

/// Nearly every identifier is in one service; one that is in very many must not cost more to add.
#[derive(Debug)]
enum Services {
    One(u32),
    Many(BTreeSet<u32>),
}

impl Ids {
    pub(crate) fn insert(&mut self, hash: u64, service: u32) {
        let entry = self.entries.entry(hash, |entry| entry.hash == hash, |entry| entry.hash);
        match entry {
            hashbrown::hash_table::Entry::Vacant(vacant) => {
                vacant.insert(Entry { hash, services: Services::One(service) });
            }
            hashbrown::hash_table::Entry::Occupied(mut occupied) => {
                occupied.get_mut().services.insert(service);
            }
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, service: u32) {
        let Ok(mut entry) = self.entries.find_entry(hash, |entry| entry.hash == hash) else {
            return;
        };
        let empty = match &mut entry.get_mut().services {
            Services::One(one) => *one == service,
            Services::Many(many) => {
                many.remove(&service);
                many.is_empty()
            }
        };
        if empty {
            entry.remove();
        }
        if self.entries.is_empty() {
            self.entries = HashTable::new();
        }
    }

    /// In no order that means anything.
    pub(crate) fn candidates(&self, hash: u64) -> SmallVec<[u32; 4]> {
        match self.entries.find(hash, |entry| entry.hash == hash).map(|entry| &entry.services) {
            None => SmallVec::new(),
            Some(Services::One(one)) => SmallVec::from_slice(&[*one]),
            Some(Services::Many(many)) => many.iter().copied().collect(),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Services {
    fn insert(&mut self, service: u32) {
        match self {
            Self::One(one) if *one == service => {}
            Self::One(one) => *self = Self::Many(BTreeSet::from([*one, service])),
            Self::Many(many) => {
                many.insert(service);
            }
        }
    }
}
