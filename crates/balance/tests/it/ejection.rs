//! Who gets a rest, for how long, and who must not.

use rialto_balance::{
    Algorithm, Balancer, Class, EjectionReason, Nanos, Outcome, OutlierSettings, Request, Settings,
    Transition,
};

use crate::{START, balancer, call, rng, settings};

fn later(seconds: u64) -> Nanos {
    START.plus(Nanos::from_secs(seconds))
}

/// Calls one endpoint and no other.
fn call_one(balancer: &mut Balancer<u32>, now: Nanos, id: u32, class: Class) {
    let others: Vec<u32> = (0..10).filter(|other| *other != id).collect();
    let request = Request { hash: None, exclude: &others };
    let picked = balancer.pick(now, &request, &mut rng()).expect("the endpoint is there");
    assert_eq!(picked.id, id);
    balancer.report(now, picked.ticket, Outcome::new(class, Nanos::from_millis(5)));
}

fn ejected(balancer: &Balancer<u32>, now: Nanos) -> Vec<u32> {
    let views = balancer.view(now).into_iter();
    views.filter(|view| view.ejected_until.is_some()).map(|view| view.id).collect()
}

#[test]
fn five_failures_in_a_row_eject_for_thirty_seconds() {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0; 3]);
    for neutral in [Class::Throttled, Class::Cancelled] {
        (0..4).for_each(|_| call_one(&mut balancer, START, 1, Class::ServerError));
        (0..4).for_each(|_| call_one(&mut balancer, START, 1, neutral));
        call_one(&mut balancer, START, 1, Class::Success);
    }
    assert_eq!(balancer.tick(START), []);
    (0..5).for_each(|_| call_one(&mut balancer, START, 1, Class::ServerError));
    let transitions = balancer.tick(START);
    let [Transition::Ejected { id: 1, reason, until }] = transitions[..] else {
        panic!("{transitions:?}");
    };
    assert_eq!(reason, EjectionReason::ConsecutiveFailures(5));
    assert!((later(30)..=later(33)).contains(&until), "30 s and up to 10 % more");
    assert_eq!(balancer.tick(until.since(Nanos(1))), []);
    assert_eq!(balancer.tick(until), [Transition::Returned { id: 1 }]);
    assert!(balancer.view(until)[1].weight < 0.11, "who returns starts slowly");
}

#[test]
fn gateway_failures_count_separately() {
    let outlier = OutlierSettings { consecutive_failures: 0, ..OutlierSettings::default() };
    let mut balancer = balancer(Settings { outlier, ..Settings::default() }, &[1.0; 3]);
    for class in [Class::GatewayError, Class::Unreachable, Class::ServerError] {
        (0..2).for_each(|_| call_one(&mut balancer, START, 0, class));
    }
    (0..4).for_each(|_| call_one(&mut balancer, START, 0, Class::Unreachable));
    assert_eq!(ejected(&balancer, START), []);
    call_one(&mut balancer, START, 0, Class::GatewayError);
    assert_eq!(ejected(&balancer, START), [0]);
}

#[test]
fn who_asks_to_come_back_later_is_busy_not_sick() {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0; 2]);
    let retry_after = Some(Nanos::from_secs(2));
    for _ in 0..20 {
        let request = Request { hash: None, exclude: &[1] };
        let picked = balancer.pick(START, &request, &mut rng()).expect("0 is there");
        let busy = Outcome { retry_after, ..Outcome::new(Class::GatewayError, Nanos(1)) };
        balancer.report(START, picked.ticket, busy);
    }
    assert_eq!(ejected(&balancer, START), []);
    assert_eq!(balancer.view(START)[0].latency_ms, 2_000.0);
}

#[test]
fn at_most_half_but_always_one_of_two() {
    for (hosts, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)] {
        let mut balancer = balancer(settings(Algorithm::RoundRobin), &vec![1.0; hosts]);
        let mut rng = rng();
        for _ in 0..200 {
            let picked = crate::pick(&mut balancer, START, &mut rng);
            balancer.report(START, picked.ticket, Outcome::new(Class::ServerError, Nanos(1)));
        }
        assert_eq!(ejected(&balancer, START).len(), most, "of {hosts}");
    }
}

#[test]
fn the_one_far_below_the_mean_success_rate_goes() {
    let mut balancer = balancer(settings(Algorithm::RoundRobin), &[1.0; 5]);
    balancer.tick(START);
    let mut rng = rng();
    let mut turn = [0; 5];
    for _ in 0..1_000 {
        let picked = crate::pick(&mut balancer, START, &mut rng);
        let turn = &mut turn[picked.id as usize];
        *turn += 1;
        let class =
            if picked.id == 2 && *turn % 2 == 0 { Class::ServerError } else { Class::Success };
        balancer.report(START, picked.ticket, Outcome::new(class, Nanos(1)));
    }
    assert_eq!(balancer.tick(later(9)), []);
    let transitions = balancer.tick(later(10));
    let [Transition::Ejected { id: 2, reason, .. }] = &transitions[..] else {
        panic!("{transitions:?}");
    };
    assert_eq!(reason.to_string(), "success rate 50 %, below 52 %");
}

