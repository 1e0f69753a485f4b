//! Agreed records are there after a restart, ephemeral ones too for as long as a lease.

use std::time::Duration;

use rialto_catalog::{Command, Millis, OutcomeKind, Protocol, Revision, Selector, Timestamp};
use rialto_engine::{OpenError, ProposeError, WatchBatch};

use crate::support::{
    START, TTL, agreed, deregister, ephemeral, ids, key, open, open_at, put_route, register, route,
};

#[tokio::test]
async fn what_was_agreed_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let metadata = vec![("owner".to_owned(), "team".to_owned())];
    let commands = [
        Command::PutService { service: key("stock"), metadata },
        register("stock", agreed("1")),
        register("stock", agreed("2")),
        put_route("shop", "{\"id\":\"shop\"}"),
        put_route("gone", "{}"),
        Command::RemoveDocument { key: route("gone") },
        deregister("stock", "2"),
    ];
    for command in commands {
        let outcome = engine.propose(command).await.unwrap();
        assert_ne!(outcome.kind, OutcomeKind::Unchanged);
        assert_eq!(outcome.revision, engine.read(|state| state.revision()));
    }
    drop(engine);
    let engine = open(dir.path());
    assert_eq!(ids(&engine, "stock"), ["1"]);
    engine.read(|state| {
        assert_eq!(state.service(&key("stock")).unwrap().metadata()[0].1, "team");
        assert_eq!(&state.document(&route("shop")).unwrap().body[..], b"{\"id\":\"shop\"}");
        assert_eq!(state.document(&route("gone")), None);
    });
    let revision = engine.read(|state| state.revision());
    engine.propose(deregister("stock", "1")).await.unwrap();
    let refused = engine.propose(Command::RemoveDocument { key: route("gone") }).await.unwrap();
    assert_eq!((refused.kind, refused.revision), (OutcomeKind::Unchanged, revision.next()));
    engine.close().await;
    let closed = engine.propose(put_route("late", "{}")).await.unwrap_err();
    assert!(matches!(closed, ProposeError::Unavailable { .. }), "{closed:?}");
}

#[tokio::test]
async fn ephemeral_instances_return_with_a_fresh_lease() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    for id in ["stays", "leaves", "returns"] {
        engine.apply(register("stock", ephemeral(id))).unwrap();
    }
    engine.save();
    engine.apply(deregister("stock", "leaves")).unwrap();
    engine.apply(deregister("stock", "returns")).unwrap();
    engine.apply(register("stock", ephemeral("returns"))).unwrap();
    engine.save();
    engine.apply(register("stock", ephemeral("new"))).unwrap();
    engine.close().await;
    drop(engine);

    let later = START.plus(Millis(3_600_000));
    let (engine, clock) = open_at(dir.path(), later).unwrap();
    assert_eq!(ids(&engine, "stock"), ["new", "returns", "stays"]);
    let lease = engine.read(|state| state.lease(&key("stock"), Protocol::Sdk, "stays")).unwrap();
    assert_eq!((lease.renewed, lease.expires), (later, later.plus(TTL)));
    engine.tick();
    clock.advance(Millis(1_000));
    engine.tick();
    for _ in 0..40 {
        clock.advance(Millis(1_000));
        engine.tick();
    }
    assert!(ids(&engine, "stock").is_empty(), "nobody renewed them");
    engine.close().await;
    drop(engine);
    assert!(ids(&open(dir.path()), "stock").is_empty());
}

#[tokio::test]
async fn a_mass_of_changes_between_saves_is_saved_whole() {
    let dir = tempfile::tempdir().unwrap();
    let config = |clock: std::sync::Arc<rialto_engine::ManualClock>| {
        let mut policy = rialto_catalog::Policy::default();
        policy.limits.events_max = 10;
        let data_dir = Some(dir.path().to_owned());
        let config = rialto_engine::EngineConfig { data_dir, policy };
        rialto_engine::Engine::open(config, clock, rialto_telemetry::Telemetry::new()).unwrap()
    };
    let clock = std::sync::Arc::new(rialto_engine::ManualClock::new(START));
    let engine = config(clock.clone());
    engine.apply(register("stock", ephemeral("early"))).unwrap();
    engine.save();
    engine.apply(deregister("stock", "early")).unwrap();
    for number in 0..30 {
        engine.apply(register("stock", ephemeral(&format!("{number:02}")))).unwrap();
    }
    engine.close().await;
    drop(engine);
    assert_eq!(ids(&config(clock), "stock").len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_proposals_share_commits() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let start = std::time::Instant::now();
    let tasks: Vec<_> = (0..2_000)
        .map(|number| {
            let engine = engine.clone();
            tokio::spawn(
                async move { engine.propose(put_route(&format!("r{number}"), "{}")).await },
            )
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    // One sync for each would take far longer on any disk that has to be waited for.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    engine.close().await;
    drop(engine);
    let engine = open(dir.path());
    assert_eq!(engine.read(|state| state.documents(route("r").kind).count()), 2_000);
}

#[tokio::test]
async fn refused_proposals_store_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    engine.apply(register("stock", ephemeral("1"))).unwrap();
    engine.propose(Command::PutService { service: key("stock"), metadata: vec![] }).await.unwrap();
    let refused = engine.propose(Command::RemoveService { service: key("stock") }).await;
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("deregister them first"), "{refused}");
    assert!(engine.propose(register("stock", agreed("1"))).await.is_err());
    let outcome = engine.propose(deregister("stock", "1")).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Removed, "ephemeral ones may be proposed too");
    engine.close().await;
    drop(engine);
    let engine = open(dir.path());
    assert!(engine.read(|state| state.service(&key("stock")).unwrap().is_agreed()));
}

#[tokio::test]
async fn revisions_go_on_and_watchers_of_the_last_run_start_anew() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    engine.propose(put_route("a", "{}")).await.unwrap();
    let before = engine.read(|state| state.revision());
    drop(engine);
    for now in [START, Timestamp(START.0 - 86_400_000), START.plus(Millis(5_000))] {
        let (engine, _) = open_at(dir.path(), now).unwrap();
        assert!(engine.read(|state| state.revision()) > before);
        for after in [before, Revision(0)] {
            let mut watch = engine.watch(Selector::All, Some(after));
            assert!(matches!(watch.poll(), Some(WatchBatch::Snapshot(_))));
        }
    }
}

#[test]
fn a_directory_has_one_engine() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let error = open_at(dir.path(), START).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(engine);
    open(dir.path());
}

#[test]
fn a_record_that_makes_no_sense_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    {
        let directory = rialto_storage::Directory::open(dir.path()).unwrap();
        let mut store = rialto_storage::Store::open(&directory).unwrap();
        let (table, key) = (rialto_storage::Table::Services, b"odd".to_vec());
        store.commit(&[rialto_storage::Write { table, key, value: Some(vec![1]) }]).unwrap();
    }
    let error = open_at(dir.path(), START).unwrap_err().to_string();
    assert!(error.contains("is damaged: the record \"odd\" cannot be read"), "{error}");
}
