//! Every crash point of a workload: the disk is rebuilt as a loss of power would have left it, and
//! opened again.

use rialto_storage::fault::{FaultDisk, Operation};

use crate::support::{check_image, open, writes};

const COMMITS: u64 = 14;

/// Which of the operations since the last sync reached the disk.
#[derive(Debug, Clone, Copy)]
enum Survivors {
    None,
    All,
    AllLastTorn,
    OnlyLast,
    AllButFirst,
    Every(u64),
}

impl Survivors {
    const KINDS: [Self; 9] = [
        Self::None,
        Self::All,
        Self::AllLastTorn,
        Self::OnlyLast,
        Self::AllButFirst,
        Self::Every(0x5555_5555_5555_5555),
        Self::Every(0x9249_2492_4924_9249),
        Self::Every(0x0f0f_3c3c_a5a5_6996),
        Self::Every(0xf7fd_bfef_dffb_7fbe),
    ];

    fn keep(self, index: usize, count: usize) -> bool {
        match self {
            Self::None => false,
            Self::All | Self::AllLastTorn => true,
            Self::OnlyLast => index + 1 == count,
            Self::AllButFirst => index > 0,
            Self::Every(mask) => mask >> (index % 64) & 1 == 1,
        }
    }
}

#[test]
fn every_crash_point_leaves_all_that_was_acknowledged() {
    let disk = FaultDisk::default();
    let mut store = open(&disk).unwrap();
    let start = disk.durable_image();
    disk.record();
    for number in 1..=COMMITS {
        assert_eq!(store.commit(&writes(number)), Ok(number));
        disk.acknowledge(number);
    }
    drop(store);
    let operations = disk.operations();
    let syncs = operations.iter().filter(|one| **one == Operation::Sync).count() as u64;
    assert!(syncs >= COMMITS, "each commit is made durable");

    let (mut durable, mut pending, mut acknowledged) = (start, Vec::new(), 0);
    let mut reached = 0;
    for (point, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Sync => {
                pending.drain(..).for_each(|one: &Operation| one.replay(&mut durable, false));
            }
            Operation::Acknowledge(number) => acknowledged = *number,
            operation => pending.push(operation),
        }
        for survivors in Survivors::KINDS {
            let image = crash(&durable, &pending, survivors);
            let what = format!("crash after operation {point}, {survivors:?} of {}", pending.len());
            reached = reached.max(check_image(image, acknowledged, &what));
        }
    }
    assert_eq!((acknowledged, reached), (COMMITS, COMMITS));
}

fn crash(durable: &[u8], pending: &[&Operation], survivors: Survivors) -> Vec<u8> {
    let mut image = durable.to_vec();
    for (index, operation) in pending.iter().enumerate() {
        let last = index + 1 == pending.len();
        if survivors.keep(index, pending.len()) {
            operation.replay(&mut image, last && matches!(survivors, Survivors::AllLastTorn));
        }
    }
    image
}
