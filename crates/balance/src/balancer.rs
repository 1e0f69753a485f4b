//! The endpoints of one service, and what is known of them.

mod judge;

use std::hash::Hash;

use ahash::AHashMap;
use rand_core::RngCore;

use crate::choose::{Choice, Pool};
use crate::ewma::PeakEwma;
use crate::limits::{ABSENT_NS, DEPARTED_MAX, DEPARTED_NS, PENALTY_MAX_NS};
use crate::ring::Ring;
use crate::slot::{Slot, decay_ns};
use crate::{
    Algorithm, Class, Endpoint, EndpointView, Nanos, Outcome, Picked, Request, Settings, Ticket,
    Transition,
};

/// How often latencies are compared.
const LOOK: Nanos = Nanos::from_secs(1);
/// How long after a call to a suspect the next is sent, if it would get none otherwise.
const PROBE: Nanos = Nanos::from_millis(500);

/// Chooses among the endpoints of one service. For one thread, or behind a lock.
#[derive(Debug)]
pub struct Balancer<E> {
    set: Settings,
    slots: Vec<Slot<E>>,
    free: Vec<u32>,
    by_id: AHashMap<E, u32>,
    /// Those that are there, in the order given.
    order: Vec<u32>,
    near: Pool,
    far: Pool,
    ring: Ring,
    panic: bool,
    /// When the pools change by themselves.
    refresh_at: Nanos,
    in_flight: u64,
    near_in_flight: u64,
    /// An endpoint that may be slow, and when it is probed next.
    suspect: Option<(u32, Nanos)>,
    look_at: Nanos,
    interval_at: Nanos,
    jitter: u64,
    updates: u64,
    transitions: Vec<Transition<E>>,
    sorted: Vec<f64>,
}

