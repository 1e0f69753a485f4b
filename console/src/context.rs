//! What the console is given, and what its handlers share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;
use rialto_api::route::RouteSpec;
use rialto_door::Shutdown;
use rialto_engine::{Configurations, Engine};
use rialto_security::Security;
use rialto_telemetry::Telemetry;

use crate::clients::Clients;
use crate::survey::Surveyor;

/// Says whether the gateway can use a route, and why not.
pub type CheckRoute = Arc<dyn Fn(&RouteSpec) -> Result<(), String> + Send + Sync>;

/// The routes that the gateway uses now, each with its origin: `configuration` or `catalog`.
pub type ListRoutes = Arc<dyn Fn() -> Vec<(RouteSpec, String)> + Send + Sync>;

/// Everything the console shows and changes.
#[derive(Clone)]
pub struct ConsoleContext {
    /// The catalog.
    pub engine: Engine,
    /// Configurations.
    pub configurations: Configurations,
    /// Asks the doors whose clients stay connected.
    pub clients: Arc<dyn Clients>,
    /// Traffic, calls and events.
    pub telemetry: Telemetry,
    /// Sign-in and permissions.
    pub security: Security,
    /// Open doors by name with their addresses.
    pub doors: BTreeMap<String, String>,
    /// Checks a route before it is proposed.
    pub check_route: CheckRoute,
    /// Lists the gateway's routes.
    pub list_routes: ListRoutes,
    /// Ends live streams, so that a graceful stop does not wait for browsers.
    pub shutdown: Shutdown,
    /// Product version.
    pub version: String,
    /// When the process started, on the engine's clock.
    pub started_ms: u64,
}

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) context: ConsoleContext,
    pub(crate) surveyor: Mutex<Surveyor>,
    pub(crate) streams: Arc<AtomicUsize>,
}

impl App {
    pub(crate) fn new(context: ConsoleContext) -> Self {
        let surveyor = Mutex::default();
        Self(Arc::new(Shared { context, surveyor, streams: Arc::default() }))
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
