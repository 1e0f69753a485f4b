//! Ephemeral changes and renewals.

use rialto_catalog::{Command, InstanceSpec, OutcomeKind, Protocol, Refused, Status};
use rialto_engine::Renewal;

use crate::support::{agreed, deregister, ephemeral, ids, key, memory, put_route, register};

#[test]
fn reads_decides_and_applies_as_one_step() {
    let (engine, _) = memory();
    let first = engine.own(|state, now| {
        let new = state.service(&key("stock")).is_none();
        (new.then(|| register("stock", ephemeral("a"))), (new, now))
    });
    assert_eq!(first, Ok((true, engine.now())));
    let second = engine.own(|state, _| {
        let held = state.instance(&key("stock"), Protocol::Sdk, "a").unwrap().spec();
        let spec = InstanceSpec { status: Status::Down, ..held };
        ([Command::Update { service: key("stock"), spec }, deregister("none", "b")], ())
    });
    assert_eq!(second, Ok(()));
    let status = engine.read(|state| {
        state.snapshot(&rialto_catalog::Selector::All).services[0].instances[0].status()
    });
    assert_eq!(status, Status::Down);
}

#[test]
fn agreed_records_cannot_be_owned() {
    let (engine, _) = memory();
    for command in [register("a", agreed("1")), put_route("r", "{}")] {
        let refused = engine.apply(command).unwrap_err();
        assert!(refused.to_string().contains("propose the change"), "{refused}");
    }
    let both = [register("a", ephemeral("1")), put_route("r", "{}")];
    let refused = engine.own(|_, _| (both, ()));
    assert!(matches!(refused, Err(Refused::NeedsAgreement { .. })));
    assert!(ids(&engine, "a").is_empty(), "none is carried out");
}

#[test]
fn agreed_instances_are_not_changed_without_agreement() {
    let (engine, _) = memory();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(engine.propose(register("a", agreed("1")))).unwrap();
    for command in [deregister("a", "1"), Command::Update { service: key("a"), spec: agreed("1") }]
    {
        assert!(matches!(engine.apply(command), Err(Refused::NeedsAgreement { .. })));
    }
    assert!(engine.apply(register("a", ephemeral("1"))).is_err());
    let gone = runtime.block_on(engine.propose(deregister("a", "1"))).unwrap();
    assert_eq!(gone.kind, OutcomeKind::Removed);
}

#[test]
fn renewals() {
    let (engine, clock) = memory();
    assert!(matches!(engine.renew(&key("stock"), Protocol::Sdk, "a"), Renewal::Unknown));
    engine.apply(register("stock", ephemeral("a"))).unwrap();
    for _ in 0..5 {
        clock.advance(rialto_catalog::Millis(20_000));
        let renewal = engine.renew(&key("stock"), Protocol::Sdk, "a");
        assert!(matches!(renewal, Renewal::Renewed(one) if one.id() == "a"));
        engine.tick();
    }
    assert!(matches!(engine.renew(&key("stock"), Protocol::Eureka, "a"), Renewal::Unknown));
    clock.advance(rialto_catalog::Millis(31_000));
    engine.tick();
    assert!(matches!(engine.renew(&key("stock"), Protocol::Sdk, "a"), Renewal::Unknown));
}
