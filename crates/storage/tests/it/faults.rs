//! A disk that fills up, fails to sync, or cuts a write short.

use rialto_storage::fault::{Fault, FaultDisk};
use rialto_storage::{CommitError, OpenError, Table, Write};

use crate::support::{check_image, loaded, model, open, writes};

/// A commit that needs much room.
fn large() -> Vec<Write> {
    let value = Some(vec![7; 8 << 20]);
    vec![Write { table: Table::Documents, key: b"large".to_vec(), value }]
}

#[test]
fn a_full_disk_refuses_and_later_takes_again() {
    for fault in [Fault::FullAt, Fault::FullWhenWritten] {
        let disk = FaultDisk::default();
        let mut store = open(&disk).unwrap();
        for number in 1..=5 {
            assert_eq!(store.commit(&writes(number)), Ok(number));
        }
        disk.set_fault(fault(disk.durable_image().len() as u64));
        for _ in 0..3 {
            let error = store.commit(&large()).unwrap_err();
            assert_eq!(error, CommitError::DiskFull);
            assert!(error.to_string().contains("free some space"), "{error}");
            assert_eq!(loaded(&store), model(5), "nothing of it is stored");
        }
        assert_eq!(check_image(disk.durable_image(), 5, "full"), 5);
        disk.set_fault(Fault::None);
        assert_eq!(store.commit(&writes(6)), Ok(6));
        assert_eq!(check_image(disk.durable_image(), 6, "free again"), 6);
    }
}

#[test]
fn a_full_disk_cannot_hold_a_new_store() {
    let disk = FaultDisk::default();
    disk.set_fault(Fault::FullAt(100));
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, OpenError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
}

#[test]
fn a_failed_sync_ends_a_store_for_good() {
    let disk = FaultDisk::default();
    let mut store = open(&disk).unwrap();
    for number in 1..=3 {
        assert_eq!(store.commit(&writes(number)), Ok(number));
    }
    disk.set_fault(Fault::SyncOnce);
    let error = store.commit(&writes(4)).unwrap_err();
    assert!(matches!(error, CommitError::Indeterminate { .. }), "{error:?}");
    let before = disk.durable_image();
    for _ in 0..3 {
        let error = store.commit(&writes(4)).unwrap_err();
        assert!(matches!(error, CommitError::Poisoned { .. }), "{error:?}");
        assert!(error.to_string().contains("restart"), "{error}");
    }
    drop(store);
    assert_eq!(disk.durable_image(), before, "it never wrote again");
    check_image(disk.durable_image(), 3, "after a failed sync");
}

#[test]
fn a_write_cut_short_loses_nothing() {
    let disk = FaultDisk::default();
    let mut store = open(&disk).unwrap();
    let (mut stored, mut failed) = (0, 0);
    for cut in 0..40 {
        disk.set_fault(Fault::ShortWriteAfter(cut));
        match store.commit(&writes(stored + 1)) {
            Ok(number) => stored = number,
            Err(CommitError::Failed { .. }) => failed += 1,
            Err(error) => panic!("after {cut} writes: {error:?}"),
        }
        disk.set_fault(Fault::None);
        assert_eq!(loaded(&store), model(stored), "after {cut} writes");
        check_image(disk.durable_image(), stored, &format!("after {cut} writes"));
    }
    assert!(failed > 3 && stored > 3, "{failed} failed, {stored} stored");
}

#[test]
fn garbage_is_reported_and_not_touched() {
    let garbage = vec![0xab; 70_000];
    let disk = FaultDisk::with_image(garbage.clone());
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
    assert_eq!(disk.durable_image(), garbage);
}

#[test]
fn flipped_bits_are_reported_or_harmless() {
    let disk = FaultDisk::default();
    let mut store = open(&disk).unwrap();
    for number in 1..=8 {
        assert_eq!(store.commit(&writes(number)), Ok(number));
    }
    drop(store);
    let image = disk.durable_image();
    let (mut reported, mut harmless) = (0, 0);
    for place in (0..image.len()).step_by(image.len() / 300) {
        let mut flipped = image.clone();
        flipped[place] ^= 0x10;
        match open(&FaultDisk::with_image(flipped)) {
            Ok(store) => {
                assert_eq!(loaded(&store), model(store.sequence()), "flipped at {place}");
                harmless += 1;
            }
            Err(OpenError::Damaged { .. }) => reported += 1,
            Err(error) => panic!("flipped at {place}: {error:?}"),
        }
    }
    assert!(harmless > 0 && reported > 0, "{harmless} harmless, {reported} reported");
}
