//! A circuit breaker: stops calls to what fails, and tries carefully whether it still does.
//!
//! Each admission carries the epoch of the state that admitted it. A result from an earlier epoch
//! is ignored, so that calls which began before the breaker opened cannot decide its probes.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::window::{Counts, Window, WindowKind};
use crate::{Blocked, Nanos};

/// When to stop calls, and for how long. Each of the three rules works alone; 0 switches one off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub consecutive_failures: u32,
    /// Failures in the window that open it, in percent.
    pub failure_percent: u32,
    /// Slow calls in the window that open it, in percent.
    pub slow_percent: u32,
    /// A call that takes longer than this is slow, in ms.
    pub slow_ms: u64,
    /// The window of the two rules in percent.
    pub window: WindowKind,
    /// Calls in the window below which those rules say nothing.
    pub calls_min: u32,
    /// How long it stays open, in ms. Doubles with each time that the probes fail.
    pub open_ms: u64,
    /// Longest time it stays open, in ms.
    pub open_max_ms: u64,
    /// Calls let through to try, after that.
    pub probes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            consecutive_failures: 0,
            failure_percent: 50,
            slow_percent: 0,
            slow_ms: 60_000,
            window: WindowKind::Seconds(10),
            calls_min: 20,
            open_ms: 5_000,
            open_max_ms: 60_000,
            probes: 3,
        }
    }
}

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Lets them through.
    Closed,
    /// Stops them.
    Open,
    /// Lets a few through to try.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half open",
        })
    }
}

/// How a call went, as far as the breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallResult {
    /// Well.
    Success,
    /// Badly, and that says something about the callee.
    Failure,
    /// In a way that says nothing about the callee (cancelled, refused by another rule).
    Ignored,
}

/// A change of state, for people to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerChange {
    /// Before.
    pub from: BreakerState,
    /// After.
    pub to: BreakerState,
    /// When an open breaker lets a probe through.
    pub retry_at: Option<Nanos>,
}

/// Stops calls to what fails. Clones share the state.
#[derive(Debug, Clone)]
pub struct CircuitBreaker {
    core: Arc<Core>,
}

#[derive(Debug)]
struct Core {
    set: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    epoch: u64,
    window: Window,
    consecutive_failures: u32,
    /// Times it opened without closing in between.
    openings: u32,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open { retry_at: Nanos },
    HalfOpen { under_way: u32, counts: Counts },
}

impl CircuitBreaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        let state = State {
            phase: Phase::Closed,
            epoch: 0,
            window: Window::new(settings.window),
            consecutive_failures: 0,
            openings: 0,
        };
        Self { core: Arc::new(Core { set: settings, state: Mutex::new(state) }) }
    }

    /// Asks for a call.
    ///
    /// # Errors
    /// [`Blocked::Breaker`] while it is open, or half open with all probes under way.
    pub fn admit(&self, now: Nanos) -> Result<BreakerPermit, Blocked> {
        let mut state = self.core.state.lock();
        let probes = self.core.set.probes.max(1);
        match &mut state.phase {
            Phase::Closed => {}
            Phase::Open { retry_at } if now < *retry_at => {
                let retry_after = retry_at.since(now);
                return Err(Blocked::Breaker { state: BreakerState::Open, retry_after });
            }
            Phase::Open { .. } => {
                state.epoch += 1;
                state.phase = Phase::HalfOpen { under_way: 1, counts: Counts::default() };
            }
            Phase::HalfOpen { under_way, counts } if *under_way + counts.calls < probes => {
                *under_way += 1;
            }
            Phase::HalfOpen { .. } => {
                let retry_after = Nanos(0);
                return Err(Blocked::Breaker { state: BreakerState::HalfOpen, retry_after });
            }
        }
        let epoch = state.epoch;
        drop(state);
        Ok(BreakerPermit { core: Arc::clone(&self.core), epoch, finished: false })
    }

    /// What it would do with a call now.
    pub fn state(&self, now: Nanos) -> BreakerState {
        match self.core.state.lock().phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { retry_at } if now < retry_at => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Closes it and forgets what happened, by an operator's wish.
    pub fn reset(&self) {
        self.core.state.lock().close();
    }
}

