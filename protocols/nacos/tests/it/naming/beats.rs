//! Instances that live by their beats.

use rialto_nacos::naming::BeatForm;

use super::*;

fn beat(lab: &Lab, port: u16, instance: Option<InstanceForm>) -> (u32, u64) {
    let (ip, cluster) = ("10.0.0.1".to_owned(), String::new());
    let form = BeatForm { key: gold(), ip, port, cluster, instance };
    let answer = lab.naming.beat(form).unwrap();
    assert!(answer.light_beat_enabled);
    (answer.code, answer.client_beat_interval)
}

#[test]
fn without_beats_unhealthy_after_15_s_and_gone_after_30() {
    let lab = Lab::new();
    for port in 1..10 {
        lab.register(Owner::Beat, form(port)).unwrap();
    }
    lab.naming.subscribe(ONE, &gold(), "").unwrap();
    lab.pass(14_900);
    lab.taken(Outcome::Acked);
    assert_eq!(lab.ports(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    lab.pass(300);
    assert_eq!(lab.ports(), [-1, -2, -3, -4, -5, -6, -7, -8, -9]);
    assert_eq!(lab.taken(Outcome::Acked).len(), 1, "all of them in one push");
    assert_eq!(beat(&lab, 2, None), (10_200, 5_000));
    assert_eq!(lab.ports()[1], 2, "a beat says that it works");
    lab.pass(100);
    assert_eq!(lab.taken(Outcome::Acked).len(), 1);
    lab.pass(15_000);
    assert_eq!(lab.ports(), [-2], "none is held back, however many go at once");
    assert_eq!(beat(&lab, 3, None), (20_404, 5_000));
    lab.pass(15_000);
    assert!(lab.ports().is_empty());
}

#[test]
fn beats_keep_it_and_cost_no_change() {
    let lab = Lab::new();
    lab.register(Owner::Beat, form(1)).unwrap();
    lab.naming.subscribe(ONE, &gold(), "").unwrap();
    lab.pass(100);
    lab.taken(Outcome::Acked);
    let revision = lab.engine.read(|state| state.revision());
    for _ in 0..24 {
        lab.pass(5_000);
        assert_eq!(beat(&lab, 1, None).0, 10_200);
    }
    assert_eq!(lab.ports(), [1]);
    assert_eq!(lab.engine.read(|state| state.revision()), revision);
    assert!(lab.taken(Outcome::Acked).is_empty());
}

#[test]
fn a_full_beat_registers_what_is_unknown() {
    let lab = Lab::new();
    assert_eq!(beat(&lab, 1, None), (20_404, 5_000));
    let metadata = vec![pair("preserved.heart.beat.interval", "1000")];
    let full = InstanceForm { metadata, ..form(1) };
    assert_eq!(beat(&lab, 1, Some(full)), (10_200, 1_000));
    assert_eq!(beat(&lab, 1, None), (10_200, 1_000), "its metadata says how often");
    assert_eq!(lab.ports(), [1]);
}

#[test]
fn metadata_decides_when_it_goes() {
    let lab = Lab::new();
    let metadata = vec![
        pair("preserved.heart.beat.interval", "1000"),
        pair("preserved.heart.beat.timeout", "3000"),
        pair("preserved.ip.delete.timeout", "6000"),
    ];
    lab.register(Owner::Beat, InstanceForm { metadata, ..form(1) }).unwrap();
    let host = &lab.seen()["hosts"][0];
    let times = ["instanceHeartBeatInterval", "instanceHeartBeatTimeOut", "ipDeleteTimeout"]
        .map(|name| host[name].as_u64().unwrap());
    assert_eq!(times, [1_000, 3_000, 6_000]);
    lab.pass(2_900);
    assert_eq!(lab.ports(), [1]);
    lab.pass(200);
    assert_eq!(lab.ports(), [-1]);
    lab.pass(3_000);
    assert!(lab.ports().is_empty());
}

#[test]
fn one_that_says_that_it_is_ill_is_well_after_a_beat() {
    let lab = Lab::new();
    lab.register(Owner::Beat, InstanceForm { healthy: false, ..form(1) }).unwrap();
    assert_eq!(lab.ports(), [-1]);
    beat(&lab, 1, None);
    assert_eq!(lab.ports(), [1]);
}

#[test]
fn beats_are_for_their_own_kind() {
    let lab = Lab::new();
    lab.register(Owner::Connection(ONE), form(1)).unwrap();
    assert_eq!(beat(&lab, 1, None).0, 20_404, "a connection's instance is none that beats");
    lab.deregister(Owner::Beat, 1);
    assert_eq!(lab.ports(), [1]);
    lab.register(Owner::Beat, form(2)).unwrap();
    lab.deregister(Owner::Beat, 3);
    lab.deregister(Owner::Beat, 2);
    assert_eq!(lab.ports(), [1]);
}

#[test]
fn one_that_wants_no_traffic_is_not_listed_whatever_it_beats() {
    let lab = Lab::new();
    lab.register(Owner::Beat, InstanceForm { enabled: false, ..form(1) }).unwrap();
    assert!(lab.ports().is_empty());
    lab.pass(15_100);
    beat(&lab, 1, None);
    assert!(lab.ports().is_empty());
    assert_eq!(lab.naming.instances(&gold(), "").len(), 1);
}
