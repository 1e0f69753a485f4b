//! Instances that live by their connection.

use super::*;

const CONNECTION: Owner = Owner::Connection(ONE);

#[test]
fn a_connection_has_one_entry_at_a_service() {
    let lab = Lab::new();
    lab.register(CONNECTION, form(1)).unwrap();
    lab.register(CONNECTION, form(2)).unwrap();
    assert_eq!(lab.ports(), [2], "a second registration replaces the first");
    lab.naming.register_batch(ONE, &gold(), vec![form(3), form(4)]).unwrap();
    assert_eq!(lab.ports(), [3, 4]);
    lab.naming.register_batch(ONE, &gold(), vec![form(4)]).unwrap();
    assert_eq!(lab.ports(), [4], "a list says all that is there");
    lab.register(Owner::Connection(TWO), form(5)).unwrap();
    lab.deregister(CONNECTION, 99);
    assert_eq!(lab.ports(), [5], "whatever the address, the connection's own go");
    lab.deregister(CONNECTION, 99);
    lab.naming.register_batch(TWO, &gold(), vec![]).unwrap();
    assert_eq!(lab.engine.read(|state| state.services_len()), 0);
}

#[test]
fn the_end_of_a_connection_ends_what_it_published() {
    let lab = Lab::new();
    let other = map::key("n", "g", "silver").unwrap();
    lab.register(CONNECTION, form(1)).unwrap();
    lab.naming.register_batch(ONE, &other, vec![form(2), form(3)]).unwrap();
    lab.register(Owner::Connection(TWO), form(4)).unwrap();
    lab.pass(3_600_000);
    assert_eq!(lab.ports(), [1, 4], "no time ends it");
    lab.naming.end(ONE);
    lab.naming.end(ONE);
    assert_eq!(lab.ports(), [4]);
    assert!(lab.naming.instances(&other, "").is_empty());
    let late = lab.register(CONNECTION, form(5)).unwrap_err();
    assert!(late.message.contains("already disconnect"), "{late}");
    assert_eq!(lab.ports(), [4]);
}

#[test]
fn a_late_end_of_the_old_connection_leaves_the_new_ones_alone() {
    let lab = Lab::new();
    lab.register(CONNECTION, form(1)).unwrap();
    lab.register(Owner::Connection(TWO), form(1)).unwrap();
    lab.naming.end(ONE);
    assert_eq!(lab.ports(), [1]);
    lab.naming.end(TWO);
    assert!(lab.ports().is_empty());
}

#[test]
fn what_two_connections_publish_stays_until_both_are_gone() {
    let lab = Lab::new();
    let metadata = vec![pair("of", "one")];
    lab.register(CONNECTION, InstanceForm { metadata, ..form(1) }).unwrap();
    lab.register(Owner::Connection(TWO), form(1)).unwrap();
    assert_eq!(lab.seen()["hosts"][0]["metadata"], serde_json::json!({}));
    lab.naming.end(TWO);
    assert_eq!(lab.seen()["hosts"][0]["metadata"]["of"], "one");
    lab.begin(TWO);
    lab.register(Owner::Connection(TWO), form(1)).unwrap();
    lab.deregister(CONNECTION, 1);
    lab.deregister(Owner::Connection(TWO), 1);
    assert!(lab.ports().is_empty());
}

#[test]
fn a_batch_that_is_refused_changes_nothing() {
    let lab = Lab::new();
    lab.naming.register_batch(ONE, &gold(), vec![form(1)]).unwrap();
    let persistent = InstanceForm { ephemeral: false, ..form(3) };
    let heavy = InstanceForm { weight: 10_001.0, ..form(3) };
    let nowhere = InstanceForm { ip: String::new(), ..form(3) };
    for wrong in [persistent, heavy, nowhere] {
        let forms = vec![form(2), wrong];
        assert_eq!(lab.naming.register_batch(ONE, &gold(), forms).unwrap_err().status, 400);
        assert_eq!(lab.ports(), [1]);
    }
    let many = vec![form(2); rialto_nacos::limits::BATCH_INSTANCES_MAX + 1];
    assert_eq!(lab.naming.register_batch(ONE, &gold(), many).unwrap_err().status, 400);
    assert_eq!(lab.ports(), [1]);
}

#[test]
fn after_a_restart_owners_have_a_while_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let open = |clock: &Arc<ManualClock>| {
        let config = rialto_engine::EngineConfig {
            data_dir: Some(dir.path().to_owned()),
            ..rialto_engine::EngineConfig::default()
        };
        Engine::open(config, Arc::clone(clock) as Arc<_>, Telemetry::new()).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let lab = Lab::over(open(&clock), Arc::clone(&clock));
    lab.naming.register_batch(ONE, &gold(), vec![form(1), form(2)]).unwrap();
    let before = lab.naming.view(&gold(), "", false).last_ref_ms();
    runtime.block_on(lab.engine.close());
    drop(lab);

    // The clock was set back: lists still get later.
    let clock = Arc::new(ManualClock::new(Timestamp(START.0 - 5_000)));
    let lab = Lab::over(open(&clock), clock);
    assert_eq!(lab.ports(), [1, 2], "no list is shorter because the server was away");
    assert!(lab.naming.view(&gold(), "", false).last_ref_ms() > before);
    lab.pass(20_000);
    assert_eq!(lab.ports(), [1, 2]);
    lab.register(CONNECTION, form(1)).unwrap();
    lab.pass(11_000);
    assert_eq!(lab.ports(), [1], "the one whose owner did not come back is gone");
    lab.pass(600_000);
    assert_eq!(lab.ports(), [1]);
    runtime.block_on(lab.engine.close());
}
