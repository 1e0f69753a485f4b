//! Sockets: the only part that waits. A thread per core serves HTTP and gRPC, both of them plain
//! and encrypted, on the main port and on the one 1,000 above it.

mod grpc;
mod http;

use std::net::SocketAddr;

use rialto_door::http::Limits;
use rialto_door::{Access, BindError, Tls};
use rialto_engine::Engine;

use crate::access;
use crate::limits::{CONNECTIONS_MAX, HTTP_BODY_BYTES_MAX};

/// How far above the main port the gRPC port is; clients count on it.
pub const GRPC_PORT_OFFSET: u16 = 1_000;

/// Most threads of the door: other doors want cores too.
pub const WORKERS_MAX: usize = 8;

/// How the door is set up.
#[derive(Debug, Clone)]
pub struct NacosConfig {
    /// Where to listen for HTTP, and for gRPC too; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where to listen for gRPC alone; `None` for [`GRPC_PORT_OFFSET`] above `listen`.
    pub grpc_listen: Option<SocketAddr>,
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
            grpc_listen: None,
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

/// Where a door that opened can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// HTTP and gRPC.
    pub main: SocketAddr,
    /// gRPC alone.
    pub grpc: SocketAddr,
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
         Use a port below 64536, or set nacos.grpc_listen"
    )]
    NoGrpcPort(SocketAddr),
    /// The system refused a thread.
    #[error("the Nacos door could not start a thread")]
    Thread(#[source] std::io::Error),
}

/// What calls need, of both transports. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) configs: crate::config::Configs,
    pub(crate) engine: Engine,
    pub(crate) access: access::Access,
}
