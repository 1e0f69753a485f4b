//! Takes calls to their handlers. Everything that a heartbeat needs happens here and at once;
//! what has to wait is returned as a future that owns what it needs.

use std::sync::Arc;

use rialto_catalog::{Protocol, Refused as CatalogRefused, ServiceKey};
use rialto_door::http::{Answer, Reply, Value};
use rialto_engine::{Engine, ProposeError};
use rialto_telemetry::{Counter, Telemetry};

use super::answer;
use super::call::Call;
use super::fetch::{Fetch, What};
use super::negotiate;
use super::route::Resource;
use crate::codec::Media;
use crate::session::{Renewed, renewed};

/// Tomcat's answer to TRACE, which it refuses for every path alike.
const TRACE_ALLOW: &str = "HEAD, DELETE, POST, GET, OPTIONS, PUT";

/// What all connections share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) engine: Engine,
    pub(super) fetch: Arc<Fetch>,
    pub(super) started_ms: u64,
    pub(super) address: std::net::SocketAddr,
    pub(super) console_url: Option<String>,
    counters: Counters,
}

#[derive(Debug)]
struct Counters {
    renewals: Counter,
    reads: Counter,
    writes: Counter,
}

/// Service keys by the application's name as it stands in the path: heartbeats name the same few
/// all the time, and making a key allocates.
#[derive(Debug, Default)]
pub(super) struct Keys(std::collections::HashMap<Box<str>, ServiceKey>);

/// Most names remembered by one worker; beyond it all are forgotten.
const KEYS_MAX: usize = 16_384;

impl Keys {
    fn get(&mut self, app: &str) -> Option<&ServiceKey> {
        if !self.0.contains_key(app) {
            let key = crate::map::service(app).ok()?;
            if self.0.len() == KEYS_MAX {
                self.0.clear();
            }
            self.0.insert(app.into(), key);
        }
        self.0.get(app)
    }
}

impl Desk {
    pub(super) fn new(
        engine: Engine,
        fetch: Arc<Fetch>,
        address: std::net::SocketAddr,
        console_url: Option<String>,
        telemetry: &Telemetry,
    ) -> Self {
        let counter = |call| {
            let help = "Calls at the Eureka door.";
            telemetry.counter("rialto_eureka_calls", help, &[("call", call)])
        };
        let counters = Counters {
            renewals: counter("renew"),
            reads: counter("read"),
            writes: counter("write"),
        };
        let started_ms = engine.now().0;
        Desk { engine, fetch, started_ms, address, console_url, counters }
    }

    /// Answers a call.
    pub(super) fn answer(self: &Arc<Self>, call: &Call<'_>, keys: &mut Keys) -> Reply {
        if call.method == "TRACE" {
            return self.problem(call, 405).with("allow", Value::Text(TRACE_ALLOW)).into();
        }
        let Some(resource) = Resource::of(call.path) else {
            return self.problem(call, 404).into();
        };
        match (call.method, &resource) {
            ("PUT", Resource::Instance(app, id)) => {
                self.counters.renewals.increment();
                self.renew(call, app, id, keys)
            }
            ("GET" | "HEAD", _) => {
                self.counters.reads.increment();
                // Whoever looks whether the server works is no client.
                if resource != Resource::Health {
                    self.fetch.wake();
                }
                self.read(call, &resource)
            }
            ("OPTIONS", _) => {
                Answer::empty(200).with("allow", Value::Text(resource.allow(true))).into()
            }
            _ => {
                self.counters.writes.increment();
                self.fetch.wake();
                self.write(call, &resource)
            }
        }
    }

    fn read(self: &Arc<Self>, call: &Call<'_>, resource: &Resource<'_>) -> Reply {
        match resource {
            Resource::Apps => self.list(call, What::Apps),
            Resource::Delta => self.list(call, What::Delta),
            Resource::App(app) => self.app(call, app).into(),
            Resource::Instance(app, id) => self.instance(call, app, id).into(),
            Resource::ById(id) => self.by_id(call, id).into(),
            Resource::Vip(address) => self.vip(call, false, address).into(),
            Resource::SecureVip(address) => self.vip(call, true, address).into(),
            Resource::Server => self.server(call).into(),
            Resource::Health => self.health().into(),
            Resource::Dashboard => self.dashboard().into(),
            Resource::Status(..)
            | Resource::Metadata(..)
            | Resource::ScalingGroup
            | Resource::Batch => self.wrong_method(call, resource).into(),
        }
    }

