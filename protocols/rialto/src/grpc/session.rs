//! One SDK's session: what it registers, renews, leaves and reports.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use rialto_api::proto::session_reply::Kind as Reply;
use rialto_api::proto::session_request::Kind;
use rialto_api::proto::{
    CallReport, Calls, Deregister, Deregistered, Hello, Lost, Refused, Register, Registered,
    Renewed, ServiceName, SessionReply, SessionRequest, Welcome,
};
use rialto_catalog::{Command, Protocol, ServiceKey};
use rialto_engine::Renewal;
use rialto_security::{Action, Resource};
use rialto_telemetry::{Absorbed, EventKind};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, Streaming};

use super::map;
use crate::Shared;
use crate::access::Caller;
use crate::limits::{
    CALLS_PER_REPORT_MAX, COUNT_PER_REPORT_MAX, EJECTIONS_PER_REPORT_MAX, LATENCIES_PER_CALLS_MAX,
    REGISTRATIONS_PER_SESSION_MAX, TTL_DEFAULT,
};
use crate::problem::Problem;

struct Session {
    shared: Arc<Shared>,
    caller: Caller,
    /// The caller's name in the topology, once it is known.
    name: Option<String>,
    held: Vec<(ServiceKey, String)>,
    _permit: OwnedSemaphorePermit,
}

