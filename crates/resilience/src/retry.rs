//! Whether to try a failed call again, and when.

use rand_core::RngCore;
use serde::{Deserialize, Serialize};

use crate::{Deadline, Nanos, RetryBudget};

/// How often and how fast. The wait before retry n is uniform in 0 to min(cap, base × 2ⁿ⁻¹): "full
/// jitter", which spreads callers that failed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// Tries in all, the first one included. 1 for no retries.
    pub tries_max: u32,
    /// Longest wait before the first retry, in ms.
    pub backoff_base_ms: u64,
    /// Longest wait before any retry, in ms.
    pub backoff_cap_ms: u64,
    /// A callee that asks for a longer wait than this is not asked again, in ms.
    pub retry_after_max_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries_max: 3, backoff_base_ms: 25, backoff_cap_ms: 1_000, retry_after_max_ms: 2_000 }
    }
}

/// What is known of a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Whether the call was provably not worked on (no connection, refused stream, 503 with
    /// `Retry-After`): then it can be repeated whatever it does.
    pub untouched: bool,
    /// Whether repeating it does no harm (GET, PUT, DELETE, an idempotency key).
    pub idempotent: bool,
    /// What the callee asked to wait.
    pub retry_after: Option<Nanos>,
}

/// What to do after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again after a wait, best on another instance.
    Retry {
        /// How long to wait.
        wait: Nanos,
    },
    /// Tell the caller.
    GiveUp(GiveUp),
}

/// Why a call is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GiveUp {
    /// It may have been worked on and is not safe to repeat.
    NotRepeatable,
    /// It was tried often enough.
    Tries,
    /// The callee asks for too long a wait.
    RetryAfter,
    /// The deadline passes first.
    Deadline,
    /// Too many retries to this callee already.
    Budget,
}

impl GiveUp {
    /// A short and stable word for logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRepeatable => "not_repeatable",
            Self::Tries => "tries",
            Self::RetryAfter => "retry_after",
            Self::Deadline => "deadline",
            Self::Budget => "retry_budget_exhausted",
        }
    }
}

impl RetryPolicy {
    /// Decides after try number `tries` (1 for the first) failed. The budget is charged only when
    /// the answer is to try again.
    pub fn decide<R: RngCore + ?Sized>(
        &self,
        now: Nanos,
        tries: u32,
        failure: &Failure,
        deadline: Option<Deadline>,
        budget: &RetryBudget,
        rng: &mut R,
    ) -> RetryDecision {
        if !failure.untouched && !failure.idempotent {
            return RetryDecision::GiveUp(GiveUp::NotRepeatable);
        }
        if tries >= self.tries_max {
            return RetryDecision::GiveUp(GiveUp::Tries);
        }
        let asked = failure.retry_after.unwrap_or_default();
        if asked > Nanos::from_millis(self.retry_after_max_ms) {
            return RetryDecision::GiveUp(GiveUp::RetryAfter);
        }
        let wait = self.backoff(tries, rng).max(asked);
        if deadline.is_some_and(|deadline| deadline.passed(now.plus(wait))) {
            return RetryDecision::GiveUp(GiveUp::Deadline);
        }
        if !budget.withdraw(now) {
            return RetryDecision::GiveUp(GiveUp::Budget);
        }
        RetryDecision::Retry { wait }
    }

    /// The jittered wait after try number `tries`.
    pub fn backoff<R: RngCore + ?Sized>(&self, tries: u32, rng: &mut R) -> Nanos {
        let doubled = self.backoff_base_ms.saturating_mul(1 << tries.saturating_sub(1).min(20));
        let longest_ns = Nanos::from_millis(doubled.min(self.backoff_cap_ms)).0;
        Nanos(((u128::from(rng.next_u64()) * u128::from(longest_ns)) >> 64) as u64)
    }
}
