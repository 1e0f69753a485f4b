//! Leases end in time, and protection holds them back when it should and no longer than it may.

use super::*;
use crate::limits::TICK_LEASES_MAX;
use crate::spec::Status;

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

/// One of Nacos's that beats: down after 15 s, gone after 30.
fn beating(id: &str) -> InstanceSpec {
    InstanceSpec {
        protocol: Protocol::Nacos,
        unhealthy_after: Some(Millis(15_000)),
        payload: bytes::Bytes::from_static(b"p"),
        ..spec(id)
    }
}

fn held<'a>(state: &'a State, id: &str) -> &'a Arc<Instance> {
    state.instance(&key("stock"), Protocol::Nacos, id).unwrap()
}

#[test]
fn the_unhealthy_stage_comes_before_the_end() {
    let mut state = State::new(Policy::default());
    register(&mut state, START, "stock", beating("a")).unwrap();
    let now = run(&mut state, START, 14_900, |_, _| false);
    assert_eq!((held(&state, "a").status(), state.revision()), (Status::Up, Revision(1)));
    let now = run(&mut state, now, 300, |_, _| false);
    assert_eq!((held(&state, "a").status(), state.revision()), (Status::Down, Revision(2)));
    assert!(matches!(last_change(&state), Change::Updated { before: Status::Up, .. }));
    assert_eq!(held(&state, "a").spec(), beating("a"), "what its owner said is not forgotten");
    let revived = state.revive(now, &key("stock"), Protocol::Nacos, "a").unwrap();
    assert_eq!((revived.status(), revived.lapsed()), (Status::Up, false));
    assert_eq!(state.revision(), Revision(3));
    state.revive(now, &key("stock"), Protocol::Nacos, "a").unwrap();
    assert_eq!(state.revision(), Revision(3), "it was so already");
    let now = run(&mut state, now, 29_900, |_, _| false);
    assert_eq!((left(&state), held(&state, "a").lapsed()), (1, true));
    run(&mut state, now, 300, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn renewals_keep_away_the_unhealthy_stage() {
    let mut state = State::new(Policy::default());
    register(&mut state, START, "stock", beating("a")).unwrap();
    run(&mut state, START, 120_000, |step, _| step % 100 == 0);
    assert_eq!((held(&state, "a").status(), state.revision()), (Status::Up, Revision(1)));
}

#[test]
fn an_update_of_one_that_is_down_changes_what_it_will_be() {
    let mut state = State::new(Policy::default());
    register(&mut state, START, "stock", beating("a")).unwrap();
    let now = run(&mut state, START, 16_000, |_, _| false);
    let update = |state: &mut State, spec: InstanceSpec| {
        state.apply(now, Command::Update { service: key("stock"), spec }).unwrap().kind
    };
    assert_eq!(update(&mut state, beating("a")), crate::OutcomeKind::Unchanged);
    let weighty = InstanceSpec { weight: 3.0, status: Status::OutOfService, ..beating("a") };
    update(&mut state, weighty);
    assert_eq!((held(&state, "a").status(), held(&state, "a").weight()), (Status::Down, 3.0));
    let forced = InstanceSpec { overridden: true, ..held(&state, "a").spec() };
    update(&mut state, InstanceSpec { status: Status::Up, ..forced });
    assert_eq!(held(&state, "a").status(), Status::Up, "an operator's word counts more");
    assert!(held(&state, "a").lapsed());
    let freed = InstanceSpec { overridden: false, ..held(&state, "a").spec() };
    update(&mut state, InstanceSpec { status: Status::OutOfService, ..freed });
    let revived = state.revive(now, &key("stock"), Protocol::Nacos, "a").unwrap();
    assert_eq!(revived.status(), Status::OutOfService);
    run(&mut state, now, 31_000, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn those_who_protect_themselves_are_not_held() {
    let mut state = State::new(Policy::default());
    for number in 0..20 {
        register(&mut state, START, "stock", beating(&number.to_string())).unwrap();
    }
    register(&mut state, START, "stock", spec("other")).unwrap();
    let now = run(&mut state, START, 31_000, |_, id| id == "other");
    assert_eq!((left(&state), state.protection(&key("stock"))), (1, None));
    run(&mut state, now, 31_000, |_, _| false);
    assert!(state.is_vacant());
}

#[test]
fn an_instance_of_a_session_has_no_end() {
    let mut state = State::new(Policy::default());
    let bound = InstanceSpec { protocol: Protocol::Nacos, ttl: None, ..spec("a") };
    register(&mut state, START, "stock", bound.clone()).unwrap();
    assert!(register(&mut state, START, "stock", InstanceSpec { ttl: None, ..spec("b") }).is_err());
    let now = run(&mut state, START, 200_000, |_, _| false);
    assert_eq!((left(&state), state.revision()), (1, Revision(1)));
    assert_eq!(state.lease(&key("stock"), Protocol::Nacos, "a"), None);
    // With a lease for a while, as after a restart, and bound again.
    let orphan = InstanceSpec { ttl: Some(TTL), ..bound.clone() };
    register(&mut state, now, "stock", orphan).unwrap();
    register(&mut state, now, "stock", bound).unwrap();
    let now = run(&mut state, now, 200_000, |_, _| false);
    assert_eq!(left(&state), 1);
    let (protocol, id) = (Protocol::Nacos, "a".to_owned());
    state.apply(now, Command::Deregister { service: key("stock"), protocol, id }).unwrap();
    assert!(state.is_vacant());
}

#[test]
fn a_pause_of_the_process_makes_nobody_unhealthy() {
    let policy = Policy { pause: Some(Millis(2_000)), ..Policy::default() };
    let mut state = State::new(policy);
    register(&mut state, START, "stock", beating("a")).unwrap();
    state.tick(START);
    let now = START.plus(Millis(60_000));
    state.tick(now);
    let now = run(&mut state, now, 14_000, |_, _| false);
    assert_eq!(held(&state, "a").status(), Status::Up, "its owner had no chance to renew it");
    run(&mut state, now, 1_500, |_, _| false);
    assert_eq!(held(&state, "a").status(), Status::Down);
}

#[test]
fn time_never_goes_back() {
    let mut state = with(1);
    register(&mut state, Timestamp(0), "stock", spec("late")).unwrap();
    assert_eq!(state.lease(&key("stock"), Protocol::Sdk, "late").unwrap().registered, START);
    state.renew(Timestamp(0), &key("stock"), Protocol::Sdk, "late");
    assert_eq!(state.lease(&key("stock"), Protocol::Sdk, "late").unwrap().renewed, START);
}
