//! What naming calls mean, whichever transport they come by: instances of connections and of beats,
//! persistent ones with their health checks, views of services, pushes to subscribers.
//!
//! Instances are in the engine alone. Here is what only Nacos has: who is connected, who subscribes
//! to what, and what was written for them.

mod clients;
mod fuzzy;
mod health;
mod lists;
mod operate;
mod pattern;
mod persistent;
mod pump;
mod push;
mod register;
mod select;
mod services;
mod settings;
mod subscribe;
mod subscriptions;
mod sweep;
mod switches;
mod view;
mod words;
mod write;

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rialto_catalog::Revision;
use rialto_engine::Engine;
use rialto_telemetry::{Counter, Telemetry};
use tokio::sync::Notify;

use clients::Clients;
use fuzzy::Fuzzy;
use health::Checks;
use register::Shadows;
use settings::SettingsTable;
use subscriptions::Subscriptions;
use sweep::Sweep;
use switches::Switches;
use view::Views;

pub use crate::map::{BeatForm, InstanceForm};
pub use push::{ConnectionId, Outcome, Push, PushOutcome, PushRequest};
pub use view::ServiceView;
pub use words::{
    BeatAnswer, Checker, Client, ClientRow, ClusterForm, ClusterInfo, FuzzyForm, InstanceChange,
    InstanceInfo, Metrics, Owner, Page, PublisherRow, ServiceDetail, ServiceForm, ServiceRow,
    SubscriberRow, Target,
};

/// What is counted.
struct Meters {
    acked: Counter,
    failed: Counter,
}

/// Revisions in a millisecond, as the engine numbers them at its start: they tell when that was
/// at the latest, also when the clock was set back since.
const REVISIONS_PER_MS: u64 = 1_000;

/// The naming part of the door. Clones share it.
#[derive(Clone)]
pub struct Naming {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    push: Arc<dyn Push>,
    meters: Meters,
    clients: Clients,
    shadows: Shadows,
    settings: SettingsTable,
    views: Views,
    pushes: Mutex<Subscriptions>,
    fuzzy: Mutex<Fuzzy>,
    checks: Mutex<Checks>,
    sweep: Mutex<Sweep>,
    switches: Mutex<Switches>,
    /// Changes up to here were looked at.
    read: Mutex<Revision>,
    /// Something may be due earlier than it was.
    wake: Notify,
    outcomes: Arc<pump::Outcomes>,
    fuzzy_outcomes: Arc<pump::FuzzyOutcomes>,
}

impl Naming {
    /// Over an engine; pushes go out by `push`. [`Naming::run`] keeps it going.
    #[must_use]
    pub fn new(engine: Engine, push: Arc<dyn Push>, telemetry: &Telemetry) -> Self {
        let (revision, settings, checks) = engine.read(|state| {
            (state.revision(), SettingsTable::load(state), Checks::load(state, engine.now()))
        });
        let floor_ms = engine.now().0.max(revision.0 / REVISIONS_PER_MS);
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| Shared {
            push,
            meters: Meters::new(telemetry),
            clients: Clients::new(),
            shadows: Shadows::default(),
            settings,
            views: Views::new(floor_ms),
            pushes: Mutex::default(),
            fuzzy: Mutex::default(),
            checks: Mutex::new(checks),
            sweep: Mutex::new(Sweep::new(engine.now())),
            switches: Mutex::default(),
            read: Mutex::new(revision),
            wake: Notify::new(),
            outcomes: Arc::new(pump::Outcomes::new(shared.clone())),
            fuzzy_outcomes: Arc::new(pump::FuzzyOutcomes::new(shared.clone())),
            engine,
        });
        Self { shared }
    }
}

impl Meters {
    fn new(telemetry: &Telemetry) -> Self {
        let counter = |outcome| {
            let help = "Lists of instances pushed to Nacos clients, by outcome.";
            telemetry.counter("rialto_nacos_naming_pushes", help, &[("outcome", outcome)])
        };
        Self { acked: counter("acked"), failed: counter("failed") }
    }
}

impl std::fmt::Debug for Naming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Naming")
            .field("clients", &self.shared.clients.len())
            .finish_non_exhaustive()
    }
}