impl State {
    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.epoch += 1;
        self.openings = 0;
        self.consecutive_failures = 0;
        self.window.clear();
    }

    fn open(&mut self, now: Nanos, set: &BreakerSettings) -> Nanos {
        let doubled = set.open_ms.saturating_mul(1 << self.openings.min(20));
        let length = Nanos::from_millis(doubled.min(set.open_max_ms.max(set.open_ms)));
        let retry_at = now.plus(length);
        self.phase = Phase::Open { retry_at };
        self.epoch += 1;
        self.openings = self.openings.saturating_add(1);
        self.consecutive_failures = 0;
        self.window.clear();
        retry_at
    }

    /// Counts a call that a closed breaker admitted; whether to open.
    fn trips(&mut self, now: Nanos, failed: bool, slow: bool, set: &BreakerSettings) -> bool {
        self.consecutive_failures =
            if failed { self.consecutive_failures.saturating_add(1) } else { 0 };
        let counts = self.window.record(now, failed, slow);
        let calls_min = self.window.calls_max().map_or(set.calls_min, |max| max.min(set.calls_min));
        let in_a_row =
            set.consecutive_failures > 0 && self.consecutive_failures >= set.consecutive_failures;
        in_a_row || (counts.calls >= calls_min.max(1) && over(&counts, set))
    }
}

fn over(counts: &Counts, set: &BreakerSettings) -> bool {
    (set.failure_percent > 0 && counts.failed_reach(set.failure_percent))
        || (set.slow_percent > 0 && counts.slow_reach(set.slow_percent))
}

impl Core {
    fn finish(
        &self,
        epoch: u64,
        now: Nanos,
        result: CallResult,
        duration: Nanos,
    ) -> Option<BreakerChange> {
        let mut state = self.state.lock();
        if state.epoch != epoch {
            return None;
        }
        let failed = result == CallResult::Failure;
        let slow = duration > Nanos::from_millis(self.set.slow_ms);
        match state.phase {
            Phase::Closed => {
                let counted = result != CallResult::Ignored;
                if !counted || !state.trips(now, failed, slow, &self.set) {
                    return None;
                }
                let retry_at = Some(state.open(now, &self.set));
                Some(BreakerChange { from: BreakerState::Closed, to: BreakerState::Open, retry_at })
            }
            Phase::HalfOpen { under_way, mut counts } => {
                if result != CallResult::Ignored {
                    counts.calls += 1;
                    counts.failed += u32::from(failed);
                    counts.slow += u32::from(slow);
                }
                state.phase = Phase::HalfOpen { under_way: under_way.saturating_sub(1), counts };
                self.judge_probes(&mut state, counts, now)
            }
            Phase::Open { .. } => None,
        }
    }

    /// Opens as soon as the outcome is certain, and closes when every probe is in.
    fn judge_probes(&self, state: &mut State, counts: Counts, now: Nanos) -> Option<BreakerChange> {
        let from = BreakerState::HalfOpen;
        let probes = self.set.probes.max(1);
        let certain = Counts { calls: probes, ..counts };
        // With the percent rules off, a breaker of failures in a row takes any failed probe badly.
        let in_a_row = self.set.failure_percent == 0 && counts.failed > 0;
        if in_a_row || over(&certain, &self.set) {
            let retry_at = Some(state.open(now, &self.set));
            return Some(BreakerChange { from, to: BreakerState::Open, retry_at });
        }
        if counts.calls < probes {
            return None;
        }
        state.close();
        Some(BreakerChange { from, to: BreakerState::Closed, retry_at: None })
    }

    /// A probe that was never made makes room for another.
    fn give_back(&self, epoch: u64) {
        let mut state = self.state.lock();
        if state.epoch != epoch {
            return;
        }
        if let Phase::HalfOpen { under_way, .. } = &mut state.phase {
            *under_way = under_way.saturating_sub(1);
        }
    }
}

/// A call that the breaker let through. Dropped without a result it counts as never made.
#[derive(Debug)]
#[must_use = "tell the breaker how the call went"]
pub struct BreakerPermit {
    core: Arc<Core>,
    epoch: u64,
    finished: bool,
}

impl BreakerPermit {
    /// Tells how the call went and how long it took; returns the change that this caused, if any.
    pub fn finish(
        mut self,
        now: Nanos,
        result: CallResult,
        duration: Nanos,
    ) -> Option<BreakerChange> {
        self.finished = true;
        self.core.finish(self.epoch, now, result, duration)
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if !self.finished {
            self.core.give_back(self.epoch);
        }
    }
}
