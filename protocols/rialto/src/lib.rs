//! Our own door: gRPC for the SDK and REST for people and tools.
//!
//! It translates and never decides: the catalog holds the instances, [`rialto_security`] says who
//! may do what, the gateway says which routes it can compile.

#![forbid(unsafe_code)]

mod access;
mod grpc;
pub mod limits;
mod problem;
mod rest;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use rialto_api::route::RouteSpec;
use rialto_door::Shutdown;
use rialto_engine::Engine;
use rialto_security::Security;
use rialto_telemetry::Telemetry;
use tokio::sync::Semaphore;

pub use rest::openapi;

/// Says whether the gateway can compile a route, and if not, why.
pub type CheckRoute = Arc<dyn Fn(&RouteSpec) -> Result<(), String> + Send + Sync>;
/// The routes of the configuration at present.
pub type ConfiguredRoutes = Arc<dyn Fn() -> Vec<RouteSpec> + Send + Sync>;

/// What the door works on.
#[derive(Clone)]
pub struct Context {
    /// The catalog.
    pub engine: Engine,
    /// Where traffic is counted and events are told.
    pub telemetry: Telemetry,
    /// Who may do what.
    pub security: Security,
    /// Doors with their bound addresses.
    pub doors: BTreeMap<String, String>,
    /// Asked before a route is kept.
    pub check_route: CheckRoute,
    /// Listed before the routes of the catalog; read-only here.
    pub configured_routes: ConfiguredRoutes,
    /// Version of the product.
    pub version: String,
    /// When this process started, in milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// Ends streams when it begins.
    pub shutdown: Shutdown,
}

/// What handlers share.
pub(crate) struct Shared {
    pub(crate) context: Context,
    pub(crate) sse_clients: Arc<Semaphore>,
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) watches: Arc<Semaphore>,
}

/// Everything that this door serves: `/api/v1`, `rialto.v1.Registry`, `/health`, `/ready` and
/// `/metrics`. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that failed
/// sign-ins are counted by peer.
pub fn router(context: Context) -> Router {
    let shared = Arc::new(Shared {
        context,
        sse_clients: Arc::new(Semaphore::new(limits::SSE_CLIENTS_MAX)),
        sessions: Arc::new(Semaphore::new(limits::SESSIONS_MAX)),
        watches: Arc::new(Semaphore::new(limits::WATCHES_MAX)),
    });
    rest::router(shared.clone()).merge(grpc::router(shared))
}
