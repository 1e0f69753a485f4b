//! The timer of all leases: a hierarchical wheel in which each lease waits in one place.
//!
//! Renewal does not touch the wheel. A lease comes up at the time that it was put in for; whoever
//! takes it looks at the present end of the lease and puts it back if that is later. So a lease
//! costs one visit for each of its lengths, however often it is renewed, and nothing ever scans.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::instance::Instance;
#[cfg(test)]
use crate::time::Millis;
use crate::time::Timestamp;

/// Resolution, as a power of two in milliseconds.
const TICK_MS_LOG2: u32 = 6;
/// Slots of a level, as a power of two.
const SLOTS_LOG2: u32 = 6;
const SLOTS: usize = 1 << SLOTS_LOG2;
/// Ten levels of 64 slots reach every moment that 64 bits of milliseconds can express.
const LEVELS: usize = 10;

/// A lease comes up at most this much late.
#[cfg(test)]
pub(crate) const LATE_MAX: Millis = Millis(1 << TICK_MS_LOG2);

/// Leases that wait.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Everything before this tick has come up.
    cursor: u64,
    /// `LEVELS` times `SLOTS` lists.
    lists: Vec<Vec<Arc<Instance>>>,
    /// Which lists of a level have something in them.
    occupied: [u64; LEVELS],
    waiting: usize,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            cursor: 0,
            lists: std::iter::repeat_with(Vec::new).take(LEVELS * SLOTS).collect(),
            occupied: [0; LEVELS],
            waiting: 0,
        }
    }

    /// Leases that wait.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.waiting
    }

    /// Lets a lease come up at `at`, or at once when that has passed.
    pub(crate) fn insert(&mut self, now: Timestamp, at: Timestamp, instance: Arc<Instance>) {
        if self.waiting == 0 {
            self.cursor = self.cursor.max(now.0 >> TICK_MS_LOG2);
        }
        let tick = at.0.div_ceil(1 << TICK_MS_LOG2).max(self.cursor);
        let differing = (tick ^ self.cursor) | (SLOTS as u64 - 1);
        let level = ((63 - differing.leading_zeros()) / SLOTS_LOG2) as usize;
        let slot = slot_of(tick, level);
        let list = &mut self.lists[level * SLOTS + slot];
        let lease = instance.lease();
        debug_assert_eq!(lease.list.load(Ordering::Relaxed), u16::MAX, "waits in one place only");
        lease.list.store((level * SLOTS + slot) as u16, Ordering::Relaxed);
        lease.place.store(place_of(list.len()), Ordering::Relaxed);
        list.push(instance);
        self.occupied[level] |= 1 << slot;
        self.waiting += 1;
    }

    /// Takes a lease out; one that does not wait is left alone.
    pub(crate) fn remove(&mut self, instance: &Instance) {
        let lease = instance.lease();
        let list = lease.list.swap(u16::MAX, Ordering::Relaxed);
        let Some(entries) = self.lists.get_mut(usize::from(list)) else { return };
        let place = lease.place.load(Ordering::Relaxed);
        entries.swap_remove(place as usize);
        if let Some(moved) = entries.get(place as usize) {
            moved.lease().place.store(place, Ordering::Relaxed);
        }
        self.settle(usize::from(list));
    }

    /// Puts an instance into the place of the one that it replaces.
    pub(crate) fn replace(&mut self, old: &Instance, new: &Arc<Instance>) {
        let list = old.lease().list.swap(u16::MAX, Ordering::Relaxed);
        let Some(entries) = self.lists.get_mut(usize::from(list)) else { return };
        let place = old.lease().place.load(Ordering::Relaxed);
        new.lease().list.store(list, Ordering::Relaxed);
        new.lease().place.store(place, Ordering::Relaxed);
        entries[place as usize] = Arc::clone(new);
    }

    /// The next lease that comes up by `now`, taken out. Some have been renewed meanwhile.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Arc<Instance>> {
        let target = now.0 >> TICK_MS_LOG2;
        while self.waiting > 0 {
            // A list of a higher level that the cursor has entered is handed out whole: what is not
            // due yet goes into lower levels when the caller puts it back.
            for level in (0..LEVELS).rev() {
                let slot = slot_of(self.cursor, level);
                if self.occupied[level] >> slot & 1 == 1 {
                    return self.pop_from(level * SLOTS + slot);
                }
            }
            if self.cursor >= target {
                return None;
            }
            self.cursor = self.next_stop().min(target);
        }
        self.cursor = self.cursor.max(target);
        None
    }

    fn pop_from(&mut self, list: usize) -> Option<Arc<Instance>> {
        let instance = self.lists[list].pop()?;
        instance.lease().list.store(u16::MAX, Ordering::Relaxed);
        self.settle(list);
        Some(instance)
    }

    /// The next tick after the cursor at which a list may come up.
    fn next_stop(&self) -> u64 {
        for level in 0..LEVELS {
            let slot = slot_of(self.cursor, level);
            let later = self.occupied[level] & !(u64::MAX >> (SLOTS - 1 - slot));
            let shift = SLOTS_LOG2 * level as u32;
            if later != 0 {
                let base = self.cursor >> shift >> SLOTS_LOG2 << SLOTS_LOG2;
                return (base | u64::from(later.trailing_zeros())) << shift;
            }
        }
        u64::MAX
    }

    /// After something was taken out of a list.
    fn settle(&mut self, list: usize) {
        self.waiting -= 1;
        let entries = &mut self.lists[list];
        if entries.is_empty() {
            // A list that held a million leases once must not keep their room.
            *entries = Vec::new();
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
    }
}

