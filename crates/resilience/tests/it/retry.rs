//! Whether and when a failed call is made again.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rialto_resilience::{
    BudgetSettings, Deadline, Failure, Fallback, GiveUp, Nanos, RetryBudget, RetryDecision,
    RetryPolicy,
};

use crate::ms;

const SAFE: Failure = Failure { untouched: false, idempotent: true, retry_after: None };

fn decide(tries: u32, failure: Failure, deadline: Option<Deadline>) -> RetryDecision {
    let budget = RetryBudget::new(&BudgetSettings::default());
    let mut rng = SmallRng::seed_from_u64(1);
    RetryPolicy::default().decide(Nanos(0), tries, &failure, deadline, &budget, &mut rng)
}

#[test]
fn only_what_can_be_repeated_is() {
    let unsafe_call = Failure { idempotent: false, ..SAFE };
    assert_eq!(decide(1, unsafe_call, None), RetryDecision::GiveUp(GiveUp::NotRepeatable));
    let untouched = Failure { untouched: true, ..unsafe_call };
    assert!(matches!(decide(1, untouched, None), RetryDecision::Retry { .. }));
    assert!(matches!(decide(2, SAFE, None), RetryDecision::Retry { .. }));
    assert_eq!(decide(3, SAFE, None), RetryDecision::GiveUp(GiveUp::Tries));
}

#[test]
fn the_callees_wish_and_the_deadline_bound_the_wait() {
    let asks = |after| Failure { retry_after: Some(after), ..SAFE };
    assert_eq!(decide(1, asks(ms(300)), None), RetryDecision::Retry { wait: ms(300) });
    assert_eq!(decide(1, asks(ms(2_001)), None), RetryDecision::GiveUp(GiveUp::RetryAfter));
    let deadline = Some(Deadline::at_time(ms(300)));
    assert_eq!(decide(1, asks(ms(300)), deadline), RetryDecision::GiveUp(GiveUp::Deadline));
    assert_eq!(decide(1, asks(ms(299)), deadline), RetryDecision::Retry { wait: ms(299) });
}

#[test]
fn the_budget_is_charged_only_for_retries() {
    let settings = BudgetSettings { retries_per_sec_min: 0, ..BudgetSettings::default() };
    let budget = RetryBudget::new(&settings);
    let mut rng = SmallRng::seed_from_u64(1);
    (0..10).for_each(|_| budget.deposit(Nanos(0)));
    let policy = RetryPolicy::default();
    let mut decide = |tries| policy.decide(Nanos(0), tries, &SAFE, None, &budget, &mut rng);
    assert_eq!(decide(3), RetryDecision::GiveUp(GiveUp::Tries));
    assert!(matches!(decide(1), RetryDecision::Retry { .. }));
    assert!(matches!(decide(1), RetryDecision::Retry { .. }));
    assert_eq!(decide(1), RetryDecision::GiveUp(GiveUp::Budget));
    assert_eq!(GiveUp::Budget.as_str(), "retry_budget_exhausted");
}

#[test]
fn waits_are_spread_evenly_up_to_a_growing_bound() {
    let policy = RetryPolicy::default();
    let mut rng = SmallRng::seed_from_u64(1);
    for (tries, bound_ms) in [(0, 25), (1, 25), (2, 50), (3, 100), (7, 1_000), (u32::MAX, 1_000)] {
        let waits: Vec<f64> =
            (0..1_000).map(|_| policy.backoff(tries, &mut rng).0 as f64 / 1e6).collect();
        let bound = f64::from(bound_ms);
        assert!(waits.iter().all(|wait| *wait < bound));
        let mean = waits.iter().sum::<f64>() / 1_000.0;
        assert!((mean / bound - 0.5).abs() < 0.05, "after try {tries}: {mean} of {bound}");
    }
}

#[test]
fn a_fallback_is_described() {
    assert!(!Fallback::default().is_some());
    let service = Fallback::Service { name: "stock-readonly".to_owned() };
    assert!(service.is_some());
}
