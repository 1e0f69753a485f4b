//! A door in this process, over an engine in memory.

use std::net::SocketAddr;
use std::sync::Arc;

use rialto_configuration::Quotas;
use rialto_door::{Access, Shutdown};
use rialto_engine::{Configurations, Engine, SystemClock};
use rialto_nacos::{Bound, NacosConfig};
use rialto_security::Security;
use rialto_telemetry::Telemetry;

use crate::client::{Response, call, form};

/// Password of the administrator, `admin`.
pub(crate) const PASSWORD: &str = "secret-for-tests";

pub(crate) struct Server {
    /// HTTP and gRPC.
    pub(crate) address: SocketAddr,
    /// gRPC alone.
    pub(crate) grpc: SocketAddr,
    pub(crate) bound: Bound,
    pub(crate) security: Security,
    pub(crate) shutdown: Shutdown,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    /// Where nobody has to sign in.
    pub(crate) fn start() -> Self {
        Self::with(Access::Loopback)
    }

    /// For whoever signs in.
    pub(crate) fn signed_in() -> Self {
        Self::with(Access::SignedIn)
    }

    pub(crate) fn with(access: Access) -> Self {
        Self::configured(NacosConfig { access, ..NacosConfig::default() })
    }

    /// Whatever the configuration says, it listens on free ports.
    pub(crate) fn configured(config: NacosConfig) -> Self {
        let telemetry = Telemetry::new();
        let engine = Engine::in_memory(Arc::new(SystemClock::new()), telemetry.clone());
        let configurations =
            Configurations::open(&engine, Quotas::default()).expect("nothing is on disk");
        let (security, _) =
            Security::open(None, Some(PASSWORD.to_owned())).expect("nothing is on disk");
        let shutdown = Shutdown::new();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = NacosConfig { listen, workers: 2, ..config };
        let start = rialto_nacos::start(
            config,
            engine,
            configurations,
            security.clone(),
            telemetry,
            shutdown.clone(),
        );
        let bound = runtime.block_on(start).expect("the door opens");
        let (address, grpc, runtime) = (bound.main, bound.grpc, Some(runtime));
        Server { address, grpc, bound, security, shutdown, runtime }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        call(self.address, "GET", path, &[], None).expect("an answer")
    }

    /// Sends parameters as a form.
    pub(crate) fn send(&self, method: &str, path: &str, parameters: &[(&str, &str)]) -> Response {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = form(parameters);
        call(self.address, method, path, &headers, Some(body.as_bytes())).expect("an answer")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.begin();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
