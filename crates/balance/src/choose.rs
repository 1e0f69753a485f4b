//! The algorithms: one of a pool of fit endpoints.

use rand_core::RngCore;

use crate::limits::{DRAWS_MAX, RING_STEPS_MAX, SMOOTH_MAX};
use crate::queue::TurnQueue;
use crate::ring::Ring;
use crate::slot::Slot;
use crate::{Algorithm, Nanos, Request, Settings};

/// Endpoints to choose among, by slot, in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    pub(crate) members: Vec<u32>,
    /// Whether all weights are equal, slow start included.
    pub(crate) equal: bool,
    /// Whether slow start changes weights from pick to pick.
    pub(crate) warming: bool,
    /// Sum of the weights, slow start left out.
    weight: f64,
    cumulative: Vec<f64>,
    cursor: Option<usize>,
    turns: TurnQueue,
}

/// What every algorithm needs to know.
pub(crate) struct Choice<'a, E> {
    pub(crate) slots: &'a mut [Slot<E>],
    pub(crate) ring: &'a Ring,
    pub(crate) set: &'a Settings,
    pub(crate) now: Nanos,
    pub(crate) request: &'a Request<'a, E>,
    /// Calls under way to all endpoints together.
    pub(crate) in_flight: u64,
}

impl Pool {
    pub(crate) fn set<E>(&mut self, slots: &[Slot<E>], now: Nanos, set: &Settings) {
        let mut weights = self.members.iter().map(|slot| slots[*slot as usize].weight(now, set));
        let first = weights.next();
        self.equal = weights.all(|weight| Some(weight) == first);
        self.warming = self.members.iter().any(|slot| slots[*slot as usize].warm_since.is_some());
        self.weight = self.members.iter().map(|slot| slots[*slot as usize].endpoint.weight).sum();
        self.cumulative.clear();
        self.turns.clear();
    }
}

