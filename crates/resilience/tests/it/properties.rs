//! What must hold whatever the callers do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use rialto_resilience::{
    BreakerSettings, BreakerState, BudgetSettings, CallResult, CircuitBreaker, ConcurrencyLimit,
    ConcurrencySettings, Entry, LeakyQueue, Nanos, Permit, QueueOrder, RetryBudget, TokenBucket,
    Waiter,
};

use crate::ms;

#[derive(Debug, Clone)]
enum Step {
    Enter,
    Poll(usize),
    DropWaiter(usize),
    DropPermit(usize),
    Resize(u32),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Enter),
        3 => (0..16_usize).prop_map(Step::Poll),
        1 => (0..16_usize).prop_map(Step::DropWaiter),
        3 => (0..16_usize).prop_map(Step::DropPermit),
        1 => (1..6_u32).prop_map(Step::Resize),
        1 => (1..80_u64).prop_map(Step::Pass),
    ]
}

/// Takes one of a list, whichever the number means.
fn take<T>(list: &mut Vec<T>, number: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.swap_remove(number % list.len()))
}

fn poll(waiter: &mut Waiter) -> Poll<Option<Permit>> {
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(waiter).poll(&mut context).map(Result::ok)
}

proptest! {
    #[test]
    fn permits_never_leak(steps in prop::collection::vec(step(), 0..200), lifo in any::<bool>()) {
        let order = if lifo { QueueOrder::LifoUnderOverload } else { QueueOrder::Fifo };
        let settings =
            ConcurrencySettings { in_flight_max: 3, queue_max: 5, wait_max_ms: 100, order };
        let limit = ConcurrencyLimit::new(&settings);
        let (mut permits, mut waiters): (Vec<Permit>, Vec<Waiter>) = Default::default();
        let (mut now, mut most) = (Nanos(0), 3);
        for step in steps {
            match step {
                Step::Enter => match limit.enter(now, None) {
                    Ok(Entry::Admitted(permit)) => permits.push(permit),
                    Ok(Entry::Queued(waiter)) => waiters.push(waiter),
                    Err(_) => prop_assert!(limit.in_flight() >= most || limit.queued() == 5),
                },
                Step::Poll(number) => {
                    if let Some(mut waiter) = take(&mut waiters, number) {
                        match poll(&mut waiter) {
                            Poll::Ready(permit) => permits.extend(permit),
                            Poll::Pending => waiters.push(waiter),
                        }
                    }
                }
                Step::DropWaiter(number) => drop(take(&mut waiters, number)),
                Step::DropPermit(number) => drop(take(&mut permits, number)),
                Step::Resize(size) => {
                    most = size;
                    limit.set_in_flight_max(size);
                }
                Step::Pass(passed_ms) => now = now.plus(ms(passed_ms)),
            }
            prop_assert!(limit.queued() <= 5);
            prop_assert!(limit.in_flight() as usize <= permits.len() + waiters.len());
            prop_assert!(limit.in_flight() as usize >= permits.len());
            prop_assert!(limit.queued() == 0 || limit.in_flight() >= most, "nobody waits in vain");
        }
        drop((permits, waiters));
        prop_assert_eq!((limit.in_flight(), limit.queued()), (0, 0));
    }

    #[test]
    fn a_bucket_never_admits_more_than_it_should(
        rate in 1..5_000_u32,
        burst in 1..50_u32,
        calls in prop::collection::vec((0..3_000_000_u64, 1..4_u32), 1..300),
    ) {
        let bucket = TokenBucket::new(f64::from(rate), burst);
        let start = ms(12_345);
        let (mut now, mut admitted) = (start, 0_u64);
        for (pause_ns, count) in calls {
            now = now.plus(Nanos(pause_ns));
            let available = bucket.available(now);
            if bucket.take(now, count).is_ok() {
                admitted += u64::from(count);
                prop_assert_eq!(bucket.available(now), available - count);
            }
            let passed_s = now.since(start).0 as f64 / 1e9;
            let allowed = passed_s * f64::from(rate) + f64::from(burst);
            prop_assert!(admitted as f64 <= allowed + 1e-6, "{} > {}", admitted, allowed);
        }
    }

    #[test]
    fn a_refused_call_passes_when_told(burst in 1..9_u32, rate in 1..1_000_u32, count in 1..9_u32) {
        let count = count.min(burst);
        let bucket = TokenBucket::new(f64::from(rate), burst);
        while bucket.take(ms(5), count).is_ok() {}
        let after = bucket.take(ms(5), count).expect_err("it is empty").retry_after();
        let then = ms(5).plus(after.expect("a rate says when"));
        prop_assert!(bucket.take(then.since(Nanos(1)), count).is_err());
        prop_assert!(bucket.take(then, count).is_ok());
    }

    #[test]
    fn turns_are_never_closer_than_the_pace(
        calls in prop::collection::vec((0..200_u64, any::<bool>()), 1..100),
    ) {
        let queue = LeakyQueue::new(20.0, ms(400));
        let (mut now, mut turns) = (Nanos(0), Vec::new());
        for (pause_ms, goes) in calls {
            now = now.plus(ms(pause_ms));
            if let Ok(turn) = queue.reserve(now, 1, None) {
                prop_assert!(turn.wait() <= ms(400));
                if goes || turn.wait() == Nanos(0) {
                    turns.push(turn.turn());
                    turn.go();
                }
            }
        }
        prop_assert!(turns.windows(2).all(|pair| pair[1].since(pair[0]) >= ms(50)), "{:?}", turns);
    }

    #[test]
    fn retries_never_exceed_the_budget(
        steps in prop::collection::vec((0..900_u64, 0..6_u8), 1..400),
    ) {
        let settings =
            BudgetSettings { retries_per_sec_min: 1, retries_max: 40, ..BudgetSettings::default() };
        let budget = RetryBudget::new(&settings);
        let mut now = ms(60_000);
        let (mut firsts, mut retries): (Vec<Nanos>, Vec<Nanos>) = Default::default();
        for (pause_ms, kind) in steps {
            now = now.plus(ms(pause_ms));
            if kind < 2 {
                budget.deposit(now);
                firsts.push(now);
                continue;
            }
            if !budget.withdraw(now) {
                continue;
            }
            retries.push(now);
            // Slots are a second long: what is younger than nine is surely remembered, and nothing
            // that is older than ten.
            let within = |times: &[Nanos], length| {
                times.iter().filter(|time| now.since(**time) < length).count() as f64
            };
            let earned = within(&firsts, ms(10_000)) * 0.2;
            let spent = within(&retries, ms(9_000));
            prop_assert!(spent <= earned + 10.0 + 1e-9, "{} > {} + 10", spent, earned);
            prop_assert!(spent <= 40.0);
        }
    }

    #[test]
    fn a_breaker_never_has_more_probes_than_allowed(
        steps in prop::collection::vec((0..4_u8, 0..2_000_u64, any::<bool>()), 1..200),
    ) {
        let breaker = CircuitBreaker::new(BreakerSettings {
            consecutive_failures: 2,
            probes: 3,
            open_ms: 1_000,
            ..BreakerSettings::default()
        });
        let mut now = Nanos(0);
        let mut under_way = Vec::new();
        let mut probing = 0;
        for (kind, number, well) in steps {
            match kind {
                0 => now = now.plus(ms(number)),
                1 => {
                    let half_open = breaker.state(now) == BreakerState::HalfOpen;
                    if let Ok(permit) = breaker.admit(now) {
                        probing += u32::from(half_open);
                        under_way.push((permit, half_open));
                    }
                }
                2 => {
                    if let Some((permit, _)) = take(&mut under_way, number as usize) {
                        let result = if well { CallResult::Success } else { CallResult::Failure };
                        permit.finish(now, result, Nanos(1));
                    }
                }
                _ => drop(take(&mut under_way, number as usize)),
            }
            if breaker.state(now) != BreakerState::HalfOpen {
                probing = 0;
                under_way.iter_mut().for_each(|(_, probe)| *probe = false);
            }
            let open_probes = under_way.iter().filter(|(_, probe)| *probe).count();
            prop_assert!(open_probes <= 3, "{} of {} probes are under way", open_probes, probing);
        }
    }
}

#[test]
fn threads_together_take_no_more_than_the_burst() {
    let bucket = TokenBucket::new(0.001, 1_000);
    let queue = LeakyQueue::new(1_000.0, ms(99));
    let (taken, turns) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    taken.fetch_add(u64::from(bucket.take(ms(1), 1).is_ok()), Relaxed);
                    if let Ok(turn) = queue.reserve(ms(1), 1, None) {
                        turns.fetch_add(1, Relaxed);
                        turn.go();
                    }
                }
            });
        }
    });
    assert_eq!((taken.load(Relaxed), turns.load(Relaxed)), (1_000, 100));
}

#[test]
fn threads_together_never_exceed_the_limit() {
    let settings = ConcurrencySettings { in_flight_max: 3, ..ConcurrencySettings::default() };
    let limit = ConcurrencyLimit::new(&settings);
    let inside = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    if let Ok(permit) = limit.try_acquire() {
                        assert!(inside.fetch_add(1, Relaxed) < 3);
                        inside.fetch_sub(1, Relaxed);
                        drop(permit);
                    }
                }
            });
        }
    });
    assert_eq!(limit.in_flight(), 0);
}
