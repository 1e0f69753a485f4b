//! Configurations of a node: what is published in memory behind a lock, made durable in a file of
//! its own by group commit, with history on disk only.
//!
//! A change is on disk before it is answered, and readable before anybody hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use rialto_catalog::Timestamp;
use rialto_configuration::{
    Capacity, Change, Command, ConfigKey, Effective, Entry, HistoryEntry, HistoryLine, ImportItem,
    ImportOutcome, ImportPolicy, KeyRef, Labels, Origin, Outcome, Page, Policy, Publish, Quotas,
    Refused, Remove, Scope, Search, State,
};
use rialto_storage::{OpenError, ReadError, Reader, Vault};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::engine::Engine;
use crate::error::ProposeError;
use crate::group::Group;
use crate::limits::{HISTORY_PRUNE_MS, HISTORY_PRUNE_STEP, PUBLISHING_BYTES_MAX, SEARCH_PORTION};

mod history;
mod open;
mod record;
mod store;

#[cfg(test)]
mod tests;

/// Why a change of configurations was not made.
pub type PublishError = ProposeError<Refused>;

/// All configurations of a node. Clones share them.
#[derive(Debug, Clone)]
pub struct Configurations {
    core: Arc<Core>,
    group: Arc<Group<Work, Answer>>,
}

/// Hears of changes, on the thread that stores them: it must not block, and must not propose.
pub trait Observer: Send + Sync {
    /// These changes are readable now, in this order.
    fn changed(&self, changes: &[Change]);
}

/// What the storing thread does.
#[derive(Debug)]
enum Work {
    Apply(Command),
    Prune,
}

#[derive(Debug)]
enum Done {
    Applied(Outcome),
    /// How many entries went.
    Pruned(usize),
}

type Answer = Result<Done, PublishError>;

/// Shared by all clones and the storing thread.
struct Core {
    state: RwLock<State>,
    clock: Arc<dyn Clock>,
    reader: Reader,
    vault: Arc<Vault>,
    observers: RwLock<Vec<Arc<dyn Observer>>>,
    revision: watch::Sender<u64>,
    /// Bytes of contents that wait to be stored.
    waiting_bytes: AtomicUsize,
}

impl Configurations {
    /// Opens the configurations of an engine's data directory: those of an older version, which
    /// had none, are empty. An engine in memory has its configurations in memory.
    ///
    /// # Errors
    /// When the file or the key beside it cannot be read, or is damaged.
    pub fn open(engine: &Engine, quotas: Quotas) -> Result<Self, OpenError> {
        open::open(engine, Policy { hash_seed: open::seed(), quotas })
    }

    /// The present moment by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// What a reader with these labels gets. Costs a shared lock, a look-up and a counter.
    #[must_use]
    pub fn query(&self, key: &KeyRef<'_>, labels: &Labels<'_>) -> Option<Arc<Effective>> {
        self.core.state.read().get(key).and_then(|entry| entry.effective(labels)).cloned()
    }

    /// A configuration with all its versions.
    #[must_use]
    pub fn entry(&self, key: &KeyRef<'_>) -> Option<Arc<Entry>> {
        self.core.state.read().get(key).cloned()
    }

    /// A configuration by its identifier.
    #[must_use]
    pub fn by_id(&self, id: u64) -> Option<Arc<Entry>> {
        self.core.state.read().by_id(id).cloned()
    }

