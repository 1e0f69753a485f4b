//! What stays when endpoints come, change and go.

use rialto_balance::limits::{DEPARTED_MAX, DEPARTED_NS};
use rialto_balance::{Algorithm, Balancer, Class, Nanos, Outcome, Request, Settings, Transition};

use crate::{START, balancer, call, endpoint, pick, rng, settings};

fn later(ms: u64) -> Nanos {
    START.plus(Nanos::from_millis(ms))
}

#[test]
fn an_update_keeps_calls_latency_and_ejection() {
    let mut balancer = balancer(settings(Algorithm::RoundRobin), &[1.0, 1.0, 1.0]);
    let mut rng = rng();
    for _ in 0..15 {
        let picked = pick(&mut balancer, START, &mut rng);
        let class = if picked.id == 1 { Class::ServerError } else { Class::Success };
        balancer.report(START, picked.ticket, Outcome::new(class, Nanos::from_millis(7)));
    }
    let held = pick(&mut balancer, START, &mut rng);
    let before = balancer.view(START);
    assert!(before[1].ejected_until.is_some());
    balancer.update(START, [1, 0, 2, 3].map(|id| endpoint(id, 1.0)));
    let after = balancer.view(START);
    assert_eq!((&after[0], &after[1], &after[2]), (&before[1], &before[0], &before[2]));
    balancer.report(START, held.ticket, Outcome::new(Class::Success, Nanos(1)));
    assert!(balancer.view(START).iter().all(|view| view.in_flight == 0));
}

#[test]
fn who_leaves_and_returns_finds_its_past() {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0, 1.0]);
    let mut rng = rng();
    let held: Vec<_> = (0..4).map(|_| pick(&mut balancer, START, &mut rng)).collect();
    balancer.update(START, [endpoint(0, 1.0)]);
    assert_eq!(balancer.len(), 1);
    balancer.update(START, [endpoint(0, 1.0), endpoint(1, 1.0)]);
    assert_eq!(balancer.view(START)[1].in_flight, 2);
    for picked in held {
        balancer.report(START, picked.ticket, Outcome::new(Class::Success, Nanos(1)));
    }
    assert_eq!(balancer.view(START)[1].in_flight, 0);
}

/// A balancer whose endpoint 0 of two is ejected.
fn one_ejected() -> Balancer<u32> {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0, 1.0]);
    for _ in 0..5 {
        let request = Request { hash: None, exclude: &[1] };
        let picked = balancer.pick(START, &request, &mut rng()).expect("0 is there");
        balancer.report(START, picked.ticket, Outcome::new(Class::Unreachable, Nanos(1)));
    }
    assert!(matches!(balancer.tick(START)[..], [Transition::Ejected { id: 0, .. }]));
    balancer
}

#[test]
fn a_short_absence_changes_nothing() {
    let mut balancer = one_ejected();
    let before = balancer.view(later(999));
    balancer.update(START, [endpoint(1, 1.0)]);
    balancer.update(later(999), [endpoint(0, 1.0), endpoint(1, 1.0)]);
    assert_eq!(balancer.view(later(999)), before);
}

#[test]
fn a_new_process_begins_without_the_past_of_the_old() {
    let mut gone = one_ejected();
    gone.update(START, [endpoint(1, 1.0)]);
    gone.update(later(1_000), [endpoint(0, 1.0), endpoint(1, 1.0)]);
    let mut told = one_ejected();
    let registered = |since_ms| rialto_balance::Endpoint { since_ms, ..endpoint(0, 1.0) };
    told.update(later(999), [registered(7), endpoint(1, 1.0)]);
    told.update(later(999), [registered(7), endpoint(1, 1.0)]);
    assert!(told.tick(later(999)).is_empty(), "it is the same process");
    told.update(later(1_000), [registered(8), endpoint(1, 1.0)]);
    for mut balancer in [gone, told] {
        let now = later(1_000);
        assert_eq!(balancer.tick(now), [Transition::Returned { id: 0 }]);
        let view = balancer.view(now).remove(0);
        assert_eq!((view.ejected_until, view.weight), (None, 0.1));
        let other_ms = balancer.view(now)[1].latency_ms;
        assert!((view.latency_ms - other_ms).abs() < 0.01, "as good as the other: {view:?}");
        for _ in 0..5 {
            let request = Request { hash: None, exclude: &[1] };
            let picked = balancer.pick(now, &request, &mut rng()).expect("0 is there");
            balancer.report(now, picked.ticket, Outcome::new(Class::Unreachable, Nanos(1)));
        }
        let until = balancer.view(now)[0].ejected_until.expect("it fails again");
        assert!(until.since(now) >= Nanos::from_secs(60), "and rests longer");
    }
}

