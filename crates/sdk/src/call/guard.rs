//! The protections of one service: a circuit breaker, a bound on calls under way and a budget of
//! retries.

use std::time::Duration;

use rialto_resilience::{
    Blocked, BreakerChange, BreakerPermit, BreakerSettings, BreakerState, BudgetSettings,
    CallResult, CircuitBreaker, ConcurrencyLimit, ConcurrencySettings, Nanos, RetryBudget,
};
use tokio::time::Instant;

use crate::error::Block;
use crate::limits::CALLS_MAX;

/// Shared by every call of a service.
pub(crate) struct Guard {
    started: Instant,
    breaker: CircuitBreaker,
    budget: RetryBudget,
    concurrency: ConcurrencyLimit,
}

/// A call that was let through. Dropped untold, it says nothing about the service.
pub(crate) struct Permit<'a> {
    guard: &'a Guard,
    breaker: BreakerPermit,
    began: Nanos,
    _place: rialto_resilience::Permit,
}

impl Guard {
    pub(crate) fn new() -> Self {
        let concurrency =
            ConcurrencySettings { in_flight_max: CALLS_MAX, ..ConcurrencySettings::default() };
        Self {
            started: Instant::now(),
            breaker: CircuitBreaker::new(BreakerSettings::default()),
            budget: RetryBudget::new(&BudgetSettings::default()),
            concurrency: ConcurrencyLimit::new(&concurrency),
        }
    }

    /// Lets a call through, or says why not and when to try again.
    pub(crate) fn admit(&self) -> Result<Permit<'_>, (Block, Option<Duration>)> {
        let now = self.now();
        let place = self.concurrency.try_acquire().map_err(|blocked| told(&blocked))?;
        let breaker = self.breaker.admit(now).map_err(|blocked| told(&blocked))?;
        self.budget.deposit(now);
        Ok(Permit { guard: self, breaker, began: now, _place: place })
    }

    fn now(&self) -> Nanos {
        self.started.elapsed().into()
    }
}

impl Permit<'_> {
    /// Spends a retry of the budget, if one is left.
    pub(crate) fn may_retry(&self) -> bool {
        self.guard.budget.withdraw(self.guard.now())
    }

    pub(crate) fn succeeded(self) -> Option<bool> {
        self.end(CallResult::Success)
    }

    pub(crate) fn failed(self) -> Option<bool> {
        self.end(CallResult::Failure)
    }

    /// Whether the breaker opened (`true`) or closed (`false`) by this.
    fn end(self, result: CallResult) -> Option<bool> {
        let now = self.guard.now();
        let change: BreakerChange = self.breaker.finish(now, result, now.since(self.began))?;
        match (change.from, change.to) {
            (_, BreakerState::Open) => Some(true),
            (_, BreakerState::Closed) => Some(false),
            _ => None,
        }
    }
}

fn told(blocked: &Blocked) -> (Block, Option<Duration>) {
    let reason = match blocked {
        Blocked::Breaker { .. } => Block::Breaker,
        _ => Block::Concurrency,
    };
    (reason, blocked.retry_after().map(|wait| Duration::from_nanos(wait.0)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Guard;
    use crate::error::Block;
    use crate::limits::CALLS_MAX;

    #[tokio::test(start_paused = true)]
    async fn calls_under_way_are_bounded() {
        let guard = Guard::new();
        let mut held: Vec<_> = (0..CALLS_MAX).map(|_| guard.admit().ok().unwrap()).collect();
        assert!(matches!(guard.admit(), Err((Block::Concurrency, _))));
        held.pop();
        assert!(guard.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_is_left_alone_and_tried_again() {
        let guard = Guard::new();
        let mut opened = false;
        while let Ok(permit) = guard.admit() {
            opened |= permit.failed() == Some(true);
        }
        assert!(opened);
        let Err((Block::Breaker, Some(wait))) = guard.admit() else { panic!("it is open") };
        tokio::time::advance(wait + Duration::from_millis(1)).await;
        let mut closed = false;
        while !closed {
            closed = guard.admit().ok().unwrap().succeeded() == Some(false);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn retries_have_a_budget() {
        let guard = Guard::new();
        let permit = guard.admit().ok().unwrap();
        let retries = (0..10_000).filter(|_| permit.may_retry()).count();
        assert!((1..1_000).contains(&retries), "{retries}");
    }
}
