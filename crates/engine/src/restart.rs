//! What is there after a restart: agreed records because they were promised, ephemeral ones so that
//! the first answers are not empty.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rialto_catalog::{
    Change, Command, Instance, Policy, Promise, Protocol, Revision, ServiceKey, State, Timestamp,
};
use rialto_storage::{CommitError, Directory, OpenError, Record, Store, Table, Warm, Write};

use crate::core::Core;
use crate::limits::SAVE_PORTION;
use crate::record::{command_of, put_instance, remove_instance};

/// Where the engine remembers the revision that it began with.
const REVISION_KEY: &[u8] = b"revision";

/// Revisions begin with the time in milliseconds times this, so that those of different runs differ
/// even when nothing is stored. A catalog would have to change a thousand times a millisecond, for
/// as long as it runs, to catch up.
const REVISIONS_PER_MS: u64 = 1_000;

/// Revisions that one run may use when the clock was set back between two runs.
const REVISIONS_PER_RUN: u64 = 1_000_000_000;

/// What was found in a data directory.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) state: State,
    pub(crate) store: Store,
    pub(crate) directory: Arc<Directory>,
    pub(crate) saver: Saver,
}

/// Saves ephemeral instances for the next start.
#[derive(Debug)]
pub(crate) struct Saver {
    inner: Mutex<Saving>,
}

#[derive(Debug)]
struct Saving {
    /// Absent once closed.
    warm: Option<Warm>,
    /// Changes up to here are saved.
    saved: Revision,
    /// Keeps the directory locked as long as something in it may be written.
    _directory: Arc<Directory>,
}

/// The first revision of a run, when nothing is known of earlier ones.
pub(crate) const fn first_revision(now: Timestamp) -> Revision {
    Revision(now.0.saturating_mul(REVISIONS_PER_MS))
}

/// Opens a data directory and brings back what is in it.
pub(crate) fn restore(
    path: &Path,
    mut policy: Policy,
    now: Timestamp,
) -> Result<Restored, OpenError> {
    let directory = Arc::new(Directory::open(path)?);
    let mut store = Store::open(&directory)?;
    let records = store.load()?;
    policy.revision_start = start_revision(&records, now);
    remember(&mut store, path, policy.revision_start)?;
    let mut state = State::new(policy);
    for record in records.iter().filter(|record| record.table != Table::Engine) {
        bring_back(&mut state, now, record)
            .map_err(|reason| OpenError::Damaged { path: path.to_owned(), reason })?;
    }
    let warm = Warm::open(&directory, |record| {
        if let Err(reason) = bring_back(&mut state, now, &record) {
            tracing::warn!(reason, "an instance of the last run is forgotten");
        }
    });
    let saving =
        Saving { warm: Some(warm), saved: state.revision(), _directory: Arc::clone(&directory) };
    Ok(Restored { state, store, directory, saver: Saver { inner: Mutex::new(saving) } })
}

impl Saver {
    /// Saves what changed since the last time.
    pub(crate) fn save(&self, core: &Core) {
        let mut saving = self.inner.lock();
        let Saving { warm: Some(warm), saved, .. } = &mut *saving else { return };
        let (touched, upto) = core.read(|state| (touched(state, *saved), state.revision()));
        let Some(touched) = touched else {
            note(save_all(warm, core));
            *saved = upto;
            return;
        };
        let writes: Vec<Write> = touched
            .into_iter()
            .map(|((service, ..), (instance, there))| match there {
                true => put_instance(&service, &instance.spec()),
                false => remove_instance(&service, &instance),
            })
            .collect();
        if !writes.is_empty() {
            note(warm.save(&writes));
        }
        *saved = upto;
    }

    /// Saves for the last time.
    pub(crate) fn close(&self, core: &Core) {
        self.save(core);
        self.inner.lock().warm = None;
    }
}

type Touched = BTreeMap<(ServiceKey, Protocol, String), (Arc<Instance>, bool)>;

/// The ephemeral instances that changed after a revision, with whether they are still there; `None`
/// when that is no longer known.
fn touched(state: &State, after: Revision) -> Option<Touched> {
    let mut events = state.events_after(after).peekable();
    if events.peek().is_some_and(|event| event.revision != after.next()) {
        return None;
    }
    let mut touched = Touched::new();
    for event in events {
        let (Some(service), Some(instance)) = (event.change.service(), event.change.instance())
        else {
            continue;
        };
        if instance.promise() == Promise::Ephemeral {
            let gone = matches!(event.change, Change::Deregistered { .. } | Change::Expired { .. });
            let key = (service.clone(), instance.protocol(), instance.id().to_owned());
            touched.insert(key, (Arc::clone(instance), !gone));
        }
    }
    Some(touched)
}

/// Saves everything anew, in portions so that a million instances need no room twice.
fn save_all(warm: &mut Warm, core: &Core) -> Result<(), CommitError> {
    warm.clear()?;
    for portion in core.read(all_ephemeral).chunks(SAVE_PORTION) {
        let writes: Vec<_> =
            portion.iter().map(|(key, one)| put_instance(key, &one.spec())).collect();
        warm.save(&writes)?;
    }
    Ok(())
}

fn all_ephemeral(state: &State) -> Vec<(ServiceKey, Arc<Instance>)> {
    let mut all = Vec::with_capacity(state.instances_len());
    for service in state.services() {
        let ephemeral = |one: &&Arc<Instance>| one.promise() == Promise::Ephemeral;
        let instances = service.instances().iter().filter(ephemeral);
        all.extend(instances.map(|one| (service.key().clone(), Arc::clone(one))));
    }
    all
}

fn bring_back(state: &mut State, now: Timestamp, record: &Record) -> Result<(), String> {
    let command = command_of(record).ok_or_else(|| {
        format!("the record {:?} cannot be read", String::from_utf8_lossy(&record.key))
    })?;
    if let Command::Register { service, spec } = &command
        && spec.promise == Promise::Ephemeral
        && state.instance(service, spec.protocol, &spec.id).is_some()
    {
        return Err(format!("instance {:?} of service {service} is agreed now", spec.id));
    }
    state.apply(now, command).map(|_| ()).map_err(|refused| refused.to_string())
}

fn start_revision(records: &[Record], now: Timestamp) -> Revision {
    let last = records
        .iter()
        .find(|record| record.table == Table::Engine && record.key == REVISION_KEY)
        .and_then(|record| Some(u64::from_le_bytes(record.value.as_slice().try_into().ok()?)))
        .map_or(0, |last| last.saturating_add(REVISIONS_PER_RUN));
    first_revision(now).max(Revision(last))
}

fn remember(store: &mut Store, path: &Path, revision: Revision) -> Result<(), OpenError> {
    let value = Some(revision.0.to_le_bytes().to_vec());
    let write = Write { table: Table::Engine, key: REVISION_KEY.to_vec(), value };
    match store.commit(&[write]) {
        Ok(_) => Ok(()),
        Err(CommitError::DiskFull) => Err(OpenError::DiskFull { path: path.to_owned() }),
        Err(error) => Err(OpenError::Unreadable {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        }),
    }
}

fn note(result: Result<(), CommitError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "instances are no longer saved for the next start");
    }
}