fn slot_of(tick: u64, level: usize) -> usize {
    (tick >> (SLOTS_LOG2 * level as u32)) as usize & (SLOTS - 1)
}

fn place_of(length: usize) -> u32 {
    u32::try_from(length).expect("fewer instances than 2^32 fit into the limits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Stamp;
    use crate::spec::{InstanceSpec, Protocol};
    use crate::time::Revision;
    use proptest::prelude::*;

    fn instance(number: usize) -> Arc<Instance> {
        let spec = InstanceSpec::new(&number.to_string(), Protocol::Sdk, "h", 1, Millis(1_000));
        let at = Timestamp(0);
        let stamp = Stamp { service: 0, registered: at, changed: at, revision: Revision(1) };
        Arc::new(Instance::pack(&spec, spec.ttl, &stamp))
    }

    proptest! {
        #[test]
        fn comes_up_in_time_and_once(
            start in 0_u64..1 << 40,
            delays in prop::collection::vec(0_u64..200_000_000, 1..60),
            removed in prop::collection::vec(any::<bool>(), 60),
            steps in prop::collection::vec(1_u64..20_000_000, 1..40),
        ) {
            let mut wheel = Wheel::new();
            let start = Timestamp(start);
            let all: Vec<_> = (0..delays.len()).map(instance).collect();
            for (instance, delay) in all.iter().zip(&delays) {
                wheel.insert(start, start.plus(Millis(*delay)), Arc::clone(instance));
            }
            let mut waiting: Vec<usize> = (0..delays.len()).collect();
            waiting.retain(|&number| !removed[number]);
            all.iter().zip(&removed).filter(|(_, gone)| **gone).for_each(|(one, _)| {
                wheel.remove(one);
                wheel.remove(one);
            });
            let mut now = start;
            for step in steps.into_iter().chain([200_000_064]) {
                now = now.plus(Millis(step));
                while let Some(up) = wheel.pop(now) {
                    let number: usize = up.id().parse().unwrap();
                    let end = start.plus(Millis(delays[number]));
                    if end > now {
                        wheel.insert(now, end, up);
                        continue;
                    }
                    prop_assert!(waiting.contains(&number));
                    waiting.retain(|&other| other != number);
                }
                let late = waiting.iter().find(|&&n| {
                    start.plus(Millis(delays[n])).plus(LATE_MAX) <= now
                });
                prop_assert_eq!(late, None);
                prop_assert_eq!(wheel.len(), waiting.len());
            }
            prop_assert_eq!(wheel.len(), 0);
            prop_assert!(wheel.occupied == [0; LEVELS]);
        }
    }
}
