//! A workload whose state after each commit is known.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rialto_storage::fault::FaultDisk;
use rialto_storage::{OpenError, Record, Store, Table, Write};

/// Records by table and key.
pub(crate) type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// The writes of a commit: new records, changed ones, removed ones, small and large.
pub(crate) fn writes(number: u64) -> Vec<Write> {
    let write =
        |table, key: String, value: Option<Vec<u8>>| Write { table, key: key.into_bytes(), value };
    let large = vec![number as u8; 700 * (number as usize % 9)];
    let mut writes = vec![
        write(Table::Services, format!("service-{number}"), Some(b"{}".to_vec())),
        write(Table::Documents, format!("route-{}", number % 4), Some(large)),
        write(Table::Engine, "last".to_owned(), Some(number.to_le_bytes().to_vec())),
    ];
    if number > 3 {
        writes.push(write(Table::Services, format!("service-{}", number - 3), None));
    }
    writes
}

/// What is stored after `count` commits.
pub(crate) fn model(count: u64) -> Model {
    let mut model = Model::new();
    for write in (1..=count).flat_map(writes) {
        match write.value {
            Some(value) => model.insert((write.table, write.key), value),
            None => model.remove(&(write.table, write.key)),
        };
    }
    model
}

pub(crate) fn loaded(store: &Store) -> Model {
    let records = store.load().expect("an open store can be read");
    records.into_iter().map(|Record { table, key, value }| ((table, key), value)).collect()
}

pub(crate) fn open(disk: &FaultDisk) -> Result<Store, OpenError> {
    Store::open_disk(Arc::new(disk.clone()), PathBuf::from("memory"))
}

/// Asserts that a disk holds a whole number of commits, at least `acknowledged`; says how many.
#[track_caller]
pub(crate) fn check_image(image: Vec<u8>, acknowledged: u64, what: &str) -> u64 {
    let store = open(&FaultDisk::with_image(image));
    let store = store.unwrap_or_else(|error| panic!("{what}: {error}: {error:?}"));
    let stored = store.sequence();
    assert!(stored >= acknowledged, "{what}: {stored} stored, {acknowledged} acknowledged");
    assert_eq!(loaded(&store), model(stored), "{what}: it is no prefix");
    stored
}
