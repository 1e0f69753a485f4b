//! The door that is attacked, and its users.

use std::net::SocketAddr;
use std::sync::Arc;

use rialto_catalog::Policy;
use rialto_configuration::Quotas;
use rialto_door::{Access, Shutdown};
use rialto_engine::{Configurations, Engine, SystemClock};
use rialto_nacos::{NacosConfig, StartError};
use rialto_security::Security;
use rialto_telemetry::Telemetry;

use crate::client::{Response, call};

/// Of every user.
pub(crate) const PASSWORD: &str = "secret-for-tests";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) security: Security,
    shutdown: Shutdown,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    /// Open to this machine.
    pub(crate) fn start() -> Self {
        Self::with(Access::Loopback)
    }

    /// For whoever signs in.
    pub(crate) fn signed_in() -> Self {
        Self::with(Access::SignedIn)
    }

    fn with(access: Access) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = NacosConfig { listen, access, ..NacosConfig::default() };
        Self::configured(config).expect("the door opens")
    }

    /// Whatever the configuration says.
    pub(crate) fn configured(config: NacosConfig) -> Result<Self, StartError> {
        let telemetry = Telemetry::new();
        let clock = Arc::new(SystemClock::new());
        let engine = Engine::in_memory_with(Policy::default(), clock, telemetry.clone());
        let configurations = Configurations::open(&engine, Quotas::default()).unwrap();
        let (security, _) = Security::open(None, Some(PASSWORD.to_owned())).unwrap();
        let shutdown = Shutdown::new();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let config = NacosConfig { workers: 2, ..config };
        let (known, stop) = (security.clone(), shutdown.clone());
        let start = rialto_nacos::start(config, engine, configurations, known, telemetry, stop);
        let bound = runtime.block_on(start)?;
        let (address, grpc) = (bound.main, bound.grpc);
        Ok(Server { address, grpc, security, shutdown, runtime: Some(runtime) })
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        call(self.address, "GET", path, &[], None).expect("an answer")
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
