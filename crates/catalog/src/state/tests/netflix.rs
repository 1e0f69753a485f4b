//! Netflix's expiry, by the numbers of its server.

use super::*;
use crate::policy::NetflixPolicy;

const DURATION: Millis = Millis(90_000);

fn netflix(change: impl Fn(&mut NetflixPolicy)) -> State {
    let mut numbers = NetflixPolicy::default();
    change(&mut numbers);
    let mut state =
        State::new(Policy { expiry: ExpiryMode::Netflix(numbers), ..Policy::default() });
    state.tick(START);
    state
}

fn add(state: &mut State, count: usize) {
    for number in 0..count {
        let spec = InstanceSpec { ttl: Some(DURATION), ..eureka(&number.to_string()) };
        register(state, START, "STOCK", spec).unwrap();
    }
}

fn left(state: &State) -> usize {
    state.service(&key("STOCK")).map_or(0, |service| service.len())
}

#[test]
fn a_renewed_lease_lives_twice_its_length_and_others_once() {
    let mut state = netflix(|numbers| numbers.self_preservation = false);
    add(&mut state, 2);
    state.renew(START, &key("STOCK"), Protocol::Eureka, "1");
    let expires = |state: &State, id| state.lease(&key("STOCK"), Protocol::Eureka, id).unwrap();
    assert_eq!(expires(&state, "0").expires, START.plus(DURATION));
    assert_eq!(expires(&state, "1").expires, START.plus(Millis(180_000)));
    let now = run(&mut state, START, 119_900, |_, _| false);
    assert_eq!(left(&state), 2, "the timer runs once a minute");
    let now = run(&mut state, now, 200, |_, _| false);
    assert_eq!(left(&state), 1);
    let now = run(&mut state, now, 119_800, |_, _| false);
    assert_eq!(left(&state), 1);
    run(&mut state, now, 200, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn a_run_evicts_at_most_fifteen_in_a_hundred() {
    let mut state = netflix(|numbers| numbers.self_preservation = false);
    add(&mut state, 100);
    let now = run(&mut state, START, 120_100, |_, _| false);
    assert_eq!(left(&state), 85);
    let now = run(&mut state, now, 60_000, |_, _| false);
    assert_eq!(left(&state), 72, "85 less 85 - floor(72.25)");
    run(&mut state, now, 60_000 * 60, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn too_few_renewals_hold_everything() {
    let mut state = netflix(|_| ());
    add(&mut state, 10);
    let view = state.netflix().unwrap();
    assert_eq!((view.expected, view.threshold, view.protected), (11, 18, true));
    run(&mut state, START, 800_000, |_, _| false);
    assert_eq!((left(&state), state.netflix().unwrap().renewals_last_minute), (10, 0));
}

#[test]
fn enough_renewals_let_one_go() {
    let mut state = netflix(|_| ());
    add(&mut state, 10);
    // Each renews twice a minute but one: 18 renewals do not exceed the threshold of 18.
    let renews = |step: u64, id: &str| step % 300 == 150 && id != "0";
    let now = run(&mut state, START, 850_000, renews);
    assert_eq!((left(&state), state.netflix().unwrap().renewals_last_minute), (10, 18));
    // The count every 15 minutes finds 10 clients instead of 11: a threshold of 17.
    run(&mut state, now, 120_000, renews);
    let view = state.netflix().unwrap();
    assert_eq!((left(&state), view.expected, view.threshold), (9, 9, 15));
}

#[test]
fn a_late_timer_lengthens_leases() {
    let mut state = netflix(|numbers| numbers.self_preservation = false);
    add(&mut state, 1);
    // The timer comes 60 s late at 120 s: the lease ended at 90 s but counts until 150 s.
    state.tick(START.plus(Millis(120_000)));
    assert_eq!(left(&state), 1);
    state.tick(START.plus(Millis(180_000)));
    assert!(state.is_vacant());
}

#[test]
fn a_renewal_saves_an_overdue_lease_and_changes_follow_it() {
    let mut state = netflix(|_| ());
    add(&mut state, 3);
    let now = run(&mut state, START, 130_000, |_, _| false);
    let weighty = InstanceSpec { weight: 2.0, ..eureka("1") };
    state.apply(now, Command::Update { service: key("STOCK"), spec: weighty }).unwrap();
    let service = key("STOCK");
    for id in ["0", "1"] {
        let protocol = Protocol::Eureka;
        let id = id.to_owned();
        state.apply(now, Command::Deregister { service: service.clone(), protocol, id }).unwrap();
    }
    assert!(state.renew(now, &service, Protocol::Eureka, "2").is_some());
    assert_eq!(left(&state), 1);
    run(&mut state, now, 120_000, |_, _| true);
    assert_eq!(left(&state), 1);
}

#[test]
fn leases_of_other_protocols_stay_exact() {
    let mut state = netflix(|_| ());
    register(&mut state, START, "stock", spec("a")).unwrap();
    run(&mut state, START, 31_000, |_, _| false);
    assert!(state.is_vacant());
    assert_eq!(state.netflix().unwrap().expected, 1);
}
