//! What a process keeps of a service that it calls: the list, the balancer, the protections and the
//! counts, shared by every client of the service.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rialto_api::proto;
use rialto_balance::{
    Balancer, Class, Endpoint as Candidate, Nanos, Outcome, Request, Settings, Ticket, Transition,
};
use tokio::time::Instant;

use super::guard::Guard;
use crate::report::{Counts, Reports};
use crate::view::{Endpoint, View};

/// How often instances that stand out are judged.
const JUDGE_EVERY: Duration = Duration::from_millis(200);

pub(crate) struct Service {
    pub(crate) name: Arc<str>,
    pub(crate) view: Arc<View>,
    pub(crate) guard: Guard,
    pub(crate) counts: Arc<Counts>,
    reports: Arc<Reports>,
    started: Instant,
    balanced: Mutex<Balanced>,
}

struct Balanced {
    /// Version of the list that the balancer has.
    version: u64,
    balancer: Balancer<Target>,
    judged: Nanos,
}

/// An instance, told apart by what it is called and where it is: one that moves starts afresh.
#[derive(Debug, Clone)]
pub(crate) struct Target(pub(crate) Arc<Endpoint>);

/// A call under way at an instance; dropped unfinished, it counts as cancelled.
pub(crate) struct Underway<'a> {
    service: &'a Service,
    pub(crate) target: Target,
    ticket: Option<Ticket>,
    began: Instant,
}

impl Service {
    pub(crate) fn new(name: Arc<str>, zone: &str, view: Arc<View>, reports: Arc<Reports>) -> Self {
        let settings = Settings { zone: zone.to_owned(), ..Settings::default() };
        let balanced = Balanced {
            version: 0,
            balancer: Balancer::new(settings, rand::random()),
            judged: Nanos(0),
        };
        Self {
            counts: reports.service(&name),
            guard: Guard::new(),
            started: Instant::now(),
            balanced: Mutex::new(balanced),
            name,
            view,
            reports,
        }
    }

    /// Chooses an instance that was not tried yet.
    pub(crate) fn pick(&self, tried: &[Target]) -> Option<Underway<'_>> {
        let listed = self.view.listed();
        let now = self.now();
        let mut transitions = Vec::new();
        let picked = {
            let mut balanced = self.balanced.lock();
            if balanced.version != listed.version {
                balanced.version = listed.version;
                balanced.balancer.update(now, listed.endpoints.iter().map(candidate));
            }
            if now.since(balanced.judged).as_millis() >= JUDGE_EVERY.as_millis() as u64 {
                balanced.judged = now;
                transitions = balanced.balancer.tick(now);
            }
            let request = Request { hash: None, exclude: tried };
            balanced.balancer.pick(now, &request, &mut rand::rng())
        };
        self.tell(transitions);
        let picked = picked?;
        Some(Underway {
            service: self,
            target: picked.id,
            ticket: Some(picked.ticket),
            began: Instant::now(),
        })
    }

    /// Time since the service was first asked for.
    pub(crate) fn now(&self) -> Nanos {
        nanos(self.started.elapsed())
    }

    fn tell(&self, transitions: Vec<Transition<Target>>) {
        for transition in transitions {
            let (target, ejected, reason) = match transition {
                Transition::Ejected { id, reason, .. } => (id, true, reason.to_string()),
                Transition::Returned { id } => (id, false, String::new()),
            };
            let instance = target.0.id.clone();
            tracing::info!(service = &*self.name, instance, ejected, reason, "instance judged");
            let service = self.name.to_string();
            self.reports.ejection(proto::Ejection { service, instance, ejected, reason });
        }
    }
}

impl Underway<'_> {
    /// Tells the balancer how it went.
    pub(crate) fn finish(mut self, class: Class, retry_after: Option<Duration>) {
        self.report(class, retry_after);
    }

    fn report(&mut self, class: Class, retry_after: Option<Duration>) {
        let Some(ticket) = self.ticket.take() else { return };
        let latency = nanos(self.began.elapsed());
        let outcome = Outcome { class, latency, retry_after: retry_after.map(nanos) };
        self.service.balanced.lock().balancer.report(self.service.now(), ticket, outcome);
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.report(Class::Cancelled, None);
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        (&one.authority, &one.id, &one.protocol) == (&other.authority, &other.id, &other.protocol)
    }
}

impl Eq for Target {}

impl Hash for Target {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.authority, &self.0.id, &self.0.protocol).hash(state);
    }
}

fn candidate(endpoint: &Arc<Endpoint>) -> Candidate<Target> {
    Candidate {
        id: Target(endpoint.clone()),
        address: endpoint.authority.clone(),
        weight: endpoint.weight,
        zone: endpoint.zone.clone(),
        healthy: endpoint.available,
        since_ms: endpoint.registered_ms,
    }
}

fn nanos(duration: Duration) -> Nanos {
    Nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
