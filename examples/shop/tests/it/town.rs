//! A node and the shop's processes, killed at the end whatever happens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rialto_catalog::{Protocol, ServiceKey};
use rialto_door::Shutdown;
use rialto_engine::{Engine, SystemClock};
use rialto_protocol::Context;
use rialto_sdk::Rialto;
use rialto_security::Security;
use rialto_telemetry::Telemetry;
use tempfile::TempDir;

pub(crate) struct Town {
    pub(crate) engine: Engine,
    pub(crate) telemetry: Telemetry,
    pub(crate) folder: TempDir,
    address: SocketAddr,
    shutdown: Shutdown,
    processes: BTreeMap<String, Child>,
}

impl Town {
    /// A node without any service.
    pub(crate) async fn found() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let password = Some("a-long-password".into());
        let (security, _) = Security::open(Some(folder.path()), password).unwrap();
        let telemetry = Telemetry::new();
        let engine = Engine::in_memory(Arc::new(SystemClock::new()), telemetry.clone());
        let shutdown = Shutdown::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = rialto_protocol::router(Context {
            engine: engine.clone(),
            telemetry: telemetry.clone(),
            security,
            doors: BTreeMap::new(),
            check_route: Arc::new(|_| Ok(())),
            configured_routes: Arc::new(Vec::new),
            version: "test".to_owned(),
            started_ms: 0,
            shutdown: shutdown.clone(),
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let (ticking, stop) = (engine.clone(), shutdown.begun());
        tokio::spawn(async move { ticking.run(stop).await });
        Self { engine, telemetry, folder, address, shutdown, processes: BTreeMap::new() }
    }

    /// Starts an instance and waits until it is registered.
    pub(crate) async fn open(&mut self, program: &str, id: &str) {
        let folder = self.folder.path();
        let process = Command::new(program)
            .args(["--chaos", "--id", id, "--data"])
            .arg(folder.join("shop"))
            .arg("--address-file")
            .arg(folder.join(id))
            .env("RIALTO_SERVER", format!("http://{}", self.address))
            .env("RIALTO_TOKEN_FILE", folder.join("service.token"))
            .env("RIALTO_CACHE", folder.join(format!("cache-{id}")))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.processes.insert(id.to_owned(), process);
        let service = id.split('-').next().unwrap();
        self.until("registered", || self.is_registered(service, id)).await;
    }

    pub(crate) fn is_registered(&self, service: &str, id: &str) -> bool {
        let service = ServiceKey::named(service).unwrap();
        self.engine.read(|state| state.instance(&service, Protocol::Sdk, id).is_some())
    }

    /// SIGKILL: nothing is said to anybody.
    pub(crate) fn kill(&mut self, id: &str) {
        let mut process = self.processes.remove(id).unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// SIGTERM, and waits until the process has ended.
    pub(crate) fn stop(&mut self, id: &str) -> bool {
        let mut process = self.processes.remove(id).unwrap();
        let pid = process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        process.wait().unwrap().success()
    }

    /// Where an instance serves.
    pub(crate) fn address(&self, id: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(id)).unwrap()
    }

    /// A customer's way to the shop.
    pub(crate) async fn customer(&self) -> Rialto {
        Rialto::builder()
            .server(format!("http://{}", self.address))
            .token_file(self.folder.path().join("service.token"))
            .name("customer")
            .without_cache()
            .connect()
            .await
            .unwrap()
    }

    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until something holds, for fifteen seconds at most.
    pub(crate) async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = tokio::time::Instant::now() + Duration::from_secs(15);
        while !holds() {
            assert!(tokio::time::Instant::now() < end, "not within 15 s: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.shutdown.begin();
        for process in self.processes.values_mut() {
            _ = process.kill();
            _ = process.wait();
        }
    }
}
