//! A process whose engine answers proposals is killed; what it answered is there.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{open, put_route, route};

/// What the child process of a test is told by.
const CHILD_DIR: &str = "RIALTO_TEST_ENGINE_DIR";
const ROUNDS: usize = 6;

#[test]
fn what_was_answered_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::answers_until_killed", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .env("RIALTO_TEST_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut count = 0;
        while count < 20 + 37 * round {
            let Some(Ok(line)) = lines.next() else { break };
            if let Some(name) = line.strip_prefix("stored ") {
                answered.insert(name.to_owned());
                count += 1;
            }
        }
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            // The last line may be cut off by the kill: then it has no end mark.
            if let Some(name) = line.strip_prefix("stored ").filter(|name| name.ends_with('.')) {
                answered.insert(name.to_owned());
            }
        }
        child.wait().unwrap();
        assert!(count > 0, "the child got somewhere");
        let engine = open(dir.path());
        engine.read(|state| {
            for name in &answered {
                assert!(state.document(&route(name)).is_some(), "{name} was lost");
            }
        });
    }
}

/// Does nothing by itself: the child process of the test before this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let round = std::env::var("RIALTO_TEST_ROUND").unwrap();
    let engine = open(Path::new(&dir));
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (engine, round) = (engine.clone(), round.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let name = format!("{round}-{task}-{number}.");
                    engine.propose(put_route(&name, "{}")).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    out.write_all(format!("\nstored {name}\n").as_bytes()).unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
