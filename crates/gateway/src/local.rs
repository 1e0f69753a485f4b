//! A worker's own view of routes and services: nothing in it is shared, so nothing in it is locked.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rialto_balance::{
    Balancer, Class, Endpoint as Choice, Nanos, Outcome, Request, Ticket, Transition,
};
use rialto_resilience::{BudgetSettings, RetryBudget};
use rialto_telemetry::{Meter, Telemetry};

use crate::limits::CALLERS_MAX;
use crate::pool::Endpoint;
use crate::table::{Route, Table};
use crate::upstream::Upstream;

/// The table in use, and what the worker adds to each of its routes.
#[derive(Debug, Default)]
pub(crate) struct LocalTable {
    pub(crate) source: Arc<Table>,
    routes: Vec<Option<Rc<LocalRoute>>>,
    upstreams: HashMap<u32, Rc<LocalUpstream>, ahash::RandomState>,
}

/// A route and this worker's handles for it.
#[derive(Debug)]
pub(crate) struct LocalRoute {
    pub(crate) route: Arc<Route>,
    pub(crate) upstream: Rc<LocalUpstream>,
    /// Calls from outside to the service.
    pub(crate) edge: Arc<Meter>,
    /// This worker's budget for further tries.
    pub(crate) budget: RetryBudget,
    /// Calls from services that name themselves.
    callers: RefCell<HashMap<Box<[u8]>, Arc<Meter>, ahash::RandomState>>,
    telemetry: Telemetry,
}

/// A service's endpoints with this worker's balancer and connections.
#[derive(Debug)]
pub(crate) struct LocalUpstream {
    pub(crate) upstream: Arc<Upstream>,
    version: Cell<u64>,
    balancer: RefCell<Balancer<u32>>,
    endpoints: RefCell<HashMap<u32, Rc<Endpoint>, ahash::RandomState>>,
}

/// A call under way to an endpoint. Dropped without a report it counts as cancelled.
#[derive(Debug)]
pub(crate) struct InFlight {
    upstream: Rc<LocalUpstream>,
    pub(crate) endpoint: Rc<Endpoint>,
    ticket: Option<Ticket>,
}

impl LocalTable {
    /// Takes over a new table; services still in use keep their connections.
    pub(crate) fn replace(&mut self, source: Arc<Table>) {
        self.routes = vec![None; source.routes.len()];
        self.upstreams.retain(|number, upstream| {
            let used = source.routes.iter().any(|route| route.upstream.number == *number);
            if !used {
                upstream.retire();
            }
            used
        });
        self.source = source;
    }

    /// The worker's handles for a route of the table.
    pub(crate) fn route(&mut self, number: u32, telemetry: &Telemetry) -> Rc<LocalRoute> {
        let number = number as usize;
        if let Some(route) = &self.routes[number] {
            return Rc::clone(route);
        }
        let route = &self.source.routes[number];
        let upstream = self
            .upstreams
            .entry(route.upstream.number)
            .or_insert_with(|| Rc::new(LocalUpstream::new(Arc::clone(&route.upstream))));
        let local = Rc::new(LocalRoute {
            edge: telemetry.calls().meter("gateway", &route.upstream.service.name),
            budget: RetryBudget::new(&BudgetSettings {
                ratio: route.plan.retry.budget_ratio,
                ..BudgetSettings::default()
            }),
            route: Arc::clone(route),
            upstream: Rc::clone(upstream),
            callers: RefCell::default(),
            telemetry: telemetry.clone(),
        });
        self.routes[number] = Some(Rc::clone(&local));
        local
    }

    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Rc<LocalUpstream>> {
        self.upstreams.values()
    }
}

