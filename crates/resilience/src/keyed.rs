//! One limiter for each key (client address, API key, tenant), for a bounded number of keys.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};

use parking_lot::Mutex;

use crate::Nanos;
use crate::limits::KEYS_MAX;

/// Parts with a lock each, so that workers seldom wait for one another.
const SHARDS: usize = 16;
/// Entries looked at to find one to forget.
const SEARCH_MAX: usize = 64;

/// Something that can be made anew without anybody noticing.
pub trait Idle {
    /// Whether its state is that of a new one.
    fn idle(&self, now: Nanos) -> bool;
}

/// A limiter for each key. When there are too many keys, idle ones are forgotten first, then ones
/// not used lately.
pub struct Keyed<K, L> {
    shards: Vec<Mutex<Shard<K, L>>>,
    hasher: RandomState,
    make: Box<dyn Fn() -> L + Send + Sync>,
    shard_keys_max: usize,
}

struct Shard<K, L> {
    places: HashMap<K, usize>,
    entries: Vec<Entry<K, L>>,
    hand: usize,
}

struct Entry<K, L> {
    key: K,
    limiter: L,
    used: bool,
}

impl<K, L> std::fmt::Debug for Keyed<K, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyed")
            .field("shard_keys_max", &self.shard_keys_max)
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone, L: Idle> Keyed<K, L> {
    /// A limiter made by `make` for each of about `keys_max` keys (rounded up to a multiple of 16,
    /// at most [`KEYS_MAX`]).
    pub fn new(keys_max: usize, make: impl Fn() -> L + Send + Sync + 'static) -> Self {
        let shard = || Mutex::new(Shard { places: HashMap::new(), entries: Vec::new(), hand: 0 });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
            make: Box::new(make),
            shard_keys_max: keys_max.clamp(1, KEYS_MAX).div_ceil(SHARDS),
        }
    }

    /// Asks the limiter of a key. It runs under a lock: decide, do not wait.
    pub fn with<Q, R>(&self, now: Nanos, key: &Q, ask: impl FnOnce(&L) -> R) -> R
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let mut shard = self.shards[shard].lock();
        let place = match shard.places.get(key) {
            Some(place) => *place,
            None => shard.insert(now, key.to_owned(), (self.make)(), self.shard_keys_max),
        };
        let entry = &mut shard.entries[place];
        entry.used = true;
        ask(&entry.limiter)
    }

    /// Keys known now.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().entries.len()).sum()
    }

    /// Whether no key is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq + Clone, L: Idle> Shard<K, L> {
    fn insert(&mut self, now: Nanos, key: K, limiter: L, keys_max: usize) -> usize {
        let entry = Entry { key: key.clone(), limiter, used: true };
        let place = if self.entries.len() < keys_max {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let place = self.victim(now);
            self.places.remove(&self.entries[place].key);
            self.entries[place] = entry;
            place
        };
        self.places.insert(key, place);
        place
    }

    /// The clock algorithm, with a preference for entries that lose nothing.
    fn victim(&mut self, now: Nanos) -> usize {
        let count = self.entries.len();
        let mut unused = None;
        for _ in 0..SEARCH_MAX.min(count) {
            let place = self.hand % count;
            self.hand = (self.hand + 1) % count;
            let entry = &mut self.entries[place];
            if entry.limiter.idle(now) {
                return place;
            }
            if !std::mem::take(&mut entry.used) {
                unused = unused.or(Some(place));
            }
        }
        unused.unwrap_or(self.hand % count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenBucket;

    #[test]
    fn each_key_has_its_own() {
        let keyed: Keyed<String, TokenBucket> = Keyed::new(100, || TokenBucket::new(1.0, 1));
        assert!(keyed.is_empty());
        assert!(keyed.with(Nanos(0), "a", |bucket| bucket.take(Nanos(0), 1)).is_ok());
        assert!(keyed.with(Nanos(0), "a", |bucket| bucket.take(Nanos(0), 1)).is_err());
        assert!(keyed.with(Nanos(0), "b", |bucket| bucket.take(Nanos(0), 1)).is_ok());
        assert_eq!(keyed.len(), 2);
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_idle_ones_go_first() {
        let keyed: Keyed<u64, TokenBucket> = Keyed::new(160, || TokenBucket::new(1.0, 1));
        let now = Nanos::from_secs(100);
        keyed.with(now, &0, |bucket| bucket.take(now, 1)).expect("the first token");
        for key in 1..10_000 {
            keyed.with(now, &key, |_| ());
        }
        assert!(keyed.len() <= 160);
        assert!(keyed.with(now, &0, |bucket| bucket.take(now, 1)).is_err(), "0 was kept: not idle");
    }

    #[test]
    fn the_unused_go_when_nobody_is_idle() {
        let keyed: Keyed<u64, TokenBucket> = Keyed::new(32, || TokenBucket::new(0.001, 1));
        for key in 0..10_000 {
            let first = keyed.with(Nanos(0), &key, |bucket| bucket.take(Nanos(0), 1));
            first.expect("a new key has a full bucket");
        }
        assert_eq!(keyed.len(), 32);
    }
}
