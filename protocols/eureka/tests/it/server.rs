//! A door in this process, over a catalog whose clock a test may hold.

use std::net::SocketAddr;
use std::sync::Arc;

use rialto_catalog::{Policy, Timestamp};
use rialto_door::{Access, Shutdown};
use rialto_engine::{Clock, Engine, ManualClock, SystemClock};
use rialto_eureka::EurekaConfig;
use rialto_security::Security;
use rialto_telemetry::Telemetry;

use crate::client::{Response, call};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) security: Security,
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
        Self::configured(EurekaConfig { access, ..EurekaConfig::default() }, policy, clock)
    }

    /// Whatever the configuration says, it listens on a free port.
    pub(crate) fn configured(config: EurekaConfig, policy: Policy, clock: Arc<dyn Clock>) -> Self {
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
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let workers = if config.workers == 0 { 2 } else { config.workers };
        let config = EurekaConfig { listen, workers, ..config };
        let start = rialto_eureka::start(
            config,
            engine.clone(),
            telemetry,
            security.clone(),
            shutdown.clone(),
        );
        let address = runtime.block_on(start).expect("the door opens");
        Server { address, engine, security, shutdown, runtime: Some(runtime) }
    }
}

impl Server {
    /// Registers an instance with defaults as JSON.
    pub(crate) fn register(&self, app: &str, id: &str) -> u16 {
        let body = instance(app, id, "");
        self.post(app, &body).status
    }

    pub(crate) fn post(&self, app: &str, body: &str) -> Response {
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
        let path = format!("/eureka/apps/{app}");
        call(self.address, "POST", &path, &headers, Some(body.as_bytes()))
    }

    /// Fetches as JSON.
    pub(crate) fn get(&self, path: &str) -> Response {
        call(self.address, "GET", path, &[("Accept", "application/json")], None)
    }

    pub(crate) fn get_json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("an answer in JSON")
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Response {
        call(self.address, method, path, &[("Accept", "application/json")], None)
    }
}

/// The body of a registration; `more` is further members, each with a comma before it.
pub(crate) fn instance(app: &str, id: &str, more: &str) -> String {
    format!(
        r#"{{"instance":{{"instanceId":"{id}","hostName":"h-{id}","app":"{app}","ipAddr":"10.0.0.1",
        "port":{{"$":8080,"@enabled":"true"}},"vipAddress":"vip-{app}",
        "dataCenterInfo":{{"@class":"com.netflix.appinfo.MyDataCenterInfo","name":"MyOwn"}}{more}}}}}"#
    )
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.begin();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