#[test]
fn few_calls_say_nothing_about_success_rates() {
    let mut balancer = balancer(settings(Algorithm::RoundRobin), &[1.0; 5]);
    balancer.tick(START);
    for round in 0..90 {
        for id in 0..5 {
            let fails = id == 2 && round % 2 == 0;
            let class = if fails { Class::ServerError } else { Class::Success };
            call_one(&mut balancer, START, id, class);
        }
    }
    assert_eq!(balancer.tick(later(10)), []);
}

#[test]
fn failures_reported_after_the_ejection_do_not_count() {
    let mut balancer = balancer(settings(Algorithm::RoundRobin), &[1.0; 4]);
    let mut rng = rng();
    let held: Vec<_> = (0..80).map(|_| crate::pick(&mut balancer, START, &mut rng)).collect();
    for picked in held {
        let class = if picked.id == 3 { Class::Unreachable } else { Class::Success };
        balancer.report(START, picked.ticket, Outcome::new(class, Nanos(1)));
    }
    let transitions = balancer.tick(START);
    let [Transition::Ejected { id: 3, until, .. }] = transitions[..] else {
        panic!("{transitions:?}");
    };
    assert!(until <= later(33), "20 failures under way are one ejection");
    balancer.tick(until);
    assert_eq!(ejected(&balancer, until), []);
}

/// Calls at a steady pace for so many seconds, each endpoint answering after its own time.
fn drive(
    balancer: &mut Balancer<u32>,
    seconds: u64,
    calls_per_sec: u64,
    latency_ms: impl Fn(u32, u64) -> u64,
) -> Vec<(u64, Transition<u32>)> {
    let mut rng = rng();
    let mut found = Vec::new();
    let mut under_way: Vec<(Nanos, rialto_balance::Ticket, Nanos)> = Vec::new();
    for call in 0..seconds * calls_per_sec {
        let now = START.plus(Nanos(call * 1_000_000_000 / calls_per_sec));
        let (due, rest): (Vec<_>, Vec<_>) =
            under_way.into_iter().partition(|(end, ..)| *end <= now);
        under_way = rest;
        for (end, ticket, latency) in due {
            balancer.report(end, ticket, Outcome::new(Class::Success, latency));
        }
        let picked = crate::pick(balancer, now, &mut rng);
        let ms = now.since(START).as_millis();
        let latency = Nanos::from_millis(latency_ms(picked.id, ms));
        under_way.push((now.plus(latency), picked.ticket, latency));
        found.extend(balancer.tick(now).into_iter().map(|transition| (ms, transition)));
    }
    found
}

#[test]
fn a_slow_instance_of_two_is_ejected_within_seconds() {
    for algorithm in [Algorithm::PeakEwma, Algorithm::RoundRobin, Algorithm::LeastRequests] {
        for calls_per_sec in [3, 10, 50, 400] {
            let mut balancer = balancer(settings(algorithm), &[1.0, 1.0]);
            let slow = |id, ms| if id == 1 && ms >= 5_000 { 400 } else { 4 };
            let found = drive(&mut balancer, 15, calls_per_sec, slow);
            let [(ms, Transition::Ejected { id: 1, reason, .. })] = &found[..] else {
                panic!("{algorithm:?} at {calls_per_sec}/s: {found:?}");
            };
            assert!((5_000..12_000).contains(ms), "{algorithm:?} at {calls_per_sec}/s: {ms} ms");
            assert_eq!(reason.to_string(), "slow: 400 ms, the others 4 ms");
        }
    }
}

#[test]
fn a_pause_or_a_general_slowdown_ejects_nobody() {
    for algorithm in [Algorithm::PeakEwma, Algorithm::RoundRobin] {
        let mut paused = balancer(settings(algorithm), &[1.0; 3]);
        let pause = |id, ms| if id == 1 && (5_000..5_900).contains(&ms) { 5_900 - ms } else { 4 };
        assert_eq!(drive(&mut paused, 12, 300, pause), [], "{algorithm:?}");
        let mut slowed = balancer(settings(algorithm), &[1.0; 3]);
        let slowdown = |_, ms| if ms > 5_000 { 300 } else { 4 };
        assert_eq!(drive(&mut slowed, 12, 300, slowdown), [], "{algorithm:?}");
        let mut quiet = balancer(settings(algorithm), &[1.0; 2]);
        let slowdown = |id, ms| if ms > 20_000 { 600 + u64::from(id) * 300 } else { 4 };
        assert_eq!(drive(&mut quiet, 60, 4, slowdown), [], "{algorithm:?}");
        let mut small = balancer(settings(algorithm), &[1.0; 3]);
        assert_eq!(drive(&mut small, 12, 300, |id, _| if id == 1 { 90 } else { 2 }), []);
    }
}

#[test]
fn a_slow_instance_returns_and_recovers() {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0, 1.0]);
    let slow = |id, ms| if id == 1 && (5_000..20_000).contains(&ms) { 400 } else { 4 };
    let found = drive(&mut balancer, 60, 100, slow);
    let [(_, Transition::Ejected { .. }), (ms, Transition::Returned { id: 1 })] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(*ms < 45_000);
    let mut rng = rng();
    let again = (0..100).filter(|_| call(&mut balancer, later(60), &mut rng) == 1).count();
    assert!(again > 20, "{again} of 100");
}
