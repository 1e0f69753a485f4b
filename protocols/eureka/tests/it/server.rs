//! A door in this process, over a catalog whose clock a test may hold.

use std::net::SocketAddr;
use std::sync::Arc;

use rialto_catalog::{Policy, Timestamp};
use rialto_door::Shutdown;
use rialto_engine::{Clock, Engine, ManualClock, SystemClock};
use rialto_eureka::{Access, EurekaConfig};
use rialto_security::Security;
use rialto_telemetry::Telemetry;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    shutdown: Shutdown,
    runtime: Option<tokio::runtime::Runtime>,
}

/// The moment at which held clocks stand.
pub(crate) const NOW_MS: u64 = 1_795_000_000_000;

impl Server {
    /// With the machine's clock.
    pub(crate) fn start() -> Self {
        Self::with(Access::Loopback, Policy::default(), Arc::new(SystemClock::new()))
    }

    /// With a clock that stands until it is moved.
    pub(crate) fn held(policy: Policy) -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp(NOW_MS)));
        (Self::with(Access::Loopback, policy, Arc::<ManualClock>::clone(&clock)), clock)
    }

    pub(crate) fn with(access: Access, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        let telemetry = Telemetry::new();
        let engine = Engine::in_memory_with(policy, clock, telemetry.clone());
        let password = Some("secret-for-tests".to_owned());
        let (security, _) = Security::open(None, password).expect("nothing is on disk");
        let shutdown = Shutdown::new();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let config = EurekaConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            access,
            workers: 2,
            console_url: None,
        };
        let start =
            rialto_eureka::start(config, engine.clone(), telemetry, security, shutdown.clone());
        let address = runtime.block_on(start).expect("the door opens");
        Server { address, engine, shutdown, runtime: Some(runtime) }
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
