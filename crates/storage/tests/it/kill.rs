//! A process that stores is killed at arbitrary moments; what it acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rialto_storage::{Directory, Store};

use crate::support::{loaded, model, writes};

/// What the child process of a test is told by.
const CHILD_DIR: &str = "RIALTO_TEST_STORE_DIR";
const ROUNDS: u64 = 12;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut total = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::stores_until_killed", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The moment is arbitrary relative to what the child does: some acknowledgements, then as
        // many turns of a loop as a stirred number says.
        let acknowledgements = 1 + round * 7 % 23;
        let mut acknowledged = total;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |acknowledged: &mut u64| -> bool {
            let Some(Ok(line)) = lines.next() else { return false };
            if let Some(number) = line.strip_prefix("stored ") {
                *acknowledged = number.parse().unwrap();
            }
            true
        };
        while acknowledged < total + acknowledgements && read(&mut acknowledged) {}
        for _ in 0..(round * 0x9e37 % 0x1_0000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        while read(&mut acknowledged) {}
        child.wait().unwrap();

        let directory = Directory::open(dir.path()).unwrap();
        let store = Store::open(&directory).unwrap();
        let stored = store.sequence();
        assert!(stored >= acknowledged, "{stored} stored, {acknowledged} acknowledged");
        assert!(stored <= acknowledged + 1, "one commit may be under way");
        assert_eq!(loaded(&store), model(stored), "it is no prefix");
        assert!(stored > total, "the child got somewhere");
        total = stored;
    }
}

/// Does nothing by itself: the child process of the test before this one.
#[test]
fn stores_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let directory = Directory::open(Path::new(&dir)).unwrap();
    let mut store = Store::open(&directory).unwrap();
    let mut out = std::io::stdout();
    out.write_all(b"\n").unwrap();
    loop {
        let number = store.commit(&writes(store.sequence() + 1)).unwrap();
        out.write_all(format!("stored {number}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
}
