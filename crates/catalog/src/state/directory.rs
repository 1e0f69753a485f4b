//! All services by number, by key, in order, and by name without case.

use std::collections::BTreeMap;
use std::ops::Bound;

use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::key::{ServiceKey, fold};
use crate::service::Service;

/// Services have numbers, so that an instance can say in four bytes which one it belongs to.
/// Numbers are given out again.
#[derive(Debug)]
pub(crate) struct Directory {
    services: Vec<Option<Box<Service>>>,
    free: Vec<u32>,
    keys: HashTable<Named>,
    ordered: BTreeMap<ServiceKey, u32>,
    folded: HashTable<Folded>,
    hasher: ahash::RandomState,
}

#[derive(Debug)]
struct Named {
    hash: u64,
    key: ServiceKey,
    number: u32,
}

#[derive(Debug)]
struct Folded {
    hash: u64,
    name: Box<str>,
    /// Sorted by key.
    members: SmallVec<[(ServiceKey, u32); 1]>,
    numbers: SmallVec<[u32; 2]>,
}

impl Directory {
    pub(crate) fn new(hasher: ahash::RandomState) -> Self {
        Self {
            services: Vec::new(),
            free: Vec::new(),
            keys: HashTable::new(),
            ordered: BTreeMap::new(),
            folded: HashTable::new(),
            hasher,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn find(&self, key: &ServiceKey) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.keys
            .find(hash, |named| named.hash == hash && named.key == *key)
            .map(|named| named.number)
    }

    pub(crate) fn get(&self, number: u32) -> &Service {
        self.services[number as usize].as_deref().expect("the number is of a service that exists")
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> &mut Service {
        let service = self.services[number as usize].as_deref_mut();
        service.expect("the number is of a service that exists")
    }

    /// Sorted by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Service> {
        self.ordered.values().map(|&number| self.get(number))
    }

    /// Sorted by key, from the first one after `after`, or from the last one before it backwards.
    pub(crate) fn beyond<'a>(
        &'a self,
        key: &ServiceKey,
        backwards: bool,
    ) -> impl Iterator<Item = &'a Service> + use<'a> {
        let (here, open) = (Bound::Excluded(key), Bound::Unbounded);
        let range = |from, to| self.ordered.range::<ServiceKey, _>((from, to));
        let forwards = (!backwards).then(|| range(here, open));
        let before = backwards.then(|| range(open, here).rev());
        let numbers = forwards.into_iter().flatten().chain(before.into_iter().flatten());
        numbers.map(|(_, &number)| self.get(number))
    }

    /// Sorted by key.
    pub(crate) fn find_folded(&self, namespace: &str, group: &str, folded: &str) -> &[u32] {
        let hash = self.hasher.hash_one((namespace, group, folded));
        self.folded
            .find(hash, |entry| entry.is(hash, namespace, group, folded))
            .map_or(&[], |entry| &entry.numbers)
    }

    /// Adds a service that is not there.
    pub(crate) fn insert(&mut self, key: &ServiceKey) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.services.push(None);
            u32::try_from(self.services.len() - 1).expect("services are limited to fewer than 2^32")
        });
        self.services[number as usize] = Some(Box::new(Service::new(key.clone())));
        let hash = self.hasher.hash_one(key);
        let named = Named { hash, key: key.clone(), number };
        self.keys.insert_unique(hash, named, |named| named.hash);
        self.ordered.insert(key.clone(), number);
        self.insert_folded(key, number);
        number
    }

    pub(crate) fn remove(&mut self, number: u32) {
        let Some(service) = self.services[number as usize].take() else { return };
        let key = &service.key;
        let hash = self.hasher.hash_one(key);
        if let Ok(entry) = self.keys.find_entry(hash, |named| named.number == number) {
            entry.remove();
        }
        self.ordered.remove(key);
        self.remove_folded(key, number);
        self.free.push(number);
        if self.keys.is_empty() {
            *self = Self::new(self.hasher.clone());
        }
    }

    /// Whether nothing is left of any service.
    #[cfg(test)]
    pub(crate) fn is_vacant(&self) -> bool {
        self.services.is_empty()
            && self.free.is_empty()
            && self.keys.is_empty()
            && self.ordered.is_empty()
            && self.folded.is_empty()
    }

    fn insert_folded(&mut self, key: &ServiceKey, number: u32) {
        let (namespace, group, name) = key.parts();
        let folded = fold(name);
        let hash = self.hasher.hash_one((namespace, group, folded.as_str()));
        let entry = self
            .folded
            .entry(hash, |entry| entry.is(hash, namespace, group, &folded), |entry| entry.hash)
            .or_insert_with(|| Folded {
                hash,
                name: folded.as_str().into(),
                members: SmallVec::new(),
                numbers: SmallVec::new(),
            });
        let entry = entry.into_mut();
        let place = entry.members.partition_point(|(other, _)| other < key);
        entry.members.insert(place, (key.clone(), number));
        entry.numbers.insert(place, number);
    }

    fn remove_folded(&mut self, key: &ServiceKey, number: u32) {
        let (namespace, group, name) = key.parts();
        let folded = fold(name);
        let hash = self.hasher.hash_one((namespace, group, folded.as_str()));
        let found = self.folded.find_entry(hash, |entry| entry.is(hash, namespace, group, &folded));
        let Ok(mut found) = found else { return };
        let entry = found.get_mut();
        entry.members.retain(|(_, member)| *member != number);
        entry.numbers.retain(|member| *member != number);
        if entry.members.is_empty() {
            found.remove();
        }
    }
}

impl Folded {
    fn is(&self, hash: u64, namespace: &str, group: &str, folded: &str) -> bool {
        let (its_namespace, its_group, _) = self.members[0].0.parts();
        self.hash == hash
            && &*self.name == folded
            && its_group == group
            && its_namespace == namespace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_on_from_any_key_both_ways() {
        let mut directory = Directory::new(ahash::RandomState::with_seeds(1, 2, 3, 4));
        let key = |name: &str| ServiceKey::named(name).unwrap();
        ["a", "c", "e"].iter().for_each(|name| _ = directory.insert(&key(name)));
        let names = |from: &str, backwards| -> Vec<String> {
            let services = directory.beyond(&key(from), backwards);
            services.map(|service| service.key.name().to_owned()).collect()
        };
        assert_eq!(names("a", false), ["c", "e"]);
        assert_eq!(names("b", false), ["c", "e"]);
        assert_eq!(names("e", true), ["c", "a"]);
        assert!(names("e", false).is_empty() && names("a", true).is_empty());
    }
}
