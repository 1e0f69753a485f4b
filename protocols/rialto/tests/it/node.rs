//! A node in this process: engine, security and the door on a free port; and a plain client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rialto_api::route::RouteSpec;
use rialto_door::Shutdown;
use rialto_engine::{Engine, SystemClock};
use rialto_protocol::Context;
use rialto_security::Security;
use rialto_telemetry::Telemetry;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A running node; stops when dropped.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) security: Security,
    pub(crate) telemetry: Telemetry,
    pub(crate) shutdown: Shutdown,
    pub(crate) service_token: String,
    pub(crate) admin_token: String,
    runtime: Option<tokio::runtime::Runtime>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Node {
    /// Starts on a free port.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_on(dir, "127.0.0.1:0".parse().unwrap())
    }

    /// Starts on a runtime of its own, so that stopping it cuts every connection, as the end of a
    /// process would.
    pub(crate) fn start_on(dir: &Path, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (security, _) = Security::open(Some(dir), Some("a-long-password".into())).unwrap();
        let telemetry = Telemetry::new();
        let engine = Engine::in_memory(Arc::new(SystemClock::new()), telemetry.clone());
        let shutdown = Shutdown::new();
        let configured = RouteSpec::parse_shorthand("/fixed/**=lb://fixed").unwrap();
        let context = Context {
            engine: engine.clone(),
            telemetry: telemetry.clone(),
            security: security.clone(),
            doors: BTreeMap::from([("api".to_owned(), address.to_string())]),
            check_route: Arc::new(|route| match route.uri.starts_with("lb://") {
                true => Ok(()),
                false => Err(format!("route {:?}: {:?} is no target", route.id, route.uri)),
            }),
            configured_routes: Arc::new(move || vec![configured.clone()]),
            version: "0.0.0-test".to_owned(),
            started_ms: 1,
            shutdown: shutdown.clone(),
        };
        // Bound outside of the runtime: the test that starts a node runs in one itself.
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let app = rialto_protocol::router(context);
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move {
            axum::serve(TcpListener::from_std(listener).unwrap(), service).await
        });
        let ticking = (engine.clone(), shutdown.clone());
        runtime.spawn(async move { ticking.0.run(ticking.1.begun()).await });
        let token = |file| std::fs::read_to_string(dir.join(file)).unwrap().trim().to_owned();
        Self {
            address,
            engine,
            security,
            telemetry,
            shutdown,
            service_token: token("service.token"),
            admin_token: token("admin.token"),
            runtime: Some(runtime),
        }
    }

    /// A request of the administrator.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.request(method, path, Some(&self.admin_token), body).await
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> Answer {
        let authorization =
            token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let content = body
            .map(|body| {
                format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
            })
            .unwrap_or_default();
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             {authorization}{content}\r\n{body}"
        );
        self.raw(request.as_bytes()).await
    }

    /// Sends bytes and reads until the node closes.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The node may answer and close before it has read everything.
        _ = stream.write_all(request).await;
        let mut text = Vec::new();
        _ = stream.read_to_end(&mut text).await;
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shutdown.begin();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Asks until the answer is yes, for five seconds at most.
#[track_caller]
pub(crate) fn within_5s(
    what: &'static str,
    mut holds: impl FnMut() -> bool,
) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let end = tokio::time::Instant::now() + Duration::from_secs(5);
        while !holds() {
            assert!(tokio::time::Instant::now() < end, "{caller}: not within 5 s: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
