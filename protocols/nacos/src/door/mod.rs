//! Sockets: the only part that waits. A thread per core serves HTTP and gRPC, both of them plain
//! and encrypted, on the main port and on the one 1,000 above it.

mod declared;
mod grpc;
mod http;
mod ports;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;

use rialto_door::http::{Limits, Setup, open};
use rialto_door::{Access, BindError, Shutdown, Tls};
use rialto_engine::{Configurations, Engine};
use rialto_security::Security;
use rialto_telemetry::Telemetry;

pub use self::declared::{Declared, declared};
pub use self::grpc::{Connected, Connections};
use self::http::Desk;
use self::worker::Worker;
use crate::access;
use crate::config::Configs;
use crate::limits::{CONNECTIONS_MAX, HTTP_BODY_BYTES_MAX};
use crate::naming::{ConnectionId, Naming, Push};

/// How far above the main port the gRPC port is; clients count on it.
pub const GRPC_PORT_OFFSET: u16 = 1_000;

/// Most threads of the door: other doors want cores too.
pub const WORKERS_MAX: usize = 8;

/// How the door is set up.
#[derive(Debug, Clone)]
pub struct NacosConfig {
    /// Where to listen for HTTP, and for gRPC too; for gRPC alone [`GRPC_PORT_OFFSET`] above it.
    /// Port 0 lets the system choose both.
    pub listen: SocketAddr,
    /// Who may call. [`Access::Loopback`] refuses to listen where other machines could call.
    pub access: Access,
    /// Threads; 0 for one per core, at most [`WORKERS_MAX`].
    pub workers: usize,
    /// Certificate and key, to take encrypted connections on the same ports too.
    pub tls: Option<Tls>,
    /// Limits of connections and of HTTP.
    pub limits: Limits,
}

impl Default for NacosConfig {
    fn default() -> Self {
        NacosConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8_848)),
            access: Access::Loopback,
            workers: 0,
            tls: None,
            limits: Limits {
                body_bytes_max: HTTP_BODY_BYTES_MAX,
                connections_max: CONNECTIONS_MAX,
                ..Limits::default()
            },
        }
    }
}

/// A door that opened.
#[derive(Clone)]
pub struct Bound {
    /// Where HTTP and gRPC are served.
    pub main: SocketAddr,
    /// Where gRPC alone is served.
    pub grpc: SocketAddr,
    /// Who is connected.
    pub connections: Connections,
    /// Services and instances, as this protocol sees them.
    pub naming: Naming,
    /// Configurations, as this protocol sees them.
    pub configs: Configs,
}

/// Why the door did not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It would be open to other machines without sign-in.
    #[error(
        "nacos.listen={0} can be reached from other machines, where anybody could register or \
         remove services and read every configuration. Ask for sign-in with --set \
         nacos.auth=required, or say --set nacos.auth=none if the network itself is closed"
    )]
    OpenToOthers(SocketAddr),
    /// There is no port above the main one.
    #[error(
        "nacos.listen={0} leaves no port for gRPC, which clients expect {GRPC_PORT_OFFSET} above. \
         Use a port below 64536"
    )]
    NoGrpcPort(SocketAddr),
    /// The port for gRPC is taken.
    #[error(
        "port {} is in use by another program, and clients look for gRPC there: {GRPC_PORT_OFFSET} \
         above nacos.listen={main}. Free it, or move both with --set nacos.listen={}:{}",
        grpc.port(),
        main.ip(),
        main.port().saturating_add(1)
    )]
    GrpcInUse {
        /// Where gRPC was to be served.
        grpc: SocketAddr,
        /// The main address.
        main: SocketAddr,
    },
    /// The system refused a thread.
    #[error("the Nacos door could not start a thread")]
    Thread(#[source] std::io::Error),
}

/// What calls need, of both transports. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) naming: Naming,
    pub(crate) configs: Configs,
    pub(crate) access: access::Access,
    pub(crate) connections: Connections,
}

impl Parts {
    /// A connection is gone, with all that was bound to it.
    pub(crate) fn ended(&self, id: ConnectionId) {
        self.naming.end(id);
        self.configs.end(id);
    }
}

/// Opens the door: when this returns, clients are served. It closes with `shutdown`.
///
/// # Errors
/// When an address cannot be had or would be open to others, or the system has no thread left.
pub async fn start(
    config: NacosConfig,
    engine: Engine,
    configurations: Configurations,
    security: Security,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<Bound, StartError> {
    if config.access == Access::Loopback && !config.listen.ip().is_loopback() {
        return Err(StartError::OpenToOthers(config.listen));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if config.workers == 0 { cores } else { config.workers }.min(WORKERS_MAX);
    let (listeners, main, grpc) = ports::bind(config.listen, workers)?;
    let connections = Connections::new(engine.clone());
    let push: Arc<dyn Push> = Arc::new(connections.clone());
    let naming = Naming::new(engine.clone(), Arc::clone(&push), &telemetry);
    let configs = Configs::new(configurations, push, telemetry.clone());
    let mode = match config.access {
        Access::Loopback => access::Mode::Loopback,
        Access::SignedIn => access::Mode::SignedIn,
        Access::Open => access::Mode::Open,
    };
    let access = access::Access::new(security, mode);
    let desk = Desk::new(engine, naming.clone(), configs.clone(), access.clone(), telemetry, main);
    let parts = Parts {
        naming: naming.clone(),
        configs: configs.clone(),
        access,
        connections: connections.clone(),
    };
    shutdown.spawn(connections.clone().run(shutdown.clone()));
    let (running, begun) = (naming.clone(), shutdown.begun());
    shutdown.spawn(async move { running.run(begun).await });
    let (running, begun) = (configs.clone(), shutdown.begun());
    shutdown.spawn(async move { running.run(begun).await });
    let setup = Setup { name: "nacos", limits: config.limits, tls: config.tls };
    let worker = |_| Worker::new(desk.clone(), parts.clone());
    open(&setup, listeners, worker, &shutdown).map_err(StartError::Thread)?;
    Ok(Bound { main, grpc, connections, naming, configs })
}
