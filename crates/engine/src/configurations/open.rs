//! From a data directory to configurations in memory.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::RwLock;
use rialto_configuration::{Policy, State};
use rialto_storage::{MemoryDisk, OpenError, Store, Table, Vault};
use tokio::sync::watch;

use super::record::{self, Restored};
use super::{Configurations, Core, store};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::group::{Group, Locked};

/// Name of the file in the data directory.
const FILE: &str = "configurations.redb";

/// Name of the file with the key that seals secrets.
const KEY_FILE: &str = "secrets.key";

/// Where hashes start in this process.
pub(super) fn seed() -> u64 {
    RandomState::new().hash_one(FILE)
}

pub(super) fn open(engine: &Engine, policy: Policy) -> Result<Configurations, OpenError> {
    let clock = engine.clock();
    let Some(directory) = engine.directory() else {
        let store = Store::open_disk(Arc::new(MemoryDisk::default()), PathBuf::from("memory"))?;
        return start(Locked::new(store, None), Arc::new(Vault::in_memory()), policy, clock);
    };
    let vault = Arc::new(Vault::open(&directory, KEY_FILE)?);
    let store = Store::open_file(&directory, FILE)?;
    start(Locked::new(store, Some(directory)), vault, policy, clock)
}

/// Brings back what a store holds, and starts the thread that writes into it.
pub(super) fn start(
    mut locked: Locked,
    vault: Arc<Vault>,
    policy: Policy,
    clock: Arc<dyn Clock>,
) -> Result<Configurations, OpenError> {
    let state = restore(locked.store(), &vault, policy)?;
    let core = Arc::new(Core {
        revision: watch::Sender::new(state.revision()),
        state: RwLock::new(state),
        clock,
        reader: locked.store().reader(),
        vault,
        observers: RwLock::default(),
        waiting_bytes: AtomicUsize::new(0),
    });
    let storing = Arc::clone(&core);
    let store_all = move |batch| store::store_batch(&storing, locked.store(), batch);
    let group = Arc::new(Group::start("rialto-configs", store_all));
    Ok(Configurations { core, group })
}

fn restore(store: &Store, vault: &Vault, policy: Policy) -> Result<State, OpenError> {
    let mut state = State::new(policy);
    let mut damage = None;
    let tables = [Table::Engine, Table::Configurations, Table::Capacities];
    store.visit_tables(&tables, |stored| {
        match record::read(&stored, vault) {
            Ok(Restored::Formal { id, key, formal }) => state.restore_formal(id, &key, formal),
            Ok(Restored::Gray { id, key, gray }) => state.restore_gray(id, &key, gray),
            Ok(Restored::Capacity { scope, capacity }) => state.restore_capacity(scope, capacity),
            Ok(Restored::Counters(counters)) => state.restore_counters(counters),
            Err(reason) => damage = Some(reason),
        };
    })?;
    match damage {
        None => Ok(state),
        Some(reason) => Err(OpenError::Damaged { path: PathBuf::from(FILE), reason }),
    }
}
