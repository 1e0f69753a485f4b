//! Leases end in time, and protection holds them back when it should and no longer than it may.

use super::*;
use crate::limits::TICK_LEASES_MAX;

fn with(count: usize) -> State {
    let mut state = State::new(Policy::default());
    for number in 0..count {
        register(&mut state, START, "stock", spec(&format!("{number:03}"))).unwrap();
    }
    state
}

fn left(state: &State) -> usize {
    state.service(&key("stock")).map_or(0, |service| service.len())
}

fn last_change(state: &State) -> &Change {
    &state.events_after(Revision(state.revision().0 - 1)).next().unwrap().change
}

#[test]
fn a_lease_ends_in_time_and_not_before() {
    let mut state = with(2);
    let end = START.plus(TTL);
    state.tick(Timestamp(end.0 - 1));
    assert_eq!(left(&state), 2);
    let renewed = state.renew(Timestamp(end.0 - 1), &key("stock"), Protocol::Sdk, "001");
    assert_eq!(renewed.unwrap().id(), "001");
    state.tick(end.plus(crate::wheel::LATE_MAX));
    assert_eq!(left(&state), 1);
    assert!(
        matches!(last_change(&state), Change::Expired { instance, .. } if instance.id() == "000")
    );
    state.tick(end.plus(TTL).plus(crate::wheel::LATE_MAX));
    assert!(state.is_vacant());
}

#[test]
fn an_update_does_not_renew_and_a_renewal_spends_no_revision() {
    let mut state = with(1);
    let late = START.plus(Millis(20_000));
    let weighty = InstanceSpec { weight: 2.0, ..spec("000") };
    state.apply(late, Command::Update { service: key("stock"), spec: weighty }).unwrap();
    assert_eq!(state.lease(&key("stock"), Protocol::Sdk, "000").unwrap().expires, START.plus(TTL));
    state.renew(late, &key("stock"), Protocol::Sdk, "000");
    assert_eq!(state.revision(), Revision(2));
    let lease = state.lease(&key("stock"), Protocol::Sdk, "000").unwrap();
    assert_eq!((lease.renewed, lease.expires), (late, late.plus(TTL)));
    run(&mut state, late, 31_000, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn one_of_two_goes_in_time() {
    let mut state = with(2);
    run(&mut state, START, 31_000, |_, id| id == "001");
    assert_eq!((left(&state), state.protection(&key("stock"))), (1, None));
}

#[test]
fn most_are_held_until_they_come_back() {
    let mut state = with(20);
    let now = run(&mut state, START, 31_000, |_, _| false);
    assert_eq!(left(&state), 17, "a share of 15 % went");
    let protection = state.protection(&key("stock")).unwrap();
    assert!(protection.reason.contains("4 of 20 leases ran out within 30 s"), "{protection:?}");
    assert_eq!(protection.until, protection.since.plus(Millis::from_secs(900)));
    let lease = state.lease(&key("stock"), Protocol::Sdk, "000");
    assert!(lease.is_none_or(|lease| lease.held && lease.expires <= now));
    let revision = state.revision();
    let now = run(&mut state, now, 15_000, |_, _| true);
    assert_eq!((left(&state), state.protection(&key("stock"))), (17, None));
    assert!(matches!(last_change(&state), Change::ProtectionEnded { .. }));
    assert_eq!(state.revision(), revision.next());
    run(&mut state, now, 120_000, |_, _| true);
    assert_eq!((left(&state), state.revision()), (17, revision.next()));
}

#[test]
fn protection_ends_at_its_time() {
    let mut state = with(20);
    run(&mut state, START, 935_000, |_, _| false);
    assert!(state.is_vacant());
    let began = |event: &&Event| matches!(event.change, Change::ProtectionBegan { .. });
    assert_eq!(state.events_after(Revision(0)).filter(began).count(), 1);
    let ended = |event: &&Event| matches!(event.change, Change::ProtectionEnded { .. });
    assert_eq!(state.events_after(Revision(0)).filter(ended).count(), 1);
}

#[test]
fn a_small_rest_goes_once_the_others_are_back() {
    let mut state = with(20);
    let now = run(&mut state, START, 31_000, |_, _| false);
    let gone = state.service(&key("stock")).unwrap().instances()[0].id().to_owned();
    run(&mut state, now, 90_000, |_, id| id != gone);
    assert_eq!((left(&state), state.protection(&key("stock"))), (16, None));
}

#[test]
fn the_last_held_one_leaving_ends_protection() {
    let mut state = with(6);
    let now = run(&mut state, START, 31_000, |_, _| false);
    assert!(state.protection(&key("stock")).is_some());
    for number in 0..6 {
        leave(&mut state, now, "stock", &format!("{number:03}"));
    }
    assert!(state.is_vacant());
}

#[test]
fn a_registration_ends_holding() {
    let mut state = with(6);
    let now = run(&mut state, START, 31_000, |_, _| false);
    for number in 0..6 {
        register(&mut state, now, "stock", spec(&format!("{number:03}"))).unwrap();
    }
    assert_eq!((left(&state), state.protection(&key("stock"))), (6, None));
}

#[test]
fn protection_can_be_switched_off() {
    let mut policy = Policy::default();
    policy.exact.protection = false;
    let mut state = State::new(policy);
    for number in 0..20 {
        register(&mut state, START, "stock", spec(&number.to_string())).unwrap();
    }
    run(&mut state, START, 31_000, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn a_pause_of_the_process_lengthens_leases() {
    let policy = Policy { pause: Some(Millis(2_000)), ..Policy::default() };
    let mut state = State::new(policy);
    register(&mut state, START, "stock", spec("a")).unwrap();
    state.tick(START);
    let now = START.plus(Millis(60_000));
    state.tick(now);
    assert_eq!(left(&state), 1, "its owner had no chance to renew it");
    assert_eq!(
        state.lease(&key("stock"), Protocol::Sdk, "a").unwrap().expires,
        START.plus(TTL).plus(Millis(60_000))
    );
    let now = run(&mut state, now, 29_000, |_, _| false);
    assert_eq!(left(&state), 1);
    run(&mut state, now, 2_000, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn a_tick_looks_at_a_bounded_number_of_leases() {
    let mut policy = Policy::default();
    policy.exact.protection = false;
    let mut state = State::new(policy);
    for number in 0..TICK_LEASES_MAX + 1 {
        register(&mut state, START, "stock", spec(&number.to_string())).unwrap();
    }
    let mut ticks = 1;
    while state.tick(START.plus(Millis(31_000))) {
        ticks += 1;
    }
    assert!(ticks >= 2 && state.is_vacant(), "{ticks}");
}

#[test]
fn time_never_goes_back() {
    let mut state = with(1);
    register(&mut state, Timestamp(0), "stock", spec("late")).unwrap();
    assert_eq!(state.lease(&key("stock"), Protocol::Sdk, "late").unwrap().registered, START);
    state.renew(Timestamp(0), &key("stock"), Protocol::Sdk, "late");
    assert_eq!(state.lease(&key("stock"), Protocol::Sdk, "late").unwrap().renewed, START);
}
