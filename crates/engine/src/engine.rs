//! The engine: what doors may do with the catalog.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rialto_catalog::{
    Command, Instance, Millis, Outcome, Policy, Promise, Protocol, Refused, Revision, Selector,
    ServiceKey, State, Timestamp,
};
use rialto_storage::{Directory, OpenError};
use rialto_telemetry::Telemetry;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::Clock;
use crate::core::Core;
use crate::error::ProposeError;
use crate::limits::{PAUSE_MS, SAVE_MS, SAVE_REST, TICK_MS};
use crate::proposer::Proposer;
use crate::restart::{Saver, first_revision, restore};
use crate::watch::{Topics, Watch};

/// The one catalog of a node. Clones share it.
#[derive(Debug, Clone)]
pub struct Engine {
    core: Arc<Core>,
    /// Absent when nothing is kept on disk.
    disk: Option<Arc<Disk>>,
}

/// How an engine is opened.
#[derive(Debug, Clone, Default)]
pub struct EngineConfig {
    /// Where records are kept; `None` keeps them in memory only.
    pub data_dir: Option<PathBuf>,
    /// The catalog's policy. Where revisions start and how hashes are seeded is decided at opening,
    /// and what counts as a pause unless it says so ([`PAUSE_MS`]).
    pub policy: Policy,
}

/// What became of a renewal.
#[derive(Debug, Clone)]
pub enum Renewal {
    /// The lease is fresh; this is its instance.
    Renewed(Arc<Instance>),
    /// The lease is fresh, and the instance, which was down for want of renewals, is again what
    /// its owner said: a change that watchers see.
    Revived(Arc<Instance>),
    /// There is no such instance: it must be registered.
    Unknown,
}

#[derive(Debug)]
struct Disk {
    proposer: Proposer,
    saver: Saver,
    /// For others that keep something there.
    directory: Arc<Directory>,
}

impl Engine {
    /// Opens the catalog of a data directory, which this process then has for itself: agreed
    /// records are there, and ephemeral instances of the last run with a fresh lease.
    ///
    /// # Errors
    /// When the directory is in use, of another version, unreadable, damaged, or its disk is full.
    pub fn open(
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Result<Self, OpenError> {
        let now = clock.now();
        let hash_seed = RandomState::new().hash_one(now.0);
        let revision_start = first_revision(now);
        let pause = config.policy.pause.or(Some(Millis(PAUSE_MS)));
        let policy = Policy { hash_seed, revision_start, pause, ..config.policy };
        let Some(dir) = config.data_dir else {
            return Ok(Self::new(State::new(policy), clock, telemetry));
        };
        let restored = restore(&dir, policy, now)?;
        let engine = Self::new(restored.state, clock, telemetry);
        let core = Arc::clone(&engine.core);
        let directory = Arc::clone(&restored.directory);
        let proposer = Proposer::start(core, restored.store, restored.directory);
        let disk = Disk { proposer, saver: restored.saver, directory };
        Ok(Self { disk: Some(Arc::new(disk)), ..engine })
    }

    /// An empty catalog with nothing on disk, where agreed commands apply at once. Revisions start
    /// at zero.
    pub fn in_memory(clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self::new(State::new(Policy::default()), clock, telemetry)
    }

    /// As [`Engine::in_memory`], with a policy.
    pub fn in_memory_with(policy: Policy, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self::new(State::new(policy), clock, telemetry)
    }

    fn new(state: State, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self { core: Arc::new(Core::new(state, clock, telemetry)), disk: None }
    }

    /// The present moment by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Reads under a shared lock: keep it short, and do not call the engine from inside.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.core.read(look)
    }

    /// Reads, decides and applies ephemeral commands as one step that nothing comes between. The
    /// commands are carried out in order; a refused one ends it, and those before it stay. Do not
    /// call the engine from inside.
    ///
    /// # Errors
    /// When a command is refused, or is one that needs agreement; of the latter, none is carried
    /// out.
    pub fn own<C, R>(&self, decide: impl FnOnce(&State, Timestamp) -> (C, R)) -> Result<R, Refused>
    where
        C: IntoIterator<Item = Command>,
    {
        self.core.change(|state, now| {
            let (commands, answer) = decide(state, now);
            let commands: Vec<Command> = commands.into_iter().collect();
            for command in &commands {
                check_ephemeral(state, command)?;
            }
            for command in commands {
                state.apply(now, command)?;
            }
            Ok(answer)
        })
    }

    /// Applies one ephemeral command and tells what it did.
    ///
    /// # Errors
    /// As [`Engine::own`].
    pub fn apply(&self, command: Command) -> Result<Outcome, Refused> {
        self.core.change(|state, now| {
            check_ephemeral(state, &command)?;
            state.apply(now, command)
        })
    }

