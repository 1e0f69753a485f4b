//! Sockets: the only part that waits. A thread per core with a listener of its own serves
//! HTTP/1.1; a heartbeat is answered on the spot.

mod answer;
mod batch;
mod call;
mod desk;
mod fetch;
mod gate;
mod keeper;
mod negotiate;
mod page;
mod reads;
mod route;
mod worker;
mod writes;

use std::net::SocketAddr;
use std::sync::Arc;

use rialto_door::http::{Limits, Setup, open};
use rialto_door::{Access, BindError, Shutdown, bind_reuse_port};
use rialto_engine::Engine;
use rialto_security::Security;
use rialto_telemetry::Telemetry;

use self::desk::Desk;
use self::fetch::Fetch;
use self::worker::Worker;
use crate::limits::{
    BODIES_BYTES_MAX, BODY_BYTES_MAX, CONNECTIONS_MAX, Deadlines, HEAD_BYTES_MAX, HEADERS_MAX,
};

/// How the door is set up. When leases end is the catalog's policy, not the door's.
#[derive(Debug, Clone)]
pub struct EurekaConfig {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Who may call.
    pub access: Access,
    /// Threads; 0 for one per core, at most [`WORKERS_MAX`].
    pub workers: usize,
    /// How long a connection may take for each step.
    pub deadlines: Deadlines,
    /// Most connections; further ones are closed at once.
    pub connections_max: usize,
    /// Where the page at `/` leads to.
    pub console_url: Option<String>,
}

/// Most threads of the door: heartbeats are cheap, and other doors want cores too.
pub const WORKERS_MAX: usize = 8;

impl Default for EurekaConfig {
    fn default() -> Self {
        EurekaConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8761)),
            access: Access::Loopback,
            workers: 0,
            deadlines: Deadlines::default(),
            connections_max: CONNECTIONS_MAX,
            console_url: None,
        }
    }
}

/// Why the door did not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It would be open to other machines without sign-in.
    #[error(
        "eureka.listen={0} can be reached from other machines, where anybody could register or \
         remove services. Ask for sign-in with --set eureka.auth=required, or say \
         --set eureka.auth=none if the network itself is closed"
    )]
    OpenToOthers(SocketAddr),
    /// The system refused a thread.
    #[error("the Eureka door could not start a thread")]
    Thread(#[source] std::io::Error),
    /// The stored status overrides could not be put on their instances.
    #[error("the Eureka door could not restore status overrides")]
    Overrides(#[source] rialto_catalog::Refused),
}

/// Opens the door: when this returns, clients are served. It closes with `shutdown`.
///
/// # Errors
/// When the address cannot be had or would be open to others, or the system has no thread left.
pub async fn start(
    config: EurekaConfig,
    engine: Engine,
    telemetry: Telemetry,
    security: Security,
    shutdown: Shutdown,
) -> Result<SocketAddr, StartError> {
    if config.access == Access::Loopback && !config.listen.ip().is_loopback() {
        return Err(StartError::OpenToOthers(config.listen));
    }
    let restored = engine.own(|state, _| (crate::session::reconcile(state), ()));
    restored.map_err(StartError::Overrides)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if config.workers == 0 { cores } else { config.workers }.min(WORKERS_MAX);
    let listeners = bind_reuse_port("eureka", config.listen, workers)?;
    let address = listeners[0].local_addr().map_err(StartError::Thread)?;
    let fetch = Arc::new(Fetch::new(engine.clone()));
    shutdown.spawn(keeper::keep(engine.clone(), Arc::clone(&fetch), shutdown.clone()));
    let desk = Arc::new(Desk::new(engine, fetch, address, config.console_url, &telemetry));
    let security = (config.access == Access::SignedIn).then_some(security);
    let limits = Limits {
        head_bytes_max: HEAD_BYTES_MAX,
        headers_max: HEADERS_MAX,
        body_bytes_max: BODY_BYTES_MAX,
        bodies_bytes_max: BODIES_BYTES_MAX,
        connections_max: config.connections_max,
        deadlines: config.deadlines,
    };
    let setup = Setup { name: "eureka", limits, tls: None };
    let listeners = listeners.into_iter().map(|listener| vec![listener]).collect();
    let worker = |_| Worker::new(Arc::clone(&desk), security.clone());
    open(&setup, listeners, worker, &shutdown).map_err(StartError::Thread)?;
    Ok(address)
}
