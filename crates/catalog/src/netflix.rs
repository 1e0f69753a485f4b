//! Expiry of Eureka leases with Netflix's numbers: one threshold for the whole registry, a timer,
//! and at most a share of the registry in each run
//! (eureka-core: `AbstractInstanceRegistry.evict`, `PeerAwareInstanceRegistryImpl`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::instance::Instance;
use crate::policy::NetflixPolicy;
use crate::time::{Millis, Timestamp};

/// Marks a lease that waits for the eviction timer instead of in the wheel.
pub(crate) const OVERDUE_LIST: u16 = u16::MAX - 1;

/// Renewals are counted by this interval.
const RENEWALS_INTERVAL: Millis = Millis(60_000);

/// The figures that Netflix's server shows about its self-preservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetflixView {
    /// Clients expected to send renewals.
    pub expected: u64,
    /// Renewals a minute that must be exceeded for expiry to go on.
    pub threshold: u64,
    /// Renewals in the last complete minute.
    pub renewals_last_minute: u64,
    /// Whether expiry is held back.
    pub protected: bool,
}

#[derive(Debug)]
pub(crate) struct Netflix {
    policy: NetflixPolicy,
    expected: u64,
    renewals: AtomicU64,
    renewals_last_minute: u64,
    started: Option<Started>,
    /// Leases that ran out, or did when they were put here.
    pub(crate) overdue: Vec<Arc<Instance>>,
    /// Eureka instances at present.
    pub(crate) clients: u64,
}

#[derive(Debug, Clone, Copy)]
struct Started {
    minute: Timestamp,
    eviction: Timestamp,
    recount: Timestamp,
}

impl Netflix {
    pub(crate) const fn new(policy: NetflixPolicy) -> Self {
        Self {
            expected: policy.expected_at_start,
            policy,
            renewals: AtomicU64::new(0),
            renewals_last_minute: 0,
            started: None,
            overdue: Vec::new(),
            clients: 0,
        }
    }

    pub(crate) fn view(&self) -> NetflixView {
        NetflixView {
            expected: self.expected,
            threshold: self.threshold(),
            renewals_last_minute: self.renewals_last_minute,
            protected: !self.expires(),
        }
    }

    pub(crate) fn renewed(&self) {
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) const fn came(&mut self) {
        self.clients += 1;
        if self.expected > 0 {
            self.expected += 1;
        }
    }

    pub(crate) const fn left(&mut self) {
        self.clients -= 1;
        self.expected = self.expected.saturating_sub(1);
    }

    /// Moves the timers on. When it is time to evict, says by how much leases are to be lengthened
    /// because the timer came late.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Option<Millis> {
        let start = Started { minute: now, eviction: now, recount: now };
        let started = self.started.get_or_insert(start);
        let minutes = now.since(started.minute).0 / RENEWALS_INTERVAL.0;
        if minutes > 0 {
            started.minute = started.minute.plus(Millis(minutes * RENEWALS_INTERVAL.0));
            let renewals = std::mem::take(self.renewals.get_mut());
            self.renewals_last_minute = if minutes == 1 { renewals } else { 0 };
        }
        if now.since(started.recount) >= self.policy.recount_interval {
            started.recount = now;
            let floor = self.policy.renewal_threshold * self.expected as f64;
            if self.clients as f64 > floor || !self.policy.self_preservation {
                self.expected = self.clients;
            }
        }
        let late = now.since(started.eviction).0.checked_sub(self.policy.eviction_interval.0)?;
        started.eviction = now;
        Some(Millis(late))
    }

    /// Whether expired leases may be evicted.
    pub(crate) fn expires(&self) -> bool {
        let threshold = self.threshold();
        !self.policy.self_preservation || (threshold > 0 && self.renewals_last_minute > threshold)
    }

    /// How many may be evicted in one run.
    pub(crate) fn evictions_max(&self) -> usize {
        let kept = (self.clients as f64 * self.policy.renewal_threshold).floor() as u64;
        (self.clients - kept) as usize
    }

    pub(crate) fn put_overdue(&mut self, instance: Arc<Instance>) {
        let lease = instance.lease();
        lease.list.store(OVERDUE_LIST, Ordering::Relaxed);
        lease.place.store(self.overdue.len() as u32, Ordering::Relaxed);
        self.overdue.push(instance);
    }

    pub(crate) fn remove_overdue(&mut self, instance: &Instance) -> Arc<Instance> {
        let place = instance.lease().place.load(Ordering::Relaxed) as usize;
        let removed = self.overdue.swap_remove(place);
        removed.lease().list.store(u16::MAX, Ordering::Relaxed);
        if let Some(moved) = self.overdue.get(place) {
            moved.lease().place.store(place as u32, Ordering::Relaxed);
        }
        removed
    }

    pub(crate) fn replace_overdue(&mut self, old: &Instance, new: &Arc<Instance>) {
        let place = old.lease().place.load(Ordering::Relaxed);
        old.lease().list.store(u16::MAX, Ordering::Relaxed);
        new.lease().list.store(OVERDUE_LIST, Ordering::Relaxed);
        new.lease().place.store(place, Ordering::Relaxed);
        self.overdue[place as usize] = Arc::clone(new);
    }

    fn threshold(&self) -> u64 {
        let interval_s = self.policy.renewal_interval.0 as f64 / 1_000.0;
        let a_minute = self.expected as f64 * (60.0 / interval_s);
        (a_minute * self.policy.renewal_threshold).floor() as u64
    }
}