impl LocalRoute {
    /// Where calls of a caller are counted that names itself.
    pub(crate) fn caller(&self, caller: Option<&[u8]>) -> Option<Arc<Meter>> {
        let caller = caller?;
        let mut callers = self.callers.borrow_mut();
        if let Some(meter) = callers.get(caller) {
            return Some(Arc::clone(meter));
        }
        let name = std::str::from_utf8(caller).unwrap_or("other");
        let meter = self.telemetry.calls().meter(name, &self.upstream.upstream.service.name);
        if callers.len() < CALLERS_MAX {
            callers.insert(caller.into(), Arc::clone(&meter));
        }
        Some(meter)
    }
}

impl LocalUpstream {
    fn new(upstream: Arc<Upstream>) -> Self {
        let seed = u64::from(upstream.number);
        let balancer = RefCell::new(Balancer::new(upstream.settings.clone(), seed));
        Self { upstream, version: Cell::new(0), balancer, endpoints: RefCell::default() }
    }

    /// Chooses an instance that is not among `tried`.
    pub(crate) fn pick(
        self: &Rc<Self>,
        now: Nanos,
        hash: Option<u32>,
        tried: &[u32],
        random: &mut SmallRng,
    ) -> Option<InFlight> {
        if self.version.get() != self.upstream.service.version() {
            self.refresh(now);
        }
        let request = Request { hash, exclude: tried };
        let picked = self.balancer.borrow_mut().pick(now, &request, random)?;
        let endpoint = self.endpoints.borrow().get(&picked.id).cloned();
        let Some(endpoint) = endpoint else {
            let cancelled = Outcome::new(Class::Cancelled, Nanos(0));
            self.balancer.borrow_mut().report(now, picked.ticket, cancelled);
            return None;
        };
        Some(InFlight { upstream: Rc::clone(self), endpoint, ticket: Some(picked.ticket) })
    }

    /// Whether an instance is there that is neither `present` nor among `tried`.
    pub(crate) fn has_other(&self, tried: &[u32], present: u32) -> bool {
        self.endpoints.borrow().keys().any(|id| *id != present && !tried.contains(id))
    }

    /// Judges endpoints and trims their connections.
    pub(crate) fn tick(&self, now: Nanos) -> Vec<Transition<u32>> {
        for endpoint in self.endpoints.borrow().values() {
            endpoint.trim(now.as_millis());
        }
        self.balancer.borrow_mut().tick(now)
    }

    /// `host:port` of an endpoint, for people.
    pub(crate) fn authority(&self, id: u32) -> Option<String> {
        self.endpoints.borrow().get(&id).map(|endpoint| endpoint.authority.to_string())
    }

    fn refresh(&self, now: Nanos) {
        let set = self.upstream.service.endpoints();
        self.version.set(set.version);
        let mut endpoints = self.endpoints.borrow_mut();
        let mut old = std::mem::take(&mut *endpoints);
        for info in &set.endpoints {
            let same = |known: &Rc<Endpoint>| {
                known.address == info.address && *known.authority == *info.authority
            };
            let endpoint = match old.remove(&info.id) {
                Some(known) if same(&known) => known,
                // Its own copy: a count shared by all workers would make each request touch it.
                _ => Rc::new(Endpoint::new(info.id, info.address, (*info.authority).into())),
            };
            endpoints.insert(info.id, endpoint);
        }
        old.values().for_each(|endpoint| endpoint.retire());
        let choices = set.endpoints.iter().map(|info| Choice {
            id: info.id,
            address: info.authority.to_string(),
            weight: info.weight,
            zone: info.zone.to_string(),
            healthy: true,
            since_ms: info.since_ms,
        });
        self.balancer.borrow_mut().update(now, choices);
    }

    fn retire(&self) {
        self.endpoints.borrow().values().for_each(|endpoint| endpoint.retire());
    }
}

impl InFlight {
    /// Tells the balancer how the call went.
    pub(crate) fn report(mut self, now: Nanos, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.upstream.balancer.borrow_mut().report(now, ticket, outcome);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            // The time is not known here; zero is never later than what the balancer knows.
            let cancelled = Outcome::new(Class::Cancelled, Nanos(0));
            self.upstream.balancer.borrow_mut().report(Nanos(0), ticket, cancelled);
        }
    }
}
