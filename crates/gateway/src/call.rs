//! One request from its head to its last byte: what is decided, counted and logged about it.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use rialto_balance::{Class as Health, Nanos, Outcome};
use rialto_http1::{Body, Fields, Framing};
use rialto_resilience::CallResult;
use rialto_telemetry::{Class, Meter};
use smallvec::SmallVec;

use crate::accesslog::Ending;
use crate::local::{InFlight, LocalRoute};
use crate::pool::Endpoint;
use crate::protect::{Admission, tell_change};
use crate::reply::Reply;
use crate::table::plan::RetryPlan;
use crate::trace::{RequestId, Trace};
use crate::worker::Worker;

/// A request head, by whichever protocol it came.
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// The path has one reading as it stands.
    pub(crate) plain: bool,
    /// Host with its port, as the client gave it.
    pub(crate) host: &'a str,
    pub(crate) minor: u8,
    pub(crate) fields: &'a Fields<'a, 'a>,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: Option<&'a [u8]>,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Call {
    worker: Rc<Worker>,
    pub(crate) local: Rc<LocalRoute>,
    pub(crate) started: Nanos,
    /// When the answer's head must be there.
    pub(crate) deadline_ms: u64,
    pub(crate) to_head: bool,
    pub(crate) minor: u8,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// The method may be sent twice.
    pub(crate) repeatable: bool,
    pub(crate) body: Body,
    pub(crate) chunked: bool,
    pub(crate) bodiless: bool,
    pub(crate) body_bytes: u64,
    /// Where the value of Host stands in the head for the instance; empty when it is fixed.
    pub(crate) host_at: Range<usize>,
    pub(crate) fixed_host: bool,
    pub(crate) hash: Option<u32>,
    pub(crate) admission: Admission,
    pub(crate) tries: u32,
    pub(crate) tried: SmallVec<[u32; 4]>,
    pub(crate) trace: Trace,
    pub(crate) request_id: RequestId,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) instance: Option<Rc<Endpoint>>,
    /// Where calls of this caller are counted, when it is a service that names itself.
    caller: Option<Arc<Meter>>,
    /// The route's own time for an answer, unless the client has set one for everything.
    pub(crate) response_timeout_ms: Option<u64>,
    finished: bool,
}

/// What [`crate::prepare`] found out.
pub(crate) struct Parts {
    pub(crate) local: Rc<LocalRoute>,
    pub(crate) started: Nanos,
    pub(crate) deadline_ms: u64,
    pub(crate) hash: Option<u32>,
    pub(crate) admission: Admission,
    pub(crate) trace: Trace,
    pub(crate) request_id: RequestId,
    pub(crate) caller: Option<Arc<Meter>>,
    pub(crate) response_timeout_ms: Option<u64>,
}

impl Call {
    /// On the heap: it is handed on several times, and one allocation costs less than the copies.
    pub(crate) fn new(worker: &Rc<Worker>, incoming: &Incoming<'_>, parts: Parts) -> Box<Self> {
        let retry = &parts.local.route.plan.retry;
        parts.local.route.meter.shard(worker.number).begin();
        let edge = parts.caller.as_ref().unwrap_or(&parts.local.edge);
        edge.shard(worker.number).begin();
        parts.local.budget.deposit(parts.started);
        Box::new(Self {
            worker: Rc::clone(worker),
            started: parts.started,
            deadline_ms: parts.deadline_ms,
            to_head: incoming.method == "HEAD",
            minor: incoming.minor,
            keep_alive: incoming.keep_alive,
            upgrade: incoming.upgrade.is_some(),
            repeatable: retry.methods.iter().any(|method| **method == *incoming.method),
            body: Body::new(incoming.framing),
            chunked: incoming.framing == Framing::Chunked,
            bodiless: incoming.framing == Framing::None,
            body_bytes: 0,
            host_at: 0..0,
            fixed_host: false,
            hash: parts.hash,
            admission: parts.admission,
            tries: 0,
            tried: SmallVec::new(),
            trace: parts.trace,
            request_id: parts.request_id,
            status: 0,
            bytes: 0,
            instance: None,
            caller: parts.caller,
            response_timeout_ms: parts.response_timeout_ms,
            finished: false,
            local: parts.local,
        })
    }

    fn edge(&self) -> &Meter {
        self.caller.as_ref().unwrap_or(&self.local.edge)
    }

    pub(crate) fn retry_plan(&self) -> &RetryPlan {
        &self.local.route.plan.retry
    }

