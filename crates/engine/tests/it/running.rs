//! The engine's own loop, and what it tells the event log.

use std::sync::Arc;
use std::time::Duration;

use rialto_catalog::{Command, InstanceSpec, Millis, Promise, Status};
use rialto_engine::{Engine, SystemClock};
use rialto_telemetry::Telemetry;

use crate::support::{deregister, ephemeral, ids, key, memory, put_route, register};

#[tokio::test]
async fn leases_run_out_while_it_runs() {
    let engine = Engine::in_memory(Arc::new(SystemClock::new()), Telemetry::new());
    let short = InstanceSpec { ttl: Some(Millis(300)), ..ephemeral("a") };
    engine.apply(register("stock", short)).unwrap();
    let mut watch = engine.watch(rialto_catalog::Selector::All, None);
    watch.next().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let engine = engine.clone();
        tokio::spawn(async move {
            engine.run(async { drop(stopped.await) }).await;
        })
    };
    tokio::time::timeout(Duration::from_secs(10), watch.next()).await.expect("it expires");
    assert!(ids(&engine, "stock").is_empty());
    drop(stop);
    tokio::time::timeout(Duration::from_secs(10), running).await.expect("it stops").unwrap();
    engine.close().await;
}

#[tokio::test]
async fn the_event_log_hears_of_it() {
    let clock = Arc::new(rialto_engine::ManualClock::new(crate::support::START));
    let telemetry = Telemetry::new();
    let engine = Engine::in_memory(clock.clone(), telemetry.clone());
    engine.apply(register("stock", ephemeral("a"))).unwrap();
    engine.apply(register("stock", ephemeral("b"))).unwrap();
    let spec = InstanceSpec { status: Status::OutOfService, overridden: true, ..ephemeral("a") };
    engine.apply(Command::Update { service: key("stock"), spec }).unwrap();
    engine.apply(deregister("stock", "a")).unwrap();
    engine.propose(put_route("shop", "{}")).await.unwrap();
    let agreed = InstanceSpec { promise: Promise::Agreed, ttl: None, ..ephemeral("c") };
    engine.propose(register("stock", agreed)).await.unwrap();
    clock.advance(Millis(31_000));
    engine.tick();
    engine.tick();
    let told: Vec<_> = telemetry
        .events()
        .recent(100, None)
        .iter()
        .map(|event| format!("{} {}: {}", event.kind, event.subject, event.detail))
        .collect();
    let expected = [
        "registered stock/a: up at 10.0.0.1:8080 by sdk",
        "registered stock/b: up at 10.0.0.1:8080 by sdk",
        "status_changed stock/a: up to out_of_service, by an override",
        "deregistered stock/a: out_of_service at 10.0.0.1:8080 by sdk",
        "registered stock/c: up at 10.0.0.1:8080 by sdk",
        "expired stock/b: no renewal within its lease of 30 s",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for line in expected {
        assert!(told.iter().any(|one| one == line), "{line} is not in {told:?}");
    }
}

#[test]
fn protection_is_told_with_its_reason() {
    let (engine, clock) = memory();
    for number in 0..10 {
        engine.apply(register("stock", ephemeral(&number.to_string()))).unwrap();
    }
    clock.advance(Millis(31_000));
    engine.tick();
    let protection = engine.read(|state| state.protection(&key("stock")).cloned()).unwrap();
    assert!(protection.reason.contains("3 of 10 leases ran out"), "{protection:?}");
    assert_eq!(ids(&engine, "stock").len(), 8);
}
