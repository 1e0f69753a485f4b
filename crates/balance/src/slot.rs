//! What is known of one endpoint.

use crate::ewma::PeakEwma;
use crate::limits::WEIGHT_MAX;
use crate::outlier::Health;
use crate::{Endpoint, Nanos, Settings};

/// An endpoint with its past. Slots keep their place for as long as they live.
#[derive(Debug)]
pub(crate) struct Slot<E> {
    pub(crate) endpoint: Endpoint<E>,
    pub(crate) generation: u32,
    /// When it left, unless it is there.
    pub(crate) departed: Option<Nanos>,
    pub(crate) in_flight: u32,
    pub(crate) ewma: PeakEwma,
    pub(crate) health: Health,
    /// When it began to get traffic, while that matters for slow start.
    pub(crate) warm_since: Option<Nanos>,
    /// nginx's `current_weight`.
    pub(crate) smooth: f64,
    /// Whether it is in one of the pools.
    pub(crate) fit: bool,
    /// Whether it is in the preferred pool.
    pub(crate) near: bool,
    /// The update that named it last.
    pub(crate) seen: u64,
}

impl<E> Slot<E> {
    pub(crate) fn new(endpoint: Endpoint<E>, generation: u32, now: Nanos, set: &Settings) -> Self {
        Self {
            endpoint: tidy(endpoint),
            generation,
            departed: None,
            in_flight: 0,
            ewma: PeakEwma::new(Nanos::from_millis(set.ewma_initial_ms), now),
            health: Health::default(),
            warm_since: None,
            smooth: 0.0,
            fit: false,
            near: false,
            seen: 0,
        }
    }

    /// Takes new facts about the same endpoint. Whether its place on the ring changed.
    pub(crate) fn change(&mut self, endpoint: Endpoint<E>) -> bool {
        let endpoint = tidy(endpoint);
        let moved = self.endpoint.address != endpoint.address
            || self.endpoint.weight != endpoint.weight
            || self.departed.is_some();
        self.endpoint = endpoint;
        self.departed = None;
        moved
    }

    pub(crate) fn present(&self) -> bool {
        self.departed.is_none() && self.endpoint.weight > 0.0
    }

    pub(crate) fn available(&self) -> bool {
        self.present() && self.endpoint.healthy && self.health.ejected_until().is_none()
    }

    /// The weight with slow start.
    pub(crate) fn weight(&self, now: Nanos, set: &Settings) -> f64 {
        self.endpoint.weight * self.warmth(now, set)
    }

    /// The share of its weight that slow start grants, more than 0 and at most 1.
    pub(crate) fn warmth(&self, now: Nanos, set: &Settings) -> f64 {
        let Some(since) = self.warm_since else { return 1.0 };
        let window_ns = Nanos::from_millis(set.slow_start_ms).0.max(1) as f64;
        let least = (f64::from(set.slow_start_percent) / 100.0).max(0.01);
        (now.since(since).0 as f64 / window_ns).max(least).min(1.0)
    }

    /// What a further call is expected to cost, slow start left out.
    pub(crate) fn cost(&self, now: Nanos, set: &Settings) -> f64 {
        let floor_ns = Nanos::from_millis(set.ewma_floor_ms).0 as f64;
        let latency_ns = self.ewma.read(now, decay_ns(set)).max(floor_ns);
        latency_ns * (f64::from(self.in_flight) + 1.0) / self.endpoint.weight
    }
}

/// The decay as a positive number of ns, whatever was set.
pub(crate) fn decay_ns(set: &Settings) -> f64 {
    Nanos::from_millis(set.ewma_decay_ms).0.max(1) as f64
}

fn tidy<E>(mut endpoint: Endpoint<E>) -> Endpoint<E> {
    let weight = endpoint.weight;
    endpoint.weight = if weight.is_finite() { weight.clamp(0.0, WEIGHT_MAX) } else { 1.0 };
    endpoint
}