    /// Reads under a shared lock: keep it short, and do not call this object from inside.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.core.state.read())
    }

    /// Configurations that are looked for, in order of their keys, one page of them. A look at many
    /// contents holds no lock for long.
    #[must_use]
    pub fn search(&self, search: &Search, page_no: usize, page_size: usize) -> Page<Arc<Entry>> {
        Page::of(self.find(search), page_no, page_size)
    }

    /// All configurations that are looked for, in order of their keys.
    #[must_use]
    pub fn find(&self, search: &Search) -> Vec<Arc<Entry>> {
        let namespace = KeyRef::new(&search.namespace, "", "").namespace();
        let mut found = Vec::new();
        let mut after: Option<ConfigKey> = None;
        loop {
            let portion: Vec<Arc<Entry>> = self.read(|state| {
                let entries = state.after(Some(namespace), after.as_ref());
                entries.take(SEARCH_PORTION).cloned().collect()
            });
            let Some(last) = portion.last() else { return found };
            after = Some(last.key.clone());
            found.extend(portion.into_iter().filter(|entry| search.matches(entry)));
        }
    }

    /// Publishes one version: durable, then readable, then answered.
    ///
    /// # Errors
    /// [`ProposeError`] says whether something may have changed.
    pub async fn publish(&self, publish: Publish) -> Result<Outcome, PublishError> {
        self.propose(Command::Publish(Box::new(publish))).await
    }

    /// Removes one version, or all; tells whether it was there.
    ///
    /// # Errors
    /// As [`Configurations::publish`].
    pub async fn remove(&self, remove: Remove) -> Result<bool, PublishError> {
        let outcome = self.propose(Command::Remove(remove)).await?;
        Ok(matches!(outcome, Outcome::Removed { existed: true }))
    }

    /// Publishes many in one commit.
    ///
    /// # Errors
    /// As [`Configurations::publish`].
    pub async fn import(
        &self,
        items: Vec<ImportItem>,
        policy: ImportPolicy,
        origin: Origin,
    ) -> Result<ImportOutcome, PublishError> {
        match self.propose(Command::Import { items, policy, origin }).await? {
            Outcome::Imported(outcome) => Ok(outcome),
            _ => Ok(ImportOutcome::default()),
        }
    }

    /// Sets what a namespace or group may hold; `None` returns to the defaults.
    ///
    /// # Errors
    /// As [`Configurations::publish`].
    pub async fn set_capacity(
        &self,
        scope: Scope,
        capacity: Option<Capacity>,
    ) -> Result<(), PublishError> {
        self.propose(Command::SetCapacity { scope, capacity }).await.map(|_| ())
    }

    /// Carries out any command. When the caller stops waiting, or the answer is
    /// [`ProposeError::Indeterminate`], it may or may not happen.
    ///
    /// # Errors
    /// As [`Configurations::publish`].
    pub async fn propose(&self, command: Command) -> Result<Outcome, PublishError> {
        let bytes = bytes_of(&command);
        let waiting = Waiting::enter(&self.core.waiting_bytes, bytes)?;
        let answer = self.group.propose(Work::Apply(command)).await;
        drop(waiting);
        match answer?? {
            Done::Applied(outcome) => Ok(outcome),
            Done::Pruned(_) => unreachable!("a command is applied"),
        }
    }

    /// Changes of one configuration, newest first, one page of them. Reads the disk.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn history(
        &self,
        key: &KeyRef<'_>,
        page_no: usize,
        page_size: usize,
    ) -> Result<Page<HistoryLine>, ReadError> {
        history::page(&self.core, key, page_no, page_size)
    }

    /// One change with what was there before. Reads the disk.
    ///
    /// # Errors
    /// As [`Configurations::history`].
    pub fn history_entry(&self, id: u64) -> Result<Option<HistoryEntry>, ReadError> {
        history::entry(&self.core, id)
    }

    /// The change of the same configuration before this one. Reads the disk.
    ///
    /// # Errors
    /// As [`Configurations::history`].
    pub fn history_before(&self, id: u64) -> Result<Option<HistoryEntry>, ReadError> {
        history::before(&self.core, id)
    }

    /// Tells an observer of all changes from now on.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.core.observers.write().push(observer);
    }

    /// Shows the number of the last change, for those who look again when something changed.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.core.revision.subscribe()
    }

    /// Forgets some of the history that is older than it is kept, and tells how much.
    ///
    /// # Errors
    /// As [`Configurations::publish`].
    pub async fn prune(&self) -> Result<usize, PublishError> {
        match self.group.propose(Work::Prune).await?? {
            Done::Pruned(count) => Ok(count),
            Done::Applied(_) => Ok(0),
        }
    }

    /// Forgets old history until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut wait_ms = HISTORY_PRUNE_MS;
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            }
            wait_ms = match self.prune().await {
                Ok(count) if count == HISTORY_PRUNE_STEP => 0,
                Ok(_) => HISTORY_PRUNE_MS,
                Err(error) => {
                    tracing::warn!(%error, "old history is not forgotten for now");
                    HISTORY_PRUNE_MS
                }
            };
        }
    }

    /// Stores what has been proposed and gives the file free. Call it when nobody uses this object
    /// any more.
    pub async fn close(&self) {
        let group = Arc::clone(&self.group);
        let closed = tokio::task::spawn_blocking(move || group.close()).await;
        if let Err(error) = closed {
            tracing::error!(%error, "closing the configurations failed");
        }
    }
}

/// Bytes that are waited for, until dropped.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    bytes: usize,
}

impl<'a> Waiting<'a> {
    /// Refuses what would be too much in memory; one alone always goes.
    fn enter(all: &'a AtomicUsize, bytes: usize) -> Result<Self, PublishError> {
        let before = all.fetch_add(bytes, Ordering::Relaxed);
        let waiting = Self { all, bytes };
        if before > 0 && before.saturating_add(bytes) > PUBLISHING_BYTES_MAX {
            return Err(ProposeError::Busy);
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn bytes_of(command: &Command) -> usize {
    match command {
        Command::Publish(publish) => publish.content.bytes().len(),
        Command::Import { items, .. } => items.iter().map(|one| one.content.bytes().len()).sum(),
        Command::Remove(_) | Command::RemoveMany { .. } | Command::SetCapacity { .. } => 0,
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}