/// Answers message after message until the client ends its side, or the server stops.
pub(crate) fn replies(
    shared: Arc<Shared>,
    caller: Caller,
    messages: Streaming<SessionRequest>,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<SessionReply, Status>> + Send {
    let stop = shared.context.shutdown.begun();
    let session = Session { shared, caller, name: None, held: Vec::new(), _permit: permit };
    let answers =
        futures_util::stream::unfold((session, messages), |(mut session, mut messages)| {
            Box::pin(async move {
                loop {
                    let message = messages.next().await?;
                    if !session.caller.is_current() {
                        let ended = Status::unauthenticated("the token is not valid any more");
                        return Some((Err(ended), (session, messages)));
                    }
                    let reply = match message {
                        Ok(SessionRequest { kind: Some(kind) }) => session.answer(kind),
                        // A kind of message that a newer client knows.
                        Ok(SessionRequest { kind: None }) => None,
                        Err(status) => return Some((Err(status), (session, messages))),
                    };
                    if let Some(kind) = reply {
                        let reply = SessionReply { kind: Some(kind) };
                        return Some((Ok(reply), (session, messages)));
                    }
                }
            })
        });
    answers.take_until(stop)
}

impl Session {
    fn answer(&mut self, kind: Kind) -> Option<Reply> {
        match kind {
            Kind::Hello(hello) => Some(self.hello(hello)),
            Kind::Register(register) => {
                let request = register.request;
                Some(match self.register(register) {
                    Ok(registered) => Reply::Registered(registered),
                    Err(problem) => refused(request, problem),
                })
            }
            Kind::Renew(_) => Some(Reply::Renewed(self.renew())),
            Kind::Deregister(deregister) => {
                let request = deregister.request;
                Some(match self.deregister(deregister) {
                    Ok(()) => Reply::Deregistered(Deregistered { request }),
                    Err(problem) => refused(request, problem),
                })
            }
            Kind::Report(report) => self.report(report).err().map(|problem| refused(0, problem)),
        }
    }

    fn hello(&mut self, hello: Hello) -> Reply {
        if !hello.service.is_empty() {
            self.name = Some(hello.service);
        }
        tracing::debug!(agent = hello.agent, name = self.name, "session begun");
        Reply::Welcome(Welcome {
            server: self.shared.context.version.clone(),
            ttl_default_ms: TTL_DEFAULT.as_millis() as u64,
        })
    }

    fn register(&mut self, register: Register) -> Result<Registered, Problem> {
        let service = map::service_key(register.service.as_ref())?;
        self.caller.may_service(Action::Register, &service)?;
        let instance =
            register.instance.ok_or_else(|| Problem::invalid("no instance was given"))?;
        let mut spec = map::spec(instance, register.ttl_ms).map_err(Problem::invalid)?;
        let id = spec.id.clone();
        let known = self.held.iter().any(|(key, held)| *key == service && *held == id);
        if !known && self.held.len() >= REGISTRATIONS_PER_SESSION_MAX {
            return Err(Problem::too_many(
                format!("a session holds at most {REGISTRATIONS_PER_SESSION_MAX} registrations"),
                1,
            ));
        }
        let ttl_ms = spec.ttl.map_or(0, |ttl| ttl.0);
        let engine = &self.shared.context.engine;
        engine.own(|state, _| {
            // An operator's decision outlives a restart of the instance.
            if let Some(held) = state.instance(&service, Protocol::Sdk, &id)
                && held.overridden()
            {
                spec.status = held.status();
                spec.overridden = true;
            }
            ([Command::Register { service: service.clone(), spec }], ())
        })?;
        let revision = engine.read(|state| state.revision());
        if self.name.is_none() {
            self.name = Some(service.name().to_owned());
        }
        if !known {
            self.held.push((service, id));
        }
        Ok(Registered { request: register.request, revision: revision.0, ttl_ms })
    }

    fn renew(&mut self) -> Renewed {
        let engine = &self.shared.context.engine;
        let gone = |(key, id): &&(ServiceKey, String)| {
            matches!(engine.renew(key, Protocol::Sdk, id), Renewal::Unknown)
        };
        let lost = self.held.iter().filter(gone).map(|(key, id)| {
            let (namespace, group, name) = key.parts();
            // As the client wrote it: empty parts for the defaults.
            let unless = |part: &str, default| {
                if part == default { String::new() } else { part.to_owned() }
            };
            let service = ServiceName {
                namespace: unless(namespace, ServiceKey::NAMESPACE_DEFAULT),
                group: unless(group, ServiceKey::GROUP_DEFAULT),
                name: name.to_owned(),
            };
            Lost { service: Some(service), id: id.clone() }
        });
        Renewed { lost: lost.collect() }
    }

    fn deregister(&mut self, deregister: Deregister) -> Result<(), Problem> {
        let service = map::service_key(deregister.service.as_ref())?;
        self.caller.may_service(Action::Register, &service)?;
        let id = deregister.id;
        self.held.retain(|(key, held)| *key != service || *held != id);
        let command = Command::Deregister { service, protocol: Protocol::Sdk, id };
        self.shared.context.engine.apply(command)?;
        Ok(())
    }

    fn report(&self, report: CallReport) -> Result<(), Problem> {
        self.caller.may(Action::Register, &Resource::Topology)?;
        let telemetry = &self.shared.context.telemetry;
        let from = self.name.as_deref().unwrap_or("unnamed");
        for calls in report.calls.into_iter().take(CALLS_PER_REPORT_MAX) {
            telemetry.calls().meter(from, &calls.to).shard(0).absorb(&absorbed(&calls));
        }
        for ejection in report.ejections.into_iter().take(EJECTIONS_PER_REPORT_MAX) {
            let subject = format!("{}/{}", ejection.service, ejection.instance);
            let (kind, detail) = if ejection.ejected {
                (EventKind::Ejected, format!("by {from}: {}", ejection.reason))
            } else {
                (EventKind::Returned, format!("by {from}"))
            };
            telemetry.events().push(kind, subject, detail);
        }
        Ok(())
    }
}

fn absorbed(calls: &Calls) -> Absorbed {
    let cap = |count: u64| count.min(COUNT_PER_REPORT_MAX);
    let counts =
        [calls.ok, calls.client_errors, calls.server_errors, calls.limited, calls.cancelled];
    Absorbed {
        calls: counts.map(cap),
        retries: cap(calls.retries),
        latencies_us: calls
            .latencies
            .iter()
            .take(LATENCIES_PER_CALLS_MAX)
            .map(|bucket| (bucket.latency_us, cap(bucket.count)))
            .collect(),
    }
}

fn refused(request: u64, problem: Problem) -> Reply {
    let (_, code, detail) = problem.into_parts();
    Reply::Refused(Refused { request, code: code.to_owned(), detail })
}
