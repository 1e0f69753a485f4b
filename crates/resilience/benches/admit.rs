//! What an admission costs when nothing is wrong.

use divan::{Bencher, black_box};
use rialto_resilience::{
    BreakerSettings, BudgetSettings, CallResult, CircuitBreaker, ConcurrencyLimit,
    ConcurrencySettings, Keyed, LeakyQueue, Nanos, RetryBudget, TokenBucket, WindowKind,
};

fn main() {
    divan::main();
}

/// A clock that ticks a microsecond with each reading.
fn clock() -> impl FnMut() -> Nanos {
    let mut now = Nanos::from_secs(1);
    move || {
        now = now.plus(Nanos(1_000));
        now
    }
}

#[divan::bench(args = [WindowKind::Seconds(10), WindowKind::Calls(100)])]
fn closed_breaker(bencher: Bencher<'_, '_>, window: &WindowKind) {
    let settings = BreakerSettings { window: *window, ..BreakerSettings::default() };
    let breaker = CircuitBreaker::new(settings);
    let mut now = clock();
    bencher.bench_local(|| {
        let now = now();
        let permit = breaker.admit(black_box(now)).expect("it is closed");
        permit.finish(now, CallResult::Success, Nanos(1_000))
    });
}

#[divan::bench]
fn token_bucket(bencher: Bencher<'_, '_>) {
    let bucket = TokenBucket::new(100_000.0, 1_000);
    let mut now = clock();
    bencher.bench_local(|| bucket.take(black_box(now()), 1));
}

#[divan::bench]
fn token_bucket_by_key(bencher: Bencher<'_, '_>) {
    let buckets: Keyed<u64, TokenBucket> = Keyed::new(10_000, || TokenBucket::new(100.0, 10));
    let mut now = clock();
    bencher.bench_local(|| {
        let now = now();
        buckets.with(now, &(now.0 % 5_000), |bucket| bucket.take(now, 1))
    });
}

#[divan::bench]
fn leaky_queue(bencher: Bencher<'_, '_>) {
    let queue = LeakyQueue::new(1_000_000.0, Nanos::from_millis(500));
    let mut now = clock();
    bencher.bench_local(|| queue.reserve(black_box(now()), 1, None));
}

#[divan::bench]
fn concurrency_limit(bencher: Bencher<'_, '_>) {
    let limit = ConcurrencyLimit::new(&ConcurrencySettings::default());
    bencher.bench_local(|| drop(limit.try_acquire()));
}

#[divan::bench]
fn retry_budget_deposit(bencher: Bencher<'_, '_>) {
    let budget = RetryBudget::new(&BudgetSettings::default());
    let mut now = clock();
    bencher.bench_local(|| budget.deposit(black_box(now())));
}
