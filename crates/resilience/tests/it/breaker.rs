//! When a breaker opens, tries and closes.

use rialto_resilience::{
    Blocked, BreakerChange, BreakerSettings, BreakerState, CallResult, CircuitBreaker, Nanos,
    WindowKind,
};

use crate::ms;

fn call(breaker: &CircuitBreaker, now: Nanos, result: CallResult) -> Option<BreakerChange> {
    breaker.admit(now).expect("calls are let through").finish(now, result, ms(1))
}

fn blocked(state: BreakerState, retry_after: Nanos) -> Blocked {
    Blocked::Breaker { state, retry_after }
}

fn in_a_row(count: u32, probes: u32) -> CircuitBreaker {
    CircuitBreaker::new(BreakerSettings {
        consecutive_failures: count,
        failure_percent: 0,
        probes,
        ..BreakerSettings::default()
    })
}

#[test]
fn failures_in_a_row_open_it() {
    let breaker = in_a_row(3, 1);
    for result in [CallResult::Failure, CallResult::Failure, CallResult::Success] {
        assert_eq!(call(&breaker, ms(0), result), None);
    }
    assert_eq!(call(&breaker, ms(0), CallResult::Failure), None);
    assert_eq!(call(&breaker, ms(0), CallResult::Ignored), None);
    assert_eq!(call(&breaker, ms(0), CallResult::Failure), None);
    let change = call(&breaker, ms(10), CallResult::Failure).expect("the third in a row");
    assert_eq!((change.from, change.to), (BreakerState::Closed, BreakerState::Open));
    assert_eq!(change.retry_at, Some(ms(5_010)));
    let refused = breaker.admit(ms(1_010)).expect_err("it is open");
    assert_eq!(refused, blocked(BreakerState::Open, ms(4_000)));
    assert_eq!(refused.to_string(), "the breaker is open; try again in 4000 ms");
}

#[test]
fn a_share_of_failures_opens_it() {
    let breaker = CircuitBreaker::new(BreakerSettings {
        window: WindowKind::Calls(10),
        calls_min: 10,
        ..BreakerSettings::default()
    });
    for number in 0..9 {
        let result = if number % 2 == 0 { CallResult::Failure } else { CallResult::Success };
        assert_eq!(call(&breaker, ms(number), result), None, "too few calls to judge");
    }
    assert!(call(&breaker, ms(9), CallResult::Success).is_some(), "5 of 10 are 50 %");
}

#[test]
fn old_failures_do_not_count() {
    let settings = BreakerSettings { calls_min: 4, ..BreakerSettings::default() };
    let breaker = CircuitBreaker::new(settings);
    (0..3).for_each(|_| assert_eq!(call(&breaker, ms(0), CallResult::Failure), None));
    for _ in 0..3 {
        assert_eq!(call(&breaker, ms(10_000), CallResult::Success), None);
    }
    assert_eq!(call(&breaker, ms(10_000), CallResult::Failure), None, "1 of 4");
}

#[test]
fn slow_calls_open_it() {
    let breaker = CircuitBreaker::new(BreakerSettings {
        slow_percent: 100,
        slow_ms: 50,
        calls_min: 2,
        ..BreakerSettings::default()
    });
    let slow = |duration| {
        let permit = breaker.admit(ms(0)).expect("it is closed");
        permit.finish(ms(0), CallResult::Success, duration)
    };
    assert_eq!(slow(ms(51)), None);
    assert_eq!(slow(ms(50)), None, "not slower than the limit");
    let breaker_of_slow = CircuitBreaker::new(BreakerSettings {
        slow_percent: 50,
        slow_ms: 50,
        calls_min: 2,
        ..BreakerSettings::default()
    });
    call(&breaker_of_slow, ms(0), CallResult::Success);
    let permit = breaker_of_slow.admit(ms(0)).expect("it is closed");
    assert!(permit.finish(ms(0), CallResult::Success, ms(51)).is_some());
}

#[test]
fn probes_decide() {
    for (results, state) in [
        (&[CallResult::Success; 3][..], BreakerState::Closed),
        (&[CallResult::Success, CallResult::Failure][..], BreakerState::Open),
    ] {
        let breaker = in_a_row(1, 3);
        call(&breaker, ms(0), CallResult::Failure);
        assert_eq!(breaker.state(ms(4_999)), BreakerState::Open);
        assert_eq!(breaker.state(ms(5_000)), BreakerState::HalfOpen);
        let mut last = None;
        for result in results {
            assert_eq!(last, None);
            last = call(&breaker, ms(5_000), *result);
        }
        let change = last.expect("the last probe decides");
        assert_eq!((change.from, change.to), (BreakerState::HalfOpen, state));
    }
}

#[test]
fn only_so_many_probes_at_once_and_dropped_ones_come_back() {
    let breaker = in_a_row(1, 2);
    call(&breaker, ms(0), CallResult::Failure);
    let first = breaker.admit(ms(5_000)).expect("the first probe");
    let second = breaker.admit(ms(5_000)).expect("the second probe");
    let half_open = blocked(BreakerState::HalfOpen, Nanos(0));
    assert_eq!(breaker.admit(ms(5_000)).expect_err("no third"), half_open);
    drop(second);
    let again = breaker.admit(ms(5_000)).expect("the second probe was never made");
    assert_eq!(again.finish(ms(5_001), CallResult::Ignored, ms(1)), None);
    let once_more = breaker.admit(ms(5_001)).expect("nor was this");
    assert_eq!(first.finish(ms(5_001), CallResult::Success, ms(1)), None);
    assert_eq!(breaker.admit(ms(5_001)).expect_err("one done, one under way"), half_open);
    let change = once_more.finish(ms(5_002), CallResult::Success, ms(1));
    assert_eq!(change.expect("two good probes").to, BreakerState::Closed);
}

#[test]
fn results_from_before_do_not_decide_the_probes() {
    let breaker = in_a_row(1, 1);
    let late_success = breaker.admit(ms(0)).expect("it is closed");
    let late_failure = breaker.admit(ms(0)).expect("it is closed");
    call(&breaker, ms(0), CallResult::Failure);
    let probe = breaker.admit(ms(5_000)).expect("the probe");
    assert_eq!(late_success.finish(ms(5_001), CallResult::Success, ms(1)), None);
    assert!(breaker.admit(ms(5_001)).is_err(), "the late success closed nothing");
    assert_eq!(late_failure.finish(ms(5_001), CallResult::Failure, ms(1)), None);
    let change = probe.finish(ms(5_002), CallResult::Success, ms(1));
    assert_eq!(change.expect("the probe decides").to, BreakerState::Closed);
}

#[test]
fn each_failed_try_doubles_the_wait() {
    let breaker = in_a_row(1, 1);
    let mut now = ms(0);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let change = call(&breaker, now, CallResult::Failure).expect("a failure opens it");
        let retry_at = change.retry_at.expect("an open breaker says when");
        waits.push(retry_at.since(now).as_millis());
        now = retry_at;
    }
    assert_eq!(waits, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    call(&breaker, now, CallResult::Success);
    let change = call(&breaker, now, CallResult::Failure).expect("it starts again");
    assert_eq!(change.retry_at, Some(now.plus(ms(5_000))));
    breaker.reset();
    assert_eq!(breaker.state(now), BreakerState::Closed);
}