    /// Milliseconds that connecting may take.
    pub(crate) fn connect_timeout_ms(&self) -> u64 {
        let own = self.local.route.spec.connect_timeout_ms;
        own.unwrap_or(self.worker.shared.limits.connect_timeout_ms)
    }

    pub(crate) fn body_timeout_ms(&self) -> u64 {
        self.worker.shared.limits.body_timeout_ms
    }

    pub(crate) fn body_max_bytes(&self) -> u64 {
        let own = self.local.route.spec.body_max_bytes;
        own.unwrap_or(self.worker.shared.limits.body_max_bytes)
    }

    /// Counts a further try.
    pub(crate) fn count_retry(&self) {
        self.local.route.meter.shard(self.worker.number).retry();
        self.edge().shard(self.worker.number).retry();
    }

    /// Puts the address of the instance into the head.
    pub(crate) fn set_host(&mut self, head: &mut Vec<u8>, authority: &str) {
        if self.fixed_host {
            return;
        }
        let new = authority.as_bytes();
        let at = self.host_at.clone();
        if at.len() == new.len() {
            head[at].copy_from_slice(new);
            return;
        }
        head.splice(at.clone(), new.iter().copied());
        self.host_at = at.start..at.start + new.len();
    }

    /// The request ends with the instance's answer, of which the balancer is told.
    pub(crate) fn finish(&mut self, flight: InFlight, retry_after_s: Option<u64>, opening: &[u8]) {
        let now = self.worker.now();
        self.report_at(now, flight, health(self.status), retry_after_s);
        let class = match self.status {
            0 | 500.. => Class::ServerError,
            400.. => Class::ClientError,
            _ => Class::Ok,
        };
        self.end_at(now, class, opening, "");
    }

    /// The answer was cut off after its head, whatever that said.
    pub(crate) fn cut(&mut self, opening: &[u8]) {
        self.end(Class::ServerError, opening, "UC");
    }

    /// The request ends with an answer of the gateway.
    pub(crate) fn finish_with(&mut self, reply: &Reply, opening: &[u8]) {
        self.status = reply.status;
        self.end(reply.class, opening, reply.flag);
    }

    /// The client went away.
    pub(crate) fn cancel(&mut self, opening: &[u8]) {
        if self.status == 0 {
            self.status = 499;
        }
        self.end(Class::Cancelled, opening, "DC");
    }

    fn end(&mut self, class: Class, opening: &[u8], flag: &str) {
        self.end_at(self.worker.now(), class, opening, flag);
    }

    fn end_at(&mut self, now: Nanos, class: Class, opening: &[u8], flag: &str) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let worker = &self.worker;
        let latency = now.since(self.started);
        let latency_us = latency.0 / 1_000;
        self.local.route.meter.shard(worker.number).finish(class, latency_us);
        self.edge().shard(worker.number).finish(class, latency_us);
        let result = match class {
            Class::Ok | Class::ClientError => CallResult::Success,
            Class::ServerError => CallResult::Failure,
            Class::Limited | Class::Cancelled => CallResult::Ignored,
        };
        if let Some(change) = self.admission.finish(now, result, latency) {
            let service = &self.local.upstream.upstream.service.name;
            tell_change(&worker.shared.telemetry, service, &change);
        }
        worker.log(opening, || Ending {
            wall_ms: worker.shared.clock.wall_ms(now),
            status: self.status,
            route: &self.local.route.spec.id,
            service: &self.local.upstream.upstream.service.name,
            instance: self.instance.as_ref().map_or("", |endpoint| &endpoint.authority),
            tries: self.tries,
            bytes: self.bytes,
            latency_us,
            request_id: &self.request_id,
            trace_id: &self.trace.id,
            flag,
        });
    }

    /// Tells the balancer how a try went.
    pub(crate) fn report(&self, flight: InFlight, class: Health, retry_after_s: Option<u64>) {
        self.report_at(self.worker.now(), flight, class, retry_after_s);
    }

    fn report_at(&self, now: Nanos, flight: InFlight, class: Health, retry_after_s: Option<u64>) {
        let mut outcome = Outcome::new(class, now.since(self.started));
        outcome.retry_after = retry_after_s.map(Nanos::from_secs);
        flight.report(now, outcome);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A connection that was dropped in the middle, at the end of the grace for example.
        if !self.finished {
            self.cancel(&[]);
        }
    }
}

/// What a status says about the health of who gave it.
pub(crate) fn health(status: u16) -> Health {
    match status {
        429 => Health::Throttled,
        502..=504 => Health::GatewayError,
        500.. => Health::ServerError,
        _ => Health::Success,
    }
}