    fn write(self: &Arc<Self>, call: &Call<'_>, resource: &Resource<'_>) -> Reply {
        match (call.method, resource) {
            ("POST", Resource::App(app)) => self.register(call, app),
            ("DELETE", Resource::Instance(app, id)) => self.cancel(call, app, id),
            ("PUT", Resource::Status(app, id)) => self.set_status(call, app, id),
            ("DELETE", Resource::Status(app, id)) => self.clear_status(call, app, id),
            ("PUT", Resource::Metadata(app, id)) => self.set_metadata(call, app, id).into(),
            // Scaling groups are Amazon's, and no server that runs elsewhere takes this call.
            ("PUT", Resource::ScalingGroup) => self.problem(call, 400).into(),
            ("POST", Resource::Batch) => self.batch(call),
            _ => self.wrong_method(call, resource).into(),
        }
    }

    /// A heartbeat: the call that there are most of by far.
    fn renew(self: &Arc<Self>, call: &Call<'_>, app: &str, id: &str, keys: &mut Keys) -> Reply {
        let dirty = match call.parameter("lastDirtyTimestamp").map(|text| number(&text)) {
            None => None,
            Some(Ok(dirty)) => Some(dirty),
            Some(Err(sentence)) => return self.sentence(call, 400, sentence).into(),
        };
        let Some(service) = keys.get(app) else { return self.problem(call, 404).into() };
        let replicated = call.headers.replicated;
        let now = self.engine.now();
        let outcome = self.engine.read(|state| {
            let instance = state.renew(now, service, Protocol::Eureka, id)?;
            Some(renewed(instance, dirty, replicated))
        });
        match outcome {
            Some(Renewed::Ok) => Answer::empty(200).into(),
            Some(Renewed::Conflict) => self.conflict(call, app, id).into(),
            Some(Renewed::RegisterAnew { newer: true }) if replicated => {
                self.adopt_then_404(call, app, id)
            }
            _ => self.problem(call, 404).into(),
        }
    }

    fn conflict(&self, call: &Call<'_>, app: &str, id: &str) -> Answer {
        let mut answer = self.instance(call, app, id);
        if answer.status == 200 {
            answer.status = 409;
        }
        answer
    }

    pub(super) fn wrong_method(&self, call: &Call<'_>, resource: &Resource<'_>) -> Answer {
        self.problem(call, 405).with("allow", Value::Text(resource.allow(false)))
    }

    pub(super) fn problem(&self, call: &Call<'_>, status: u16) -> Answer {
        let form = negotiate::problem(call.headers.accept);
        answer::problem(status, form, call.path, self.now_ms())
    }

    /// A refusal in words, in the way of the protocol.
    pub(super) fn sentence(&self, call: &Call<'_>, status: u16, sentence: String) -> Answer {
        let media = negotiate::media(call.headers.accept).unwrap_or(Media::Json);
        answer::sentence(status, media, sentence)
    }

    /// What the catalog does not take: the client's fault, unless the catalog is full.
    pub(super) fn refused(&self, call: &Call<'_>, refused: &CatalogRefused) -> Answer {
        let status = if matches!(refused, CatalogRefused::Full { .. }) { 503 } else { 400 };
        self.sentence(call, status, refused.to_string())
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.engine.now().0
    }
}

/// The status that a change which could not be made durable is answered with.
pub(super) fn status_of(error: &ProposeError) -> u16 {
    match error {
        ProposeError::Refused(CatalogRefused::Full { .. }) | ProposeError::Busy => 503,
        ProposeError::Refused(_) => 400,
        _ => 500,
    }
}

/// A number of a query, or what is wrong with it.
pub(super) fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("lastDirtyTimestamp must be a number of ms, not `{text}`"))
}
