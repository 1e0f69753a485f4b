//! A data directory belongs to one process and one version.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rialto_storage::{Directory, FORMAT, OpenError, Store, Table, Warm, Write};

use crate::support::{loaded, model, writes};

/// What the child process of a test is told by.
const CHILD_DIR: &str = "RIALTO_TEST_HOLD_DIR";

#[track_caller]
fn refused(dir: &Path, words: &str) -> OpenError {
    let error = Directory::open(dir).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    error
}

fn warm_write(value: &[u8]) -> Write {
    Write { table: Table::Instances, key: b"key".to_vec(), value: Some(value.to_vec()) }
}

#[test]
fn records_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        let directory = Directory::open(&dir.path().join("made/on/demand")).unwrap();
        let mut store = Store::open(&directory).unwrap();
        assert_eq!(store.commit(&writes(number)), Ok(number));
        assert_eq!(loaded(&store), model(number));
    }
}

#[test]
fn a_store_that_was_never_finished_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).unwrap();
    fs::write(dir.path().join("catalog.redb.new"), [7; 5_000]).unwrap();
    fs::write(dir.path().join("format.new"), "rial").unwrap();
    let mut store = Store::open(&directory).unwrap();
    assert_eq!(store.commit(&writes(1)), Ok(1));
    assert!(!dir.path().join("catalog.redb.new").exists());
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "directory::holds_a_directory_for_another_test", "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("held")));
    let error = refused(dir.path(), "in use by another process; stop that process");
    assert!(matches!(error, OpenError::InUse { .. }));
    child.kill().unwrap();
    child.wait().unwrap();
    Directory::open(dir.path()).expect("the system gave it free");
}

/// Does nothing by itself: the child process of the test before this one.
#[test]
fn holds_a_directory_for_another_test() {
    use std::io::{Read, Write};
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let _directory = Directory::open(Path::new(&dir)).unwrap();
    std::io::stdout().write_all(b"\nheld\n").unwrap();
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn other_versions_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    drop(Directory::open(dir.path()).unwrap());
    let format = dir.path().join("format");
    assert_eq!(fs::read_to_string(&format).unwrap(), format!("{FORMAT}\n"));
    fs::write(&format, "rialto 2\n").unwrap();
    refused(dir.path(), "has format \"rialto 2\", and this version reads format \"rialto 1\"");
    fs::write(&format, [b'x'; 1_000]).unwrap();
    let error = refused(dir.path(), "choose another directory");
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn what_is_unreadable_or_damaged_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&file, "cannot be read and written");
    assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");

    let data = dir.path().join("data");
    let directory = Directory::open(&data).unwrap();
    drop(Store::open(&directory).unwrap());
    let path = data.join("catalog.redb");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..64].fill(0x55);
    fs::write(&path, &bytes).unwrap();
    let error = Store::open(&directory).unwrap_err();
    assert!(error.to_string().contains("catalog.redb is damaged"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "it is left as it was");
    drop(directory);
    fs::remove_file(data.join("format")).unwrap();
    refused(&data, "the file 'format' beside it is missing");
}

fn warm(directory: &Directory) -> (Warm, usize) {
    let mut count = 0;
    let warm = Warm::open(directory, |_| count += 1);
    (warm, count)
}

#[test]
fn warm_records_come_back_and_damaged_ones_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(dir.path()).unwrap();
    let (mut first, count) = warm(&directory);
    assert_eq!(count, 0);
    first.save(&[warm_write(b"1")]).unwrap();
    drop(first);
    let (mut second, count) = warm(&directory);
    assert_eq!(count, 1);
    second.clear().unwrap();
    drop(second);
    assert_eq!(warm(&directory).1, 0);
    fs::write(dir.path().join("warm.redb"), [1; 10_000]).unwrap();
    let (mut third, count) = warm(&directory);
    assert_eq!(count, 0);
    third.save(&[warm_write(b"2")]).unwrap();
    drop(third);
    assert_eq!(warm(&directory).1, 1);
}
