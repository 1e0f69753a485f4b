//! Configurations beside the catalog in one data directory: restarts, old directories, kill -9.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rialto_configuration::{
    Capacity, ConfigKey, Content, Labels, Origin, Publish, PublishMeta, Quotas, Scope, Search,
    Target, Text,
};
use rialto_engine::{Configurations, OpenError, ProposeError};

use crate::support::{open, put_route};

/// What the child process of a test is told by.
const CHILD_DIR: &str = "RIALTO_TEST_CONFIGURATIONS_DIR";
const ROUNDS: usize = 5;

fn key(data_id: &str) -> ConfigKey {
    ConfigKey::new("dev", "G", data_id).unwrap()
}

fn publish(data_id: &str, text: &str) -> Publish {
    Publish {
        key: key(data_id),
        content: Content::new(text),
        target: Target::Formal,
        cas: String::new(),
        kind: None,
        meta: PublishMeta { desc: Some("what it is for".to_owned()), ..PublishMeta::default() },
        encrypted_data_key: String::new(),
        secret: None,
        origin: Origin { user: "ann".to_owned(), ip: "10.0.0.1".to_owned() },
    }
}

fn read(configurations: &Configurations, data_id: &str) -> Option<String> {
    let found = configurations.query(&key(data_id).borrow(), &Labels::default());
    found.map(|found| found.content.text().to_owned())
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
    configurations.publish(publish("a", "1")).await.unwrap();
    configurations.publish(publish("cipher-b", "secret")).await.unwrap();
    let beta = Target::Beta { ips: "10.0.0.2".to_owned() };
    configurations.publish(Publish { target: beta, ..publish("a", "beta") }).await.unwrap();
    let scope = Scope::Namespace("dev".to_owned());
    let capacity = Capacity { configs_max: 7, bytes_max: 9 };
    configurations.set_capacity(scope.clone(), Some(capacity)).await.unwrap();
    engine.propose(put_route("shop", "{}")).await.unwrap();
    let before = configurations.entry(&key("a").borrow()).unwrap();
    configurations.close().await;
    engine.close().await;
    drop(engine);
    let closed = configurations.publish(publish("late", "x")).await.unwrap_err();
    assert!(matches!(closed, ProposeError::Unavailable { .. }), "{closed:?}");
    assert_eq!(read(&configurations, "a").as_deref(), Some("1"), "reading goes on");
    assert!(configurations.history(&key("a").borrow(), 1, 10).is_err(), "but not on disk");

    let engine = open(dir.path());
    let again = Configurations::open(&engine, Quotas::default()).unwrap();
    assert_eq!(again.entry(&key("a").borrow()).unwrap(), before);
    assert_eq!(again.by_id(before.id).unwrap(), before);
    assert_eq!(read(&again, "cipher-b").as_deref(), Some("secret"));
    assert_eq!(again.read(|state| state.usage(&scope).capacity), capacity);
    assert_eq!(again.history(&key("a").borrow(), 1, 10).unwrap().total, 2);
    let search =
        Search { namespace: "dev".to_owned(), data_id: Text::blur("*"), ..Search::default() };
    assert_eq!(again.search(&search, 1, 1).total, 2);
}

#[tokio::test]
async fn the_directory_is_locked_until_both_have_ended() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
    engine.close().await;
    drop(engine);
    let taken = crate::support::open_at(dir.path(), crate::support::START).unwrap_err();
    assert!(matches!(taken, OpenError::InUse { .. }), "{taken}");
    configurations.publish(publish("a", "1")).await.unwrap();
    drop(configurations);
    let engine = open(dir.path());
    let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
    assert_eq!(read(&configurations, "a").as_deref(), Some("1"));
}

#[tokio::test]
async fn a_directory_without_configurations_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    engine.propose(put_route("shop", "{}")).await.unwrap();
    engine.close().await;
    drop(engine);
    assert!(!dir.path().join("configurations.redb").exists(), "as an older version leaves it");
    let engine = open(dir.path());
    let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
    assert_eq!(configurations.read(|state| state.total()), 0);
    configurations.publish(publish("a", "1")).await.unwrap();
}

#[tokio::test]
async fn damage_is_reported_and_not_emptied() {
    let dir = tempfile::tempdir().unwrap();
    drop(Configurations::open(&open(dir.path()), Quotas::default()).unwrap());
    let path = dir.path().join("configurations.redb");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..512].fill(0x5a);
    std::fs::write(&path, &bytes).unwrap();
    let error = Configurations::open(&open(dir.path()), Quotas::default()).unwrap_err();
    assert!(error.to_string().contains("configurations.redb is damaged"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap().len(), bytes.len());
}

#[tokio::test]
async fn in_memory_everything_works_and_nothing_stays() {
    let (engine, _) = crate::support::memory();
    let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
    configurations.publish(publish("a", "1")).await.unwrap();
    configurations.publish(publish("a", "2")).await.unwrap();
    assert_eq!(configurations.history(&key("a").borrow(), 1, 10).unwrap().total, 2);
    let other = Configurations::open(&engine, Quotas::default()).unwrap();
    assert_eq!(read(&other, "a"), None);
}

#[test]
fn what_was_answered_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "configurations::publishes_until_killed", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .env("RIALTO_TEST_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut count = 0;
        let mut note = |line: &str| {
            // The last line may be cut off by the kill: then it has no end mark.
            let words = line.strip_prefix("stored ").and_then(|rest| rest.strip_suffix('.'));
            if let Some((data_id, number)) = words.and_then(|words| words.split_once(' ')) {
                answered.insert(data_id.to_owned(), number.to_owned());
                count += 1;
            }
            count
        };
        while let Some(Ok(line)) = lines.next() {
            if note(&line) > 20 + 31 * round {
                break;
            }
        }
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            note(&line);
        }
        child.wait().unwrap();
        assert!(count > 0, "the child got somewhere");
        let engine = open(dir.path());
        let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
        for (data_id, number) in &answered {
            let found = read(&configurations, data_id).unwrap_or_default();
            // One more may have been stored and not answered any more.
            let stored: u64 = found.parse().unwrap_or_default();
            assert!(stored >= number.parse().unwrap(), "{data_id}: {stored} after {number}");
            let history = configurations.history(&key(data_id).borrow(), 1, 1).unwrap();
            assert!(history.total > 0, "{data_id}");
        }
    }
}

/// Does nothing by itself: the child process of the test before this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let round: u64 = std::env::var("RIALTO_TEST_ROUND").unwrap().parse().unwrap();
    let engine = open(Path::new(&dir));
    let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let configurations = configurations.clone();
            tokio::spawn(async move {
                let data_id = format!("{}-{task}", if task % 2 == 0 { "cipher" } else { "plain" });
                for number in 1 + round * 1_000_000.. {
                    configurations.publish(publish(&data_id, &number.to_string())).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    out.write_all(format!("\nstored {data_id} {number}.\n").as_bytes()).unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
