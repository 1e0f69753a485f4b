//! A hash table in which a look-up costs one miss of the processor's cache.
//!
//! Entries lie in one run of slots, each beside those that a collision would send it to, with their
//! hash. A table with separate control bytes, as good as it is otherwise, costs a second miss; with
//! a million instances that is a third of a heartbeat.

/// What a table holds: small, with its hash.
pub(crate) trait Hashed {
    fn hash(&self) -> u64;
}

/// Entries by hash. Two may have the same; whoever looks says which one is meant.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// A power of two of them, or none. At most three in four are taken.
    slots: Vec<Option<T>>,
    len: usize,
}

const SLOTS_MIN: usize = 4;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), len: 0 }
    }
}

impl<T: Hashed> Table<T> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// In no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }

    pub(crate) fn find(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        self.slots[self.place(hash, is)?].as_ref()
    }

    pub(crate) fn find_mut(&mut self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&mut T> {
        let place = self.place(hash, is)?;
        self.slots[place].as_mut()
    }

    /// Adds an entry, whatever is there already.
    pub(crate) fn insert(&mut self, entry: T) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 2).max(SLOTS_MIN));
        }
        self.put(entry);
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, hash: u64, is: impl Fn(&T) -> bool) -> Option<T> {
        let mut hole = self.place(hash, is)?;
        let removed = self.slots[hole].take();
        self.len -= 1;
        // Entries after the hole that were sent past it move up, so that none is cut off.
        let mask = self.slots.len() - 1;
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let Some(entry) = &self.slots[next] else { break };
            let home = entry.hash() as usize & mask;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[next].take();
                hole = next;
            }
        }
        if self.len == 0 {
            self.slots = Vec::new();
        } else if self.len * 8 < self.slots.len() && self.slots.len() > SLOTS_MIN {
            self.resize(self.slots.len() / 2);
        }
        removed
    }

    fn place(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut place = hash as usize & mask;
        loop {
            match &self.slots[place] {
                None => return None,
                Some(entry) if entry.hash() == hash && is(entry) => return Some(place),
                Some(_) => place = (place + 1) & mask,
            }
        }
    }

    fn put(&mut self, entry: T) {
        let mask = self.slots.len() - 1;
        let mut place = entry.hash() as usize & mask;
        while self.slots[place].is_some() {
            place = (place + 1) & mask;
        }
        self.slots[place] = Some(entry);
    }

    fn resize(&mut self, slots: usize) {
        let empty = std::iter::repeat_with(|| None).take(slots).collect();
        for entry in std::mem::replace(&mut self.slots, empty).into_iter().flatten() {
            self.put(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    struct Entry(u64, u8);

    impl Hashed for Entry {
        fn hash(&self) -> u64 {
            self.0
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(
            steps in prop::collection::vec((any::<bool>(), any::<u8>()), 0..400),
            collisions in 1_u64..64,
        ) {
            let hash = |key: u8| u64::from(key) % collisions * 3;
            let (mut table, mut model) = (Table::default(), BTreeMap::new());
            for (adds, key) in steps {
                if adds && !model.contains_key(&key) {
                    table.insert(Entry(hash(key), key));
                    model.insert(key, ());
                } else if !adds {
                    let removed = table.remove(hash(key), |entry| entry.1 == key);
                    prop_assert_eq!(removed.is_some(), model.remove(&key).is_some());
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert!(table.slots.len() <= (table.len() * 8).max(SLOTS_MIN));
                prop_assert_eq!(table.is_empty(), table.slots.is_empty());
            }
            for key in 0..=u8::MAX {
                let found = table.find(hash(key), |entry| entry.1 == key).is_some();
                prop_assert_eq!(found, model.contains_key(&key));
            }
            prop_assert_eq!(table.iter().count(), model.len());
        }
    }
}
