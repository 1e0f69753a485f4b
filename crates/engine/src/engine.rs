//! The engine: one state behind a lock, and who may do what to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rialto_catalog::{
    Command, Instance, Outcome, Policy, Promise, Protocol, Refused, Revision, Selector, ServiceKey,
    State, Timestamp,
};
use rialto_telemetry::Telemetry;

use crate::clock::Clock;
use crate::error::{OpenError, ProposeError};
use crate::limits::{REPORTS_MAX, TICK_MS};
use crate::report::report;
use crate::watch::{SharedTopics, Topics, Watch, clone_changes};

/// The one catalog of a node. Clones share it.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// How an engine is opened.
#[derive(Debug, Clone, Default)]
pub struct EngineConfig {
    /// Where agreed records are kept; `None` keeps them in memory.
    pub data_dir: Option<PathBuf>,
    /// The catalog's policy.
    pub policy: Policy,
}

/// What became of a renewal.
#[derive(Debug, Clone)]
pub enum Renewal {
    /// The lease is fresh; this is its instance.
    Renewed(Arc<Instance>),
    /// There is no such instance: it must be registered.
    Unknown,
}

#[derive(Debug)]
struct Inner {
    state: RwLock<State>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    topics: SharedTopics,
    /// Up to which revision the event log knows.
    reported: Mutex<Revision>,
}

impl Engine {
    /// Opens the catalog of a data directory, which this process then has for itself.
    ///
    /// # Errors
    /// When the directory is in use, of another version, unreadable, or its disk is full.
    pub fn open(
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Result<Self, OpenError> {
        if let Some(dir) = config.data_dir {
            let reason = "storing records is not supported yet; leave the directory out".to_owned();
            return Err(OpenError::Unreadable { dir, reason });
        }
        Ok(Self::new(State::new(config.policy), clock, telemetry))
    }

    /// An empty catalog with nothing on disk, where agreed commands apply at once.
    pub fn in_memory(clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self::new(State::new(Policy::default()), clock, telemetry)
    }

    /// As [`Engine::in_memory`], with a policy.
    pub fn in_memory_with(policy: Policy, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self::new(State::new(policy), clock, telemetry)
    }

    fn new(state: State, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        let reported = Mutex::new(state.revision());
        let topics = Arc::new(Topics::default());
        let state = RwLock::new(state);
        Self { inner: Arc::new(Inner { state, clock, telemetry, topics, reported }) }
    }

    /// The present moment by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Reads under a shared lock: keep it short, and do not call the engine from inside.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.inner.state.read())
    }

    /// Reads, decides and applies ephemeral commands as one step that nothing comes between. The
    /// commands are carried out in order; a refused one ends it, and those before it stay.
    ///
    /// # Errors
    /// When a command is refused, or is one that needs agreement; of the latter, none is carried out.
    pub fn own<C, R>(&self, decide: impl FnOnce(&State, Timestamp) -> (C, R)) -> Result<R, Refused>
    where
        C: IntoIterator<Item = Command>,
    {
        let mut state = self.inner.state.write();
        let now = self.now();
        let (commands, answer) = decide(&state, now);
        let commands: Vec<Command> = commands.into_iter().collect();
        for command in &commands {
            check_ephemeral(&state, command)?;
        }
        let before = state.revision();
        let done =
            commands.into_iter().try_for_each(|command| state.apply(now, command).map(|_| ()));
        self.inner.topics.wake(&state, before);
        done.map(|()| answer)
    }

    /// Applies one ephemeral command and tells what it did.
    ///
    /// # Errors
    /// As [`Engine::own`].
    pub fn apply(&self, command: Command) -> Result<Outcome, Refused> {
        let mut state = self.inner.state.write();
        check_ephemeral(&state, &command)?;
        let before = state.revision();
        let outcome = state.apply(self.now(), command);
        self.inner.topics.wake(&state, before);
        outcome
    }

    /// Renews a lease. Runs beside other renewals and readers.
    #[must_use]
    pub fn renew(&self, service: &ServiceKey, protocol: Protocol, id: &str) -> Renewal {
        let now = self.now();
        match self.inner.state.read().renew(now, service, protocol, id) {
            Some(instance) => Renewal::Renewed(Arc::clone(instance)),
            None => Renewal::Unknown,
        }
    }

    /// Makes a change durable, then visible, then answers. When the caller stops waiting, or the
    /// answer is [`ProposeError::Indeterminate`], the change may or may not have happened.
    ///
    /// # Errors
    /// [`ProposeError`] says whether something may have changed.
    pub async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        let mut state = self.inner.state.write();
        let before = state.revision();
        let outcome = state.apply(self.now(), command);
        self.inner.topics.wake(&state, before);
        Ok(outcome?)
    }

    /// Watches: everything now and then every change, or only changes after a revision.
    #[must_use]
    pub fn watch(&self, selector: Selector, after: Option<Revision>) -> Watch {
        Watch::new(self.clone(), selector, after)
    }

    /// Lets time pass: ends leases that ran out and tells the event log. [`Engine::run`] does this
    /// all the time; tests with a clock of their own call it themselves.
    pub fn tick(&self) {
        loop {
            // The lock is released in between, so that a mass of expired leases blocks nobody for long.
            let mut state = self.inner.state.write();
            let before = state.revision();
            let more = state.tick(self.now());
            self.inner.topics.wake(&state, before);
            drop(state);
            if !more {
                break;
            }
        }
        self.report();
    }

    /// Keeps the catalog going until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    /// Stores what is to be stored and gives the data directory free.
    pub async fn close(&self) {
        self.report();
    }

    pub(crate) fn topics(&self) -> &Topics {
        &self.inner.topics
    }

    fn report(&self) {
        let mut reported = self.inner.reported.lock();
        let (events, upto) = self.read(|state| clone_changes(state, *reported, REPORTS_MAX));
        for event in &events {
            report(&self.inner.telemetry, event);
        }
        *reported = upto;
    }
}

/// Refuses what must be proposed instead.
fn check_ephemeral(state: &State, command: &Command) -> Result<(), Refused> {
    let subject = match command {
        Command::Register { spec, .. } if spec.promise == Promise::Agreed => {
            format!("instance {:?}", spec.id)
        }
        Command::Register { .. } => return Ok(()),
        Command::Update { service, spec } => {
            match state.instance(service, spec.protocol, &spec.id) {
                Some(instance) if instance.promise() == Promise::Agreed => {
                    format!("instance {:?}", spec.id)
                }
                _ => return Ok(()),
            }
        }
        Command::Deregister { service, protocol, id } => {
            match state.instance(service, *protocol, id) {
                Some(instance) if instance.promise() == Promise::Agreed => {
                    format!("instance {id:?}")
                }
                _ => return Ok(()),
            }
        }
        Command::PutService { service, .. } | Command::RemoveService { service } => {
            format!("service {service}")
        }
        Command::PutDocument { key, .. } | Command::RemoveDocument { key } => {
            format!("{} {:?}", key.kind.as_str(), key.name)
        }
    };
    Err(Refused::NeedsAgreement { subject })
}
