//! What handlers work with.

use std::net::SocketAddr;

use rialto_door::http::{Answer, Reply};
use rialto_engine::Engine;
use rialto_telemetry::Telemetry;

use super::ask::Ask;
use super::refusal::{self, Refusal};
use super::style::Style;
use crate::access::Access;
use crate::config::Configs;
use crate::naming::Naming;

/// Everything that a call may need. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(super) engine: Engine,
    pub(super) naming: Naming,
    pub(super) configs: Configs,
    pub(super) access: Access,
    pub(super) telemetry: Telemetry,
    /// Where this node's clients find it.
    pub(super) address: SocketAddr,
}

impl Desk {
    pub(crate) fn new(
        engine: Engine,
        naming: Naming,
        configs: Configs,
        access: Access,
        telemetry: Telemetry,
        address: SocketAddr,
    ) -> Self {
        Desk { engine, naming, configs, access, telemetry, address }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.engine.now().0
    }

    /// How many configurations a namespace holds.
    pub(super) fn configurations_in(&self, namespace: &str) -> u64 {
        self.configs.count(namespace)
    }

    /// Where the caller finds this node: where it listens or, when that is everywhere, the host
    /// that was called.
    pub(super) fn address_for(&self, ask: &Ask<'_>) -> Address {
        let (ip, port) = (self.address.ip(), self.address.port());
        let called = ask.call.host;
        if !ip.is_unspecified() || called.is_empty() {
            return Address { host: ip.to_string(), port, text: self.address.to_string() };
        }
        let is_port = |text: &str| text.bytes().all(|it| it.is_ascii_digit());
        let host = called.rsplit_once(':').filter(|(_, port)| is_port(port));
        let host = host.map_or(called, |(host, _)| host);
        Address { host: host.to_owned(), port, text: format!("{host}:{port}") }
    }

    /// An answer that something has to be done for first.
    pub(super) fn later(
        &self,
        ask: &Ask<'_>,
        work: impl Future<Output = Result<Answer, Refusal>> + Send + 'static,
    ) -> Reply {
        let (style, path, engine) = (ask.style(), ask.call.path.to_owned(), self.engine.clone());
        Reply::Later(Box::pin(async move {
            work.await.unwrap_or_else(|refused| written(refused, style, &path, engine.now().0))
        }))
    }
}

/// Where this node is found.
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    /// Both, as one text.
    pub(super) text: String,
}

/// A refusal as an answer.
pub(super) fn written(refused: Refusal, style: Style, path: &str, now_ms: u64) -> Answer {
    let (status, typed, body) = refusal::write(refused, style, path, now_ms);
    Answer { content_type: typed, ..Answer::owned(status, "", body) }
}