    /// Renews a lease. Runs beside other renewals and readers.
    #[must_use]
    pub fn renew(&self, service: &ServiceKey, protocol: Protocol, id: &str) -> Renewal {
        let now = self.now();
        let renewed = self.read(|state| state.renew(now, service, protocol, id).cloned());
        match renewed {
            Some(instance) if instance.lapsed() => {
                let revived =
                    self.core.change(|state, now| state.revive(now, service, protocol, id));
                revived.map_or(Renewal::Unknown, Renewal::Revived)
            }
            Some(instance) => Renewal::Renewed(instance),
            None => Renewal::Unknown,
        }
    }

    /// Makes a change durable, then visible, then answers. When the caller stops waiting, or the
    /// answer is [`ProposeError::Indeterminate`], the change may or may not happen.
    ///
    /// # Errors
    /// [`ProposeError`] says whether something may have changed.
    pub async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        match &self.disk {
            Some(disk) => disk.proposer.propose(command).await,
            None => Ok(self.core.change(|state, now| state.apply(now, command))?),
        }
    }

    /// Watches: everything now and then every change, or only changes after a revision.
    #[must_use]
    pub fn watch(&self, selector: Selector, after: Option<Revision>) -> Watch {
        Watch::new(self.clone(), selector, after)
    }

    /// Lets time pass: ends leases that ran out and tells the event log. [`Engine::run`] does this
    /// all the time; tests with a clock of their own call it themselves.
    pub fn tick(&self) {
        // The lock is released in between, so that a mass of expired leases blocks nobody for long.
        while self.core.change(State::tick) {}
        self.core.report();
    }

    /// Keeps the catalog going until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS));
        let mut saves = tokio::time::interval(Duration::from_millis(SAVE_MS));
        for interval in [&mut ticks, &mut saves] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut saving = None;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => self.tick(),
                _ = saves.tick() => {
                    let busy = saving.as_ref().is_some_and(|one: &tokio::task::JoinHandle<()>| {
                        !one.is_finished()
                    });
                    if !busy {
                        let engine = self.clone();
                        saving = Some(tokio::spawn(engine.save_and_rest()));
                    }
                }
            }
        }
    }

    async fn save_and_rest(self) {
        let begun = Instant::now();
        // A panic in it was reported where it happened.
        let _ = tokio::task::spawn_blocking(move || self.save()).await;
        tokio::time::sleep(begun.elapsed() * SAVE_REST).await;
    }

    /// Stores what is to be stored and gives the data directory free. Proposals are refused from
    /// then on.
    pub async fn close(&self) {
        self.core.report();
        let engine = self.clone();
        let closed = tokio::task::spawn_blocking(move || {
            if let Some(disk) = &engine.disk {
                disk.saver.close(&engine.core);
                disk.proposer.close();
            }
        });
        if let Err(error) = closed.await {
            tracing::error!(%error, "closing the data directory failed");
        }
    }

    /// Saves ephemeral instances for a warm restart, if some changed. [`Engine::run`] does this
    /// a few times a second, and [`Engine::close`] for the last time.
    pub fn save(&self) {
        if let Some(disk) = &self.disk {
            disk.saver.save(&self.core);
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.core.clock()
    }

    /// Where it keeps what it keeps; `None` in memory.
    pub(crate) fn directory(&self) -> Option<Arc<Directory>> {
        self.disk.as_ref().map(|disk| Arc::clone(&disk.directory))
    }

    pub(crate) fn topics(&self) -> &Topics {
        self.core.topics()
    }
}

/// Refuses what must be proposed instead.
fn check_ephemeral(state: &State, command: &Command) -> Result<(), Refused> {
    let agreed = |service: &ServiceKey, protocol, id: &str| {
        let held = state.instance(service, protocol, id);
        held.is_some_and(|held| held.promise() == Promise::Agreed)
    };
    let subject = match command {
        Command::Register { spec, .. } if spec.promise == Promise::Agreed => {
            format!("instance {:?}", spec.id)
        }
        Command::Update { service, spec } if agreed(service, spec.protocol, &spec.id) => {
            format!("instance {:?}", spec.id)
        }
        Command::Deregister { service, protocol, id } if agreed(service, *protocol, id) => {
            format!("instance {id:?}")
        }
        Command::PutService { service, .. } | Command::RemoveService { service } => {
            format!("service {service}")
        }
        Command::PutDocument { key, .. } | Command::RemoveDocument { key } => {
            format!("{} {:?}", key.kind.as_str(), key.name)
        }
        Command::Register { .. } | Command::Update { .. } | Command::Deregister { .. } => {
            return Ok(());
        }
    };
    Err(Refused::NeedsAgreement { subject })
}