#[test]
fn differences_that_nobody_feels_do_not_concentrate_calls() {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0, 1.0]);
    let (mut rng, mut now) = (rng(), START);
    let mut calls = [0; 2];
    for turn in 0..3_000 {
        let picked = pick(&mut balancer, now, &mut rng);
        // One in a hundred calls takes longer, on whichever endpoint it is.
        let took = Nanos::from_millis(if turn % 100 == 99 { 4 } else { 1 });
        balancer.report(now.plus(took), picked.ticket, Outcome::new(Class::Success, took));
        if turn >= 1_500 {
            calls[picked.id as usize] += 1;
        }
        now = now.plus(Nanos::from_millis(20));
    }
    assert!(calls.iter().all(|calls| (600..=900).contains(calls)), "{calls:?}");
}

#[test]
fn a_newcomer_soon_gets_its_share_of_little_traffic() {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0]);
    let (mut rng, mut now) = (rng(), START);
    let mut call = |balancer: &mut Balancer<u32>, now: Nanos| {
        let picked = pick(balancer, now, &mut rng);
        let after = now.plus(Nanos::from_millis(2));
        balancer.report(after, picked.ticket, Outcome::new(Class::Success, Nanos::from_millis(2)));
        picked.id
    };
    // One call at a time: nothing but the assumed latency decides.
    for _ in 0..1_000 {
        call(&mut balancer, now);
        now = now.plus(Nanos::from_millis(20));
    }
    balancer.update(now, [endpoint(0, 1.0), endpoint(1, 1.0)]);
    let mut calls = 0;
    for _ in 0..500 {
        calls += u32::from(call(&mut balancer, now) == 1);
        now = now.plus(Nanos::from_millis(20));
    }
    assert!(calls >= 50, "{calls} of 500 calls within the ten seconds of slow start");
}

#[test]
fn the_forgotten_leave_no_trace_and_their_tickets_do_no_harm() {
    let mut balancer = balancer(settings(Algorithm::PeakEwma), &[1.0, 1.0]);
    let mut rng = rng();
    let held: Vec<_> = (0..4).map(|_| pick(&mut balancer, START, &mut rng)).collect();
    balancer.update(START, [endpoint(0, 1.0)]);
    let much_later = START.plus(Nanos(DEPARTED_NS));
    balancer.update(much_later, [endpoint(0, 1.0)]);
    balancer.update(much_later, [endpoint(0, 1.0), endpoint(2, 1.0)]);
    let fresh = balancer.pick(much_later, &Request { hash: None, exclude: &[0] }, &mut rng);
    let fresh = fresh.expect("2 is there");
    for picked in held {
        balancer.report(much_later, picked.ticket, Outcome::new(Class::Success, Nanos(1)));
    }
    let in_flight: Vec<u32> = balancer.view(much_later).iter().map(|view| view.in_flight).collect();
    assert_eq!(in_flight, [0, 1], "tickets of 1 do not count for 2, which took its place");
    balancer.report(much_later, fresh.ticket, Outcome::new(Class::Success, Nanos(1)));
}

#[test]
fn those_that_left_are_bounded() {
    let mut balancer: Balancer<u32> = Balancer::new(settings(Algorithm::Random), 1);
    for round in 0..3 * DEPARTED_MAX as u32 {
        balancer.update(later(u64::from(round)), [endpoint(round, 1.0)]);
    }
    balancer.update(later(1 << 20), (0..10).map(|id| endpoint(id, 1.0)));
    assert_eq!(balancer.len(), 10);
    assert!(format!("{balancer:?}").matches("Slot {").count() <= DEPARTED_MAX + 11);
}

