//! Watches give every change once, or a new snapshot.

use std::collections::BTreeSet;
use std::time::Duration;

use rialto_catalog::{Change, Millis, Policy, Revision, Selector};
use rialto_engine::{Engine, WatchBatch};

use crate::support::{deregister, ephemeral, key, memory, put_route, register, route};

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it comes soon")
}

async fn is_quiet(watch: &mut rialto_engine::Watch) -> bool {
    tokio::time::timeout(Duration::from_millis(20), watch.next()).await.is_err()
}

fn bounded(events_max: usize) -> Engine {
    let mut policy = Policy::default();
    policy.limits.events_max = events_max;
    let clock = std::sync::Arc::new(rialto_engine::ManualClock::new(crate::support::START));
    Engine::in_memory_with(policy, clock, rialto_telemetry::Telemetry::new())
}

#[tokio::test]
async fn a_snapshot_then_changes_of_what_is_watched() {
    let (engine, clock) = memory();
    engine.apply(register("a", ephemeral("1"))).unwrap();
    let mut watch = engine.watch(Selector::Service(key("a")), None);
    let WatchBatch::Snapshot(snapshot) = soon(watch.next()).await else { panic!("no snapshot") };
    assert_eq!(snapshot.services[0].instances.len(), 1);
    engine.apply(register("b", ephemeral("1"))).unwrap();
    assert!(is_quiet(&mut watch).await, "another service is not watched");
    engine.apply(register("a", ephemeral("2"))).unwrap();
    clock.advance(Millis(31_000));
    engine.tick();
    let WatchBatch::Changes(events, revision) = soon(watch.next()).await else {
        panic!("no changes")
    };
    assert_eq!(events.len(), 3, "one came, two expired");
    assert!(matches!(events[2].change, Change::Expired { .. }));
    assert_eq!((watch.revision(), revision), (Some(revision), engine.read(|one| one.revision())));
    assert!(is_quiet(&mut watch).await);
}

#[tokio::test]
async fn a_waiting_watcher_is_woken() {
    let (engine, _) = memory();
    let mut watch = engine.watch(Selector::Documents(route("r").kind), Some(Revision(0)));
    let waiting = tokio::spawn(async move { soon(watch.next()).await });
    tokio::task::yield_now().await;
    engine.propose(put_route("r", "{}")).await.unwrap();
    let WatchBatch::Changes(events, _) = waiting.await.unwrap() else { panic!("no changes") };
    assert!(matches!(&events[0].change, Change::DocumentPut { key, .. } if *key == route("r")));
}

#[tokio::test]
async fn resumes_where_it_was_or_starts_anew() {
    let engine = bounded(8);
    for number in 0..4 {
        engine.apply(register("a", ephemeral(&number.to_string()))).unwrap();
    }
    let mut watch = engine.watch(Selector::All, Some(Revision(2)));
    let WatchBatch::Changes(events, _) = soon(watch.next()).await else { panic!("no changes") };
    assert_eq!(events.iter().map(|event| event.revision.0).collect::<Vec<_>>(), [3, 4]);
    for number in 0..20 {
        engine.apply(register("b", ephemeral(&number.to_string()))).unwrap();
    }
    let WatchBatch::Snapshot(snapshot) = soon(watch.next()).await else { panic!("no snapshot") };
    assert_eq!(snapshot.revision, Revision(24));
    let mut ahead = engine.watch(Selector::All, Some(Revision(1_000_000)));
    assert!(matches!(soon(ahead.next()).await, WatchBatch::Snapshot(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_while_everything_changes() {
    const CHANGES: usize = 3_000;
    let engine = bounded(512);
    let mut watches: Vec<_> = (0..4)
        .map(|number| {
            let selector = if number == 0 { Selector::All } else { Selector::Service(key("a")) };
            engine.watch(selector, None)
        })
        .collect();
    let writer = {
        let engine = engine.clone();
        tokio::task::spawn_blocking(move || {
            for number in 0..CHANGES {
                let id = (number % 50).to_string();
                let command = match number % 3 {
                    2 => deregister("a", &((number - 2) % 50).to_string()),
                    _ => register("a", ephemeral(&id)),
                };
                engine.apply(command).unwrap();
            }
            engine.apply(register("a", ephemeral("last"))).unwrap();
        })
    };
    for watch in &mut watches {
        let mut known = BTreeSet::new();
        while !known.contains("last") {
            match soon(watch.next()).await {
                WatchBatch::Snapshot(snapshot) => {
                    let all = snapshot.services.iter().flat_map(|one| one.instances.iter());
                    known = all.map(|one| one.id().to_owned()).collect();
                }
                WatchBatch::Changes(events, _) => {
                    for event in &events {
                        let id = event.change.instance().unwrap().id().to_owned();
                        match event.change {
                            Change::Deregistered { .. } => assert!(known.remove(&id), "{id}"),
                            _ => drop(known.insert(id)),
                        }
                    }
                }
            }
        }
        let truth: BTreeSet<_> = crate::support::ids(&engine, "a").into_iter().collect();
        assert_eq!(known, truth);
    }
    writer.await.unwrap();
}