impl<E: PartialEq> Choice<'_, E> {
    /// One of the pool, or `None` when it is empty or all of it is excluded.
    pub(crate) fn choose<R: RngCore + ?Sized>(
        &mut self,
        pool: &mut Pool,
        rng: &mut R,
    ) -> Option<u32> {
        if pool.members.is_empty() {
            return None;
        }
        match self.set.algorithm {
            Algorithm::RoundRobin => self.round_robin(pool, rng),
            Algorithm::WeightedRoundRobin if pool.members.len() <= SMOOTH_MAX => {
                self.smooth(pool, |_| true)
            }
            Algorithm::WeightedRoundRobin => self.by_turns(pool, rng),
            Algorithm::Random => self.draw(pool, rng, None),
            Algorithm::WeightedRandom => self.weighted_random(pool, rng),
            Algorithm::LeastRequests if pool.equal => {
                self.better_of_two(pool, rng, |slot, _, _| f64::from(slot.in_flight))
            }
            Algorithm::LeastRequests => self.least_requests(pool),
            Algorithm::PeakEwma => self.better_of_two(pool, rng, Slot::cost),
            Algorithm::ConsistentHash => match self.request.hash {
                Some(hash) => self.by_hash(pool, hash).or_else(|| self.draw(pool, rng, None)),
                None => self.draw(pool, rng, None),
            },
        }
    }

    fn slot(&self, slot: u32) -> &Slot<E> {
        &self.slots[slot as usize]
    }

    fn open(&self, slot: u32) -> bool {
        !self.request.exclude.contains(&self.slot(slot).endpoint.id)
    }

    fn round_robin<R: RngCore + ?Sized>(&self, pool: &mut Pool, rng: &mut R) -> Option<u32> {
        let count = pool.members.len();
        let start = pool.cursor.unwrap_or_else(|| below(rng, count)) % count;
        let steps = (0..count).find(|step| self.open(pool.members[(start + step) % count]))?;
        let found = (start + steps) % count;
        pool.cursor = Some(found + 1);
        Some(pool.members[found])
    }

    /// nginx's smooth weighted round robin among the members that `among` lets through.
    fn smooth(&mut self, pool: &Pool, among: impl Fn(&Slot<E>) -> bool) -> Option<u32> {
        let mut best: Option<u32> = None;
        let mut total = 0.0;
        for &slot in &pool.members {
            if !self.open(slot) || !among(self.slot(slot)) {
                continue;
            }
            let weight = self.slot(slot).weight(self.now, self.set);
            total += weight;
            self.slots[slot as usize].smooth += weight;
            if best.is_none_or(|best| self.slot(slot).smooth > self.slot(best).smooth) {
                best = Some(slot);
            }
        }
        let best = best?;
        self.slots[best as usize].smooth -= total;
        Some(best)
    }

    /// The same shares for many members: whose turn is due first.
    fn by_turns<R: RngCore + ?Sized>(&self, pool: &mut Pool, rng: &mut R) -> Option<u32> {
        let weight = |slot| self.slot(slot).weight(self.now, self.set);
        if pool.turns.is_empty() {
            pool.turns.fill(pool.members.iter().map(|slot| (*slot, weight(*slot), unit(rng))));
        }
        pool.turns.next(weight, |slot| self.open(slot))
    }

    fn weighted_random<R: RngCore + ?Sized>(&self, pool: &mut Pool, rng: &mut R) -> Option<u32> {
        if pool.warming || pool.cumulative.is_empty() {
            let mut sum = 0.0;
            pool.cumulative.clear();
            for &slot in &pool.members {
                sum += self.slot(slot).weight(self.now, self.set);
                pool.cumulative.push(sum);
            }
        }
        let total = pool.cumulative.last().copied()?;
        for _ in 0..DRAWS_MAX {
            let drawn = unit(rng) * total;
            let index = pool.cumulative.partition_point(|sum| *sum <= drawn);
            let slot = pool.members[index.min(pool.members.len() - 1)];
            if self.open(slot) {
                return Some(slot);
            }
        }
        self.draw(pool, rng, None)
    }

    /// nginx's `least_conn`: fewest calls under way for the weight, ties by smooth round robin.
    fn least_requests(&mut self, pool: &Pool) -> Option<u32> {
        let (now, set) = (self.now, self.set);
        let load = |slot: &Slot<E>| f64::from(slot.in_flight) / slot.weight(now, set);
        let open = pool.members.iter().filter(|slot| self.open(**slot));
        let least = open.map(|slot| load(self.slot(*slot))).min_by(f64::total_cmp)?;
        self.smooth(pool, |slot| load(slot) <= least)
    }

    /// The one with the lower cost of two different random ones, the first on a tie. One that
    /// starts slowly steps back in proportion: as a factor of the cost, its start would keep it
    /// from all calls where few are under way.
    fn better_of_two<R: RngCore + ?Sized>(
        &self,
        pool: &Pool,
        rng: &mut R,
        cost: impl Fn(&Slot<E>, Nanos, &Settings) -> f64,
    ) -> Option<u32> {
        let first = self.draw(pool, rng, None)?;
        let Some(second) = self.draw(pool, rng, Some(first)) else { return Some(first) };
        match (self.steps_back(first, rng), self.steps_back(second, rng)) {
            (true, false) => return Some(second),
            (false, true) => return Some(first),
            _ => {}
        }
        let cost = |slot: u32| cost(self.slot(slot), self.now, self.set);
        Some(if cost(second) < cost(first) { second } else { first })
    }

    fn steps_back<R: RngCore + ?Sized>(&self, slot: u32, rng: &mut R) -> bool {
        let warmth = self.slot(slot).warmth(self.now, self.set);
        warmth < 1.0 && unit(rng) >= warmth
    }

    /// A random open member other than `not`.
    fn draw<R: RngCore + ?Sized>(&self, pool: &Pool, rng: &mut R, not: Option<u32>) -> Option<u32> {
        let members = &pool.members;
        let fits = |slot: u32| Some(slot) != not && self.open(slot);
        let draws = if members.len() == 1 { 1 } else { DRAWS_MAX };
        for _ in 0..draws {
            let slot = members[below(rng, members.len())];
            if fits(slot) {
                return Some(slot);
            }
        }
        let start = below(rng, members.len());
        let (before, after) = members.split_at(start);
        after.iter().chain(before).copied().find(|slot| fits(*slot))
    }

    /// The first fit endpoint from the key's place on the ring that is not overloaded; when all
    /// are, the first fit one.
    fn by_hash(&self, pool: &Pool, hash: u32) -> Option<u32> {
        let bound = self.bound_per_weight(pool.weight);
        let mut fallback = None;
        for slot in self.ring.from(hash).take(RING_STEPS_MAX) {
            if !self.slot(slot).fit || !self.open(slot) {
                continue;
            }
            let allowed =
                bound.map(|bound| (bound * self.slot(slot).endpoint.weight).ceil().max(1.0));
            if allowed.is_none_or(|allowed| f64::from(self.slot(slot).in_flight) < allowed) {
                return Some(slot);
            }
            fallback = fallback.or(Some(slot));
        }
        fallback
    }

    /// Calls under way that an endpoint of weight 1 may have, this one included.
    fn bound_per_weight(&self, weight_sum: f64) -> Option<f64> {
        if self.set.hash_balance_percent == 0 {
            return None;
        }
        let factor = f64::from(self.set.hash_balance_percent.max(100)) / 100.0;
        let total = ((self.in_flight + 1) as f64 * factor).ceil();
        Some(total / weight_sum)
    }
}

/// Uniform below `count`, which is positive.
pub(crate) fn below<R: RngCore + ?Sized>(rng: &mut R, count: usize) -> usize {
    ((u64::from(rng.next_u32()) * count as u64) >> 32) as usize
}

/// Uniform in 0 to 1, 1 excluded.
fn unit<R: RngCore + ?Sized>(rng: &mut R) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
