//! A budget for retries, so that they cannot multiply the load of a callee in trouble.
//!
//! First tries earn, retries spend, both are forgotten after a while (the token form of Finagle and
//! tower), with a floor for callees with few calls and a cap for those with very many.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::Nanos;

/// Parts of the time that is looked back on.
const SLOTS: usize = 10;
/// What a retry costs; a first try earns the ratio of it.
const RETRY: u64 = 1_000;

/// How many retries are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetSettings {
    /// How long first tries and retries are remembered, in ms.
    pub ttl_ms: u64,
    /// Retries for each first try in that time, 0 to 1.
    pub ratio: f64,
    /// Retries a second that are always allowed.
    pub retries_per_sec_min: u32,
    /// Retries in that time that are never exceeded.
    pub retries_max: u32,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self { ttl_ms: 10_000, ratio: 0.2, retries_per_sec_min: 10, retries_max: 1_000 }
    }
}

/// Counts first tries and retries to one callee. Clones share the budget.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    core: Arc<Core>,
}

#[derive(Debug)]
struct Core {
    slot_ns: u64,
    earned: u64,
    reserve: u64,
    retries_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: [Slot; SLOTS],
    at: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    earned: u64,
    retries: u64,
}

impl RetryBudget {
    /// A budget of which nothing is spent.
    pub fn new(settings: &BudgetSettings) -> Self {
        let ttl_ms = settings.ttl_ms.max(SLOTS as u64);
        let ratio = if settings.ratio.is_nan() { 0.0 } else { settings.ratio.clamp(0.0, 1.0) };
        let reserve = u64::from(settings.retries_per_sec_min) * ttl_ms * RETRY / 1_000;
        let core = Core {
            slot_ns: Nanos::from_millis(ttl_ms).0 / SLOTS as u64,
            earned: (ratio * RETRY as f64).round() as u64,
            reserve,
            retries_max: u64::from(settings.retries_max),
            state: Mutex::default(),
        };
        Self { core: Arc::new(core) }
    }

    /// A first try is made.
    pub fn deposit(&self, now: Nanos) {
        let mut state = self.core.state.lock();
        let slot = state.current(now, self.core.slot_ns);
        slot.earned += self.core.earned;
    }

    /// A retry is wanted: whether the budget allows it. What is taken is spent, even if the retry
    /// is not made in the end.
    pub fn withdraw(&self, now: Nanos) -> bool {
        let mut state = self.core.state.lock();
        state.current(now, self.core.slot_ns);
        let (earned, retries) = state.sums();
        let allowed =
            (retries + 1) * RETRY <= earned + self.core.reserve && retries < self.core.retries_max;
        if allowed {
            state.current(now, self.core.slot_ns).retries += 1;
        }
        allowed
    }

    /// Retries that the budget allows now.
    pub fn left(&self, now: Nanos) -> u64 {
        let mut state = self.core.state.lock();
        state.current(now, self.core.slot_ns);
        let (earned, retries) = state.sums();
        let by_ratio = ((earned + self.core.reserve) / RETRY).saturating_sub(retries);
        by_ratio.min(self.core.retries_max.saturating_sub(retries))
    }
}

impl State {
    fn sums(&self) -> (u64, u64) {
        let sum = |part: fn(&Slot) -> u64| self.slots.iter().map(part).sum();
        (sum(|slot| slot.earned), sum(|slot| slot.retries))
    }

    /// The slot of now, with those that went out of the time looked back on emptied.
    fn current(&mut self, now: Nanos, slot_ns: u64) -> &mut Slot {
        let number = now.0 / slot_ns;
        let passed = number.saturating_sub(self.at).min(SLOTS as u64);
        for step in 0..passed {
            self.slots[((number - step) % SLOTS as u64) as usize] = Slot::default();
        }
        self.at = self.at.max(number);
        &mut self.slots[(self.at % SLOTS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(ratio: f64, retries_per_sec_min: u32, retries_max: u32) -> RetryBudget {
        let ttl_ms = 10_000;
        RetryBudget::new(&BudgetSettings { ttl_ms, ratio, retries_per_sec_min, retries_max })
    }

    fn spend(budget: &RetryBudget, now: Nanos) -> usize {
        (0..10_000).take_while(|_| budget.withdraw(now)).count()
    }

    #[test]
    fn the_floor_the_ratio_and_the_cap() {
        assert_eq!(spend(&budget(0.2, 10, 1_000), Nanos(0)), 100);
        let earning = budget(0.2, 0, 1_000);
        (0..50).for_each(|_| earning.deposit(Nanos(0)));
        assert_eq!(earning.left(Nanos(0)), 10);
        assert_eq!(spend(&earning, Nanos(0)), 10);
        let capped = budget(1.0, 10, 30);
        (0..500).for_each(|_| capped.deposit(Nanos(0)));
        assert_eq!(spend(&capped, Nanos(0)), 30);
        assert_eq!(spend(&budget(f64::NAN, 0, 30), Nanos(0)), 0);
    }

    #[test]
    fn what_is_spent_comes_back_after_a_while() {
        let budget = budget(0.2, 1, 1_000);
        assert_eq!(spend(&budget, Nanos::from_secs(3)), 10);
        assert_eq!(spend(&budget, Nanos::from_secs(12)), 0);
        assert_eq!(spend(&budget, Nanos::from_secs(13)), 10);
        assert_eq!(spend(&budget, Nanos::from_secs(1_000)), 10);
        assert_eq!(
            spend(&budget, Nanos::from_secs(999)),
            0,
            "a clock that goes back earns nothing"
        );
    }
}