impl<E: Clone + Eq + Hash> Balancer<E> {
    /// No endpoints yet. `seed` spreads the ends of ejections between processes.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            set: settings,
            slots: Vec::new(),
            free: Vec::new(),
            by_id: AHashMap::new(),
            order: Vec::new(),
            near: Pool::default(),
            far: Pool::default(),
            ring: Ring::default(),
            panic: false,
            refresh_at: Nanos(0),
            in_flight: 0,
            near_in_flight: 0,
            suspect: None,
            look_at: Nanos(0),
            interval_at: Nanos(0),
            jitter: seed,
            updates: 0,
            transitions: Vec::new(),
            sorted: Vec::new(),
        }
    }

    /// Whether no endpoint is there.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How many endpoints are there, fit or not.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Replaces the set of endpoints. Of two with the same identifier the last counts. What is
    /// known of those that stay is kept.
    pub fn update(&mut self, now: Nanos, endpoints: impl IntoIterator<Item = Endpoint<E>>) {
        self.updates += 1;
        let mut left = std::mem::take(&mut self.order);
        let mut moved = false;
        for endpoint in endpoints {
            let (index, changed) = self.enter(now, endpoint);
            moved |= changed;
            let slot = &mut self.slots[index as usize];
            if slot.seen != self.updates {
                slot.seen = self.updates;
                self.order.push(index);
            }
        }
        left.retain(|slot| self.slots[*slot as usize].seen != self.updates);
        moved |= !left.is_empty();
        for slot in left {
            self.slots[slot as usize].departed = Some(now);
        }
        self.forget_departed(now);
        if moved && self.set.algorithm == Algorithm::ConsistentHash {
            let slots = &self.slots;
            let present = self.order.iter().filter(|slot| slots[**slot as usize].present());
            self.ring.rebuild(present.map(|slot| {
                let endpoint = &slots[*slot as usize].endpoint;
                (*slot, endpoint.address.as_str(), endpoint.weight)
            }));
        }
        self.refresh(now);
    }

    /// Chooses an endpoint and counts a call to it as under way. `None` when there is no endpoint,
    /// or every one is excluded, or none is fit and the settings forbid to try the unfit.
    pub fn pick<R: RngCore + ?Sized>(
        &mut self,
        now: Nanos,
        request: &Request<'_, E>,
        rng: &mut R,
    ) -> Option<Picked<E>> {
        if now >= self.refresh_at {
            self.refresh(now);
        }
        let index = self
            .probe(now, request)
            .or_else(|| self.choose(now, request, rng))
            .or_else(|| self.last_resort(request))?;
        let slot = &mut self.slots[index as usize];
        slot.in_flight += 1;
        self.in_flight += 1;
        self.near_in_flight += u64::from(slot.near);
        let ticket = Ticket { slot: index, generation: slot.generation };
        Some(Picked { id: slot.endpoint.id.clone(), ticket, panic: self.panic })
    }

    /// Tells how a call went. Every ticket must come back here; a call that was not even sent comes
    /// back as [`Class::Cancelled`] with no latency.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is spent by its report")]
    pub fn report(&mut self, now: Nanos, ticket: Ticket, outcome: Outcome) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(slot) = self.slots.get_mut(ticket.slot as usize) else { return };
        if slot.generation != ticket.generation {
            return;
        }
        slot.in_flight = slot.in_flight.saturating_sub(1);
        if slot.near {
            self.near_in_flight = self.near_in_flight.saturating_sub(1);
        }
        let decay_ns = decay_ns(&self.set);
        match outcome.class {
            Class::Success => slot.ewma.add(outcome.latency, now, decay_ns),
            Class::Cancelled => slot.ewma.add_at_least(outcome.latency, now, decay_ns),
            _ => slot.ewma.add(penalty(&outcome, &self.set), now, decay_ns),
        }
        if let Some(reason) = slot.health.record(&outcome, &self.set.outlier) {
            self.eject(now, ticket.slot, reason);
        }
    }

    /// Judges the endpoints and returns what changed since the last tick. To be called a few times
    /// a second; more often does no harm.
    pub fn tick(&mut self, now: Nanos) -> Vec<Transition<E>> {
        if now >= self.refresh_at {
            self.refresh(now);
        }
        if now >= self.look_at {
            self.look_at = now.plus(LOOK);
            self.compare_latencies(now);
        }
        if now >= self.interval_at {
            let first = self.interval_at == Nanos(0);
            self.interval_at = now.plus(Nanos::from_millis(self.set.outlier.interval_ms));
            if !first {
                self.compare_success_rates(now);
            }
            self.forget_departed(now);
        }
        std::mem::take(&mut self.transitions)
    }

    /// The endpoints that are there, in the order given.
    pub fn view(&self, now: Nanos) -> Vec<EndpointView<E>> {
        let view = |slot: &u32| {
            let slot = &self.slots[*slot as usize];
            EndpointView {
                id: slot.endpoint.id.clone(),
                in_flight: slot.in_flight,
                latency_ms: slot.ewma.read(now, decay_ns(&self.set)) / 1e6,
                ejected_until: slot.health.ejected_until(),
                weight: slot.weight(now, &self.set),
            }
        };
        self.order.iter().map(view).collect()
    }

    fn enter(&mut self, now: Nanos, endpoint: Endpoint<E>) -> (u32, bool) {
        if let Some(&index) = self.by_id.get(&endpoint.id) {
            let slot = &mut self.slots[index as usize];
            let left = slot.departed;
            // Nobody moves while it runs.
            let elsewhere = slot.endpoint.address != endpoint.address;
            let restarted = [slot.endpoint.since_ms, endpoint.since_ms];
            let restarted = !restarted.contains(&0) && restarted[0] != restarted[1];
            if endpoint.healthy && !slot.endpoint.healthy {
                slot.warm_since = Some(now);
            }
            let moved = slot.change(endpoint);
            if elsewhere || restarted || left.is_some_and(|left| now.since(left).0 >= ABSENT_NS) {
                self.begin_anew(now, index);
            }
            return (index, moved);
        }
        let id = endpoint.id.clone();
        let index = match self.free.pop() {
            Some(index) => {
                let generation = self.slots[index as usize].generation;
                self.slots[index as usize] = Slot::new(endpoint, generation, now, &self.set);
                index
            }
            None => {
                self.slots.push(Slot::new(endpoint, 0, now, &self.set));
                u32::try_from(self.slots.len() - 1).expect("endpoints fit in memory, so in 32 bits")
            }
        };
        self.slots[index as usize].ewma = self.first_guess(now, index);
        // Those there from the start must not all start slowly.
        self.slots[index as usize].warm_since = (self.updates > 1).then_some(now);
        self.by_id.insert(id, index);
        (index, true)
    }

    /// What answered or failed before is another process: its successor begins without latency and
    /// ejection, slowly, but the next ejection still lasts longer than the last.
    fn begin_anew(&mut self, now: Nanos, index: u32) {
        let guess = self.first_guess(now, index);
        let slot = &mut self.slots[index as usize];
        slot.ewma = guess;
        slot.warm_since = Some(now);
        if slot.health.begin_anew() {
            let id = slot.endpoint.id.clone();
            self.announce(Transition::Returned { id });
        }
    }

    /// The latency of an endpoint that was never called: as good as that of the others, so that
    /// slow start alone holds it back, and at most what is set.
    fn first_guess(&self, now: Nanos, index: u32) -> PeakEwma {
        let decay_ns = decay_ns(&self.set);
        let others = self
            .slots
            .iter()
            .enumerate()
            .filter(|(other, slot)| *other != index as usize && slot.present());
        let fastest_ns = others
            .map(|(_, slot)| slot.ewma.read(now, decay_ns))
            .fold(Nanos::from_millis(self.set.ewma_initial_ms).0 as f64, f64::min);
        PeakEwma::new(Nanos(fastest_ns as u64), now)
    }

    /// Forgets who left long ago, and the oldest when they are too many.
    fn forget_departed(&mut self, now: Nanos) {
        let departed_at = |slot: &u32| self.slots[*slot as usize].departed;
        let mut departed: Vec<(Nanos, u32)> = (self.by_id.values())
            .filter_map(|slot| departed_at(slot).map(|at| (at, *slot)))
            .collect();
        departed.sort_unstable();
        let surplus = departed.len().saturating_sub(DEPARTED_MAX);
        for (rank, (at, index)) in departed.into_iter().enumerate() {
            if rank < surplus || now.since(at).0 >= DEPARTED_NS {
                let slot = &mut self.slots[index as usize];
                self.by_id.remove(&slot.endpoint.id);
                // Tickets of the forgotten must not count for whoever gets the place.
                slot.generation = slot.generation.wrapping_add(1);
                self.free.push(index);
            }
        }
    }

    /// Works out the pools anew, and when that is due again.
    fn refresh(&mut self, now: Nanos) {
        self.refresh_at = Nanos(u64::MAX);
        self.return_ejected(now);
        self.settle_warmth(now);
        let tally = self.tally();
        let enough = |fit: usize, all: usize| fit * 100 >= all * self.set.panic_percent as usize;
        self.panic = !enough(tally.available, tally.present);
        let prefers_zone = !self.set.zone.is_empty()
            && self.set.algorithm != Algorithm::ConsistentHash
            && !self.panic
            && tally.near_available > 0
            && enough(tally.near_available, tally.near_present);
        self.near.members.clear();
        self.far.members.clear();
        self.near_in_flight = 0;
        self.slots.iter_mut().for_each(|slot| (slot.fit, slot.near) = (false, false));
        for &index in &self.order {
            let slot = &mut self.slots[index as usize];
            slot.fit = slot.available() || (self.panic && slot.present());
            if !slot.fit {
                continue;
            }
            slot.near = !prefers_zone || slot.endpoint.zone == self.set.zone;
            self.near_in_flight += if slot.near { u64::from(slot.in_flight) } else { 0 };
            let pool = if slot.near { &mut self.near } else { &mut self.far };
            pool.members.push(index);
        }
        self.near.set(&self.slots, now, &self.set);
        self.far.set(&self.slots, now, &self.set);
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for slot in self.order.iter().map(|slot| &self.slots[*slot as usize]) {
            let near = slot.endpoint.zone == self.set.zone;
            tally.present += usize::from(slot.present());
            tally.near_present += usize::from(slot.present() && near);
            tally.available += usize::from(slot.available());
            tally.near_available += usize::from(slot.available() && near);
        }
        tally
    }

    /// An endpoint that may be slow gets few calls from algorithms that avoid slow ones; so it is
    /// sent one now and then until the matter is settled.
    fn probe(&mut self, now: Nanos, request: &Request<'_, E>) -> Option<u32> {
        let (index, at) = self.suspect?;
        let slot = &self.slots[index as usize];
        let idle = slot.fit && slot.in_flight == 0;
        if now < at || !idle || request.exclude.contains(&slot.endpoint.id) {
            return None;
        }
        self.suspect = Some((index, now.plus(PROBE)));
        Some(index)
    }

    fn choose<R: RngCore + ?Sized>(
        &mut self,
        now: Nanos,
        request: &Request<'_, E>,
        rng: &mut R,
    ) -> Option<u32> {
        let spills = self.spills();
        let mut choice = Choice {
            slots: &mut self.slots,
            ring: &self.ring,
            set: &self.set,
            now,
            request,
            in_flight: self.in_flight,
        };
        let (first, second) = match spills {
            true => (&mut self.far, &mut self.near),
            false => (&mut self.near, &mut self.far),
        };
        match choice.choose(first, rng) {
            Some(slot) => Some(slot),
            None => choice.choose(second, rng),
        }
    }

    /// Whether the zone's own endpoints are so much busier than the others that those should help.
    fn spills(&self) -> bool {
        let (near, far) = (self.near.members.len(), self.far.members.len());
        if near == 0 || far == 0 {
            return false;
        }
        let near_mean = self.near_in_flight as f64 / near as f64;
        let far_mean = self.in_flight.saturating_sub(self.near_in_flight) as f64 / far as f64;
        near_mean >= f64::from(self.set.zone_spill_in_flight)
            && near_mean > self.set.zone_spill_factor * far_mean
    }

    /// When everything fit was tried already, an ejected endpoint is better than giving up.
    fn last_resort(&self, request: &Request<'_, E>) -> Option<u32> {
        if self.set.panic_percent == 0 {
            return None;
        }
        let candidate = |slot: &&u32| {
            let slot = &self.slots[**slot as usize];
            slot.present() && slot.endpoint.healthy && !request.exclude.contains(&slot.endpoint.id)
        };
        let load = |slot: &&u32| self.slots[**slot as usize].in_flight;
        self.order.iter().filter(candidate).min_by_key(load).copied()
    }
}

#[derive(Debug, Default)]
struct Tally {
    present: usize,
    available: usize,
    near_present: usize,
    near_available: usize,
}

/// The latency that a failure counts as: without it, a host that fails fast would look fastest.
fn penalty(outcome: &Outcome, set: &Settings) -> Nanos {
    let asked = outcome.retry_after.map(|asked| Nanos(asked.0.min(PENALTY_MAX_NS)));
    asked.unwrap_or(Nanos::from_millis(set.penalty_ms)).max(outcome.latency)
}
