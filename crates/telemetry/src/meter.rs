//! A meter: what one route or one pair of services carried, counted by several workers without
//! locks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::histogram::{self, BUCKETS};
use crate::limits::SHARDS_MAX;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Answered below 400.
    Ok,
    /// Answered 400 to 499, a refusal by limit excepted.
    ClientError,
    /// Answered 500 or above, or not at all.
    ServerError,
    /// Refused by limiter, queue or breaker; its latency is not counted.
    Limited,
    /// The caller went away first.
    Cancelled,
}

impl Class {
    /// Every class, in the order of the counters.
    pub const ALL: [Self; 5] =
        [Self::Ok, Self::ClientError, Self::ServerError, Self::Limited, Self::Cancelled];

    /// The word used for a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Limited => "limited",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What another process counted and reports, to be added to a shard.
#[derive(Debug, Clone, Default)]
pub struct Absorbed {
    /// Calls by class, in the order of [`Class::ALL`].
    pub calls: [u64; 5],
    /// Further tries on another instance.
    pub retries: u64,
    /// Latencies in µs, each with how many calls took about that long.
    pub latencies_us: Vec<(u64, u64)>,
}

/// Counts the calls of one route or edge. Shared by reference; each worker writes to its own shard.
#[derive(Debug, Default)]
pub struct Meter {
    // Made when a worker first asks: most meters are touched by few workers.
    shards: [OnceLock<Box<MeterShard>>; SHARDS_MAX],
}

impl Meter {
    /// The shard of a worker. Workers `SHARDS_MAX` apart share one.
    pub fn shard(&self, worker: usize) -> &MeterShard {
        self.shards[worker % SHARDS_MAX].get_or_init(Box::default)
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for shard in self.shards.iter().filter_map(OnceLock::get) {
            shard.add_to(&mut totals);
        }
        totals
    }
}

/// One worker's part of a meter, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub struct MeterShard {
    begun: AtomicU64,
    ended: [AtomicU64; 5],
    retries: AtomicU64,
    latency_us: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for MeterShard {
    fn default() -> Self {
        Self {
            begun: AtomicU64::new(0),
            ended: Default::default(),
            retries: AtomicU64::new(0),
            latency_us: AtomicU64::new(0),
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }
}

impl MeterShard {
    /// A call begins. Each must be followed by one [`MeterShard::finish`], on any shard of the
    /// meter.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Relaxed);
    }

    /// A call has ended.
    pub fn finish(&self, class: Class, latency_us: u64) {
        self.ended[class as usize].fetch_add(1, Relaxed);
        if class != Class::Limited {
            self.latency_us.fetch_add(latency_us, Relaxed);
            self.buckets[histogram::index(latency_us)].fetch_add(1, Relaxed);
        }
    }

    /// A call is tried once more, on another instance.
    pub fn retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    /// Adds what another process counted.
    pub fn absorb(&self, absorbed: &Absorbed) {
        for (ended, calls) in self.ended.iter().zip(absorbed.calls) {
            ended.fetch_add(calls, Relaxed);
            self.begun.fetch_add(calls, Relaxed);
        }
        self.retries.fetch_add(absorbed.retries, Relaxed);
        for &(latency_us, count) in &absorbed.latencies_us {
            self.latency_us.fetch_add(latency_us.saturating_mul(count), Relaxed);
            self.buckets[histogram::index(latency_us)].fetch_add(count, Relaxed);
        }
    }

    fn add_to(&self, totals: &mut Totals) {
        // The ended before the begun: a call that begins and ends meanwhile must not make the
        // number of calls under way negative.
        for (total, ended) in totals.ended.iter_mut().zip(&self.ended) {
            *total += ended.load(Relaxed);
        }
        totals.begun += self.begun.load(Relaxed);
        totals.retries += self.retries.load(Relaxed);
        totals.latency_us = totals.latency_us.wrapping_add(self.latency_us.load(Relaxed));
        for (total, bucket) in totals.buckets.iter_mut().zip(&self.buckets) {
            *total += bucket.load(Relaxed);
        }
    }
}

/// What a meter counted since it was made.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    pub(crate) begun: u64,
    pub(crate) ended: [u64; 5],
    pub(crate) retries: u64,
    pub(crate) latency_us: u64,
    pub(crate) buckets: [u64; BUCKETS],
}

impl Default for Totals {
    fn default() -> Self {
        Self { begun: 0, ended: [0; 5], retries: 0, latency_us: 0, buckets: [0; BUCKETS] }
    }
}

impl Totals {
    pub(crate) fn requests(&self) -> u64 {
        self.ended.iter().sum()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.begun.saturating_sub(self.requests())
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, u64::wrapping_add);
    }

    /// What was counted since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        difference.combine(earlier, u64::saturating_sub);
        difference
    }

    fn combine(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        let merge = |into: &mut u64, from: &u64| *into = with(*into, *from);
        merge(&mut self.begun, &other.begun);
        merge(&mut self.retries, &other.retries);
        merge(&mut self.latency_us, &other.latency_us);
        self.ended.iter_mut().zip(&other.ended).for_each(|(into, from)| merge(into, from));
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(into, from)| merge(into, from));
    }
}