#[test]
fn of_two_with_one_identifier_the_last_counts() {
    let mut balancer = balancer(settings(Algorithm::Random), &[1.0]);
    balancer.update(START, [endpoint(0, 1.0), endpoint(0, 4.0)]);
    assert_eq!(balancer.len(), 1);
    assert_eq!(balancer.view(START)[0].weight, 4.0);
}

#[test]
fn a_new_endpoint_starts_slowly_and_first_ones_do_not() {
    let mut balancer = balancer(settings(Algorithm::WeightedRoundRobin), &[1.0, 1.0]);
    assert_eq!(balancer.view(START)[0].weight, 1.0);
    balancer.update(START, (0..3).map(|id| endpoint(id, 1.0)));
    for (ms, weight) in [(0, 0.1), (900, 0.1), (5_000, 0.5), (9_999, 0.9999), (10_000, 1.0)] {
        let found = balancer.view(later(ms))[2].weight;
        assert!((found - weight).abs() < 1e-9, "{ms} ms: {found}");
    }
    let mut rng = rng();
    let early = (0..210).filter(|_| call(&mut balancer, START, &mut rng) == 2).count();
    assert_eq!(early, 10);
    let full = (0..300).filter(|_| call(&mut balancer, later(10_000), &mut rng) == 2).count();
    assert_eq!(full, 100);
}

#[test]
fn who_recovers_starts_slowly() {
    let mut balancer = balancer(settings(Algorithm::WeightedRoundRobin), &[1.0, 1.0]);
    let sick = rialto_balance::Endpoint { healthy: false, ..endpoint(1, 1.0) };
    balancer.update(START, [endpoint(0, 1.0), sick]);
    balancer.update(later(5), [endpoint(0, 1.0), endpoint(1, 1.0)]);
    let weights = balancer.view(later(5_005)).into_iter().map(|view| view.weight);
    assert_eq!(weights.collect::<Vec<_>>(), [1.0, 0.5]);
}

#[test]
fn when_all_are_new_nobody_starts_slowly() {
    let mut balancer = balancer(settings(Algorithm::WeightedRandom), &[1.0]);
    balancer.update(START, [endpoint(5, 1.0), endpoint(6, 1.0)]);
    assert!(balancer.view(START).iter().all(|view| view.weight == 1.0));
}

#[test]
fn panic_sends_traffic_to_the_unhealthy_too() {
    let mut balancer = balancer(settings(Algorithm::RoundRobin), &[1.0; 4]);
    let sick = |sick: u32| {
        (0..4).map(move |id| rialto_balance::Endpoint { healthy: id >= sick, ..endpoint(id, 1.0) })
    };
    let mut rng = rng();
    for (number, panic, used) in [(0, false, 4), (2, false, 2), (3, true, 4), (4, true, 4)] {
        balancer.update(START, sick(number));
        let mut ids: Vec<u32> = (0..8).map(|_| call(&mut balancer, START, &mut rng)).collect();
        assert_eq!(pick(&mut balancer, START, &mut rng).panic, panic, "{number} sick");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), used, "{number} sick");
    }
    let mut never = Balancer::new(Settings { panic_percent: 0, ..Settings::default() }, 1);
    never.update(START, sick(4));
    assert!(never.pick(START, &Request::default(), &mut rng).is_none());
}

#[test]
fn an_ejected_endpoint_is_better_than_none() {
    let mut balancer = balancer(settings(Algorithm::RoundRobin), &[1.0, 1.0]);
    let mut rng = rng();
    while balancer.view(START).iter().all(|view| view.ejected_until.is_none()) {
        let picked = pick(&mut balancer, START, &mut rng);
        let class = if picked.id == 0 { Class::Unreachable } else { Class::Success };
        balancer.report(START, picked.ticket, Outcome::new(class, Nanos(1)));
    }
    assert!(matches!(balancer.tick(START)[..], [Transition::Ejected { id: 0, .. }]));
    assert!((0..20).all(|_| call(&mut balancer, START, &mut rng) == 1));
    let retry = Request { hash: None, exclude: &[1] };
    let picked = balancer.pick(START, &retry, &mut rng).expect("0 is still there");
    assert_eq!(picked.id, 0);
}
