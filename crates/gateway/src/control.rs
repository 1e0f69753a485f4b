//! Keeps the workers' snapshots true: routes from configuration and catalog, endpoints from the
//! catalog.
//!
//! All of it happens in one thread beside the workers. A request never asks the catalog.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rialto_api::route::RouteSpec;
use rialto_catalog::{Change, DocumentKey, DocumentKind, Event, Selector, fold};
use rialto_door::Shutdown;
use rialto_engine::{Engine, WatchBatch};
use rialto_telemetry::EventKind;
use tokio::sync::Notify;

use crate::error::RouteError;
use crate::limits::{CHANGE_WINDOW_MS, ENDPOINT_NUMBERS_MAX, HOST_TTL_MS, ROUTES_MAX};
use crate::protect::Guard;
use crate::table::plan::{Destination, Plan};
use crate::table::{Origin, Route, Table};
use crate::upstream::{EndpointInfo, Service, Upstream};
use crate::worker::Shared;

/// The one place where tables and endpoint sets are made.
#[derive(Debug)]
pub(crate) struct Control {
    engine: Engine,
    shared: Arc<Shared>,
    balance: rialto_balance::Settings,
    state: Mutex<State>,
    unresolved: Notify,
}

#[derive(Debug, Default)]
struct State {
    configured: Vec<RouteSpec>,
    catalog: BTreeMap<String, RouteSpec>,
    /// What was said of wrong documents, so that it is said once.
    wrong: BTreeMap<String, String>,
    services: HashMap<Destination, Known>,
    upstreams: HashMap<(Destination, String), Arc<Upstream>>,
    upstreams_made: u32,
    hosts: HashMap<String, Host>,
}

/// A service, and the numbers its endpoints were given.
#[derive(Debug)]
struct Known {
    service: Arc<Service>,
    numbers: HashMap<String, u32>,
    numbers_given: u32,
}

#[derive(Debug)]
struct Host {
    ip: Option<IpAddr>,
    resolved_ms: u64,
    wanted: bool,
}

impl Control {
    pub(crate) fn new(
        engine: Engine,
        shared: Arc<Shared>,
        balance: rialto_balance::Settings,
    ) -> Self {
        Self { engine, shared, balance, state: Mutex::default(), unresolved: Notify::new() }
    }

    /// Takes over the routes of the configuration.
    pub(crate) fn configure(&self, routes: Vec<RouteSpec>) -> Result<(), RouteError> {
        for (at, spec) in routes.iter().enumerate() {
            Plan::compile(spec).map_err(|reason| RouteError { id: spec.id.clone(), reason })?;
            if at >= ROUTES_MAX {
                let reason = format!("there are more than {ROUTES_MAX} routes");
                return Err(RouteError { id: spec.id.clone(), reason });
            }
            if routes[..at].iter().any(|other| other.id == spec.id) {
                let reason = "another route has the same id; give it one with 'id'".to_owned();
                return Err(RouteError { id: spec.id.clone(), reason });
            }
        }
        let mut state = self.state.lock();
        state.configured = routes;
        self.rebuild(&mut state);
        Ok(())
    }

    /// Follows the catalog until `shutdown`.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let resolver = Arc::clone(&self);
        let resolving = tokio::spawn(async move { resolver.resolve_all().await });
        let mut begun = std::pin::pin!(shutdown.begun());
        // What happened before this revision is in the first look; what comes after, in the watch.
        let revision = self.engine.read(rialto_catalog::State::revision);
        let mut watch = self.engine.watch(Selector::All, Some(revision));
        self.look_at_everything();
        loop {
            let batch = tokio::select! {
                batch = watch.next() => batch,
                () = &mut begun => break,
            };
            match batch {
                WatchBatch::Snapshot(_) => self.look_at_everything(),
                WatchBatch::Changes(events, _) => self.follow(&events),
            }
            // A storm of changes is dealt with in gusts.
            tokio::time::sleep(Duration::from_millis(CHANGE_WINDOW_MS)).await;
        }
        resolving.abort();
    }

    /// Reads all route documents and all endpoints anew.
    pub(crate) fn look_at_everything(&self) {
        let documents: Vec<(DocumentKey, bytes::Bytes)> = self.engine.read(|state| {
            let documents = state.documents(DocumentKind::Route);
            documents.map(|(key, document)| (key.clone(), document.body.clone())).collect()
        });
        let mut state = self.state.lock();
        state.catalog.clear();
        for (key, body) in documents {
            self.put_document(&mut state, &key.name, &body);
        }
        self.rebuild(&mut state);
        self.refresh(&mut state, |_| true);
    }

    fn follow(&self, events: &[Event]) {
        let mut state = self.state.lock();
        let mut names = HashSet::new();
        let mut routes_changed = false;
        for event in events {
            match &event.change {
                Change::DocumentPut { key, body } if key.kind == DocumentKind::Route => {
                    self.put_document(&mut state, &key.name, body);
                    routes_changed = true;
                }
                Change::DocumentRemoved { key } if key.kind == DocumentKind::Route => {
                    state.catalog.remove(&key.name);
                    state.wrong.remove(&key.name);
                    routes_changed = true;
                }
                change => {
                    names.extend(change.service().map(|service| fold(service.name())));
                }
            }
        }
        if routes_changed {
            self.rebuild(&mut state);
        }
        self.refresh(&mut state, |destination| match destination {
            Destination::Service(name) => names.contains(name),
            Destination::Fixed { .. } => false,
        });
    }

    /// A document that makes no sense is reported, and what it replaces goes on.
    fn put_document(&self, state: &mut State, name: &str, body: &[u8]) {
        let read = serde_json::from_slice::<RouteSpec>(body).map_err(|error| error.to_string());
        let checked = read.and_then(|mut spec| {
            if spec.id.is_empty() {
                name.clone_into(&mut spec.id);
            }
            Plan::compile(&spec).map(|_| spec)
        });
        match checked {
            Ok(spec) => {
                state.wrong.remove(name);
                state.catalog.insert(name.to_owned(), spec);
            }
            Err(reason) => {
                if state.wrong.insert(name.to_owned(), reason.clone()).as_ref() != Some(&reason) {
                    let detail = format!("the route is not used: {reason}");
                    self.shared.telemetry.events().push(EventKind::Warning, name, detail);
                }
            }
        }
    }

    /// Makes a new table; routes that did not change are the same ones.
    fn rebuild(&self, state: &mut State) {
        let old = self.shared.table.load();
        let known: HashMap<&str, &Arc<Route>> =
            old.routes.iter().map(|route| (route.spec.id.as_str(), route)).collect();
        let catalog = state.catalog.values().cloned().collect::<Vec<_>>();
        let overridden: HashSet<&str> = catalog.iter().map(|spec| spec.id.as_str()).collect();
        let configured = state.configured.clone();
        let configured = configured.into_iter().filter(|spec| !overridden.contains(&*spec.id));
        let specs = configured
            .map(|spec| (spec, Origin::Configuration))
            .chain(catalog.iter().cloned().map(|spec| (spec, Origin::Catalog)));
        let mut routes = Vec::new();
        for (spec, origin) in specs.take(ROUTES_MAX) {
            let before = known.get(spec.id.as_str()).copied();
            match before.filter(|route| route.spec == spec && route.origin == origin) {
                Some(same) => routes.push(Arc::clone(same)),
                None => routes.extend(self.route(state, spec, origin, before)),
            }
        }
        let kept: HashSet<&str> = routes.iter().map(|route| route.spec.id.as_str()).collect();
        for route in old.routes.iter().filter(|route| !kept.contains(&*route.spec.id)) {
            self.shared.telemetry.routes().remove(&route.spec.id);
        }
        let used: HashSet<u32> = routes.iter().map(|route| route.upstream.number).collect();
        self.shared.table.store(Arc::new(Table::new(routes)));
        state.upstreams.retain(|_, upstream| used.contains(&upstream.number));
        let kept: HashSet<Destination> =
            state.upstreams.keys().map(|(destination, _)| destination.clone()).collect();
        state.services.retain(|destination, _| kept.contains(destination));
    }

    fn route(
        &self,
        state: &mut State,
        spec: RouteSpec,
        origin: Origin,
        before: Option<&Arc<Route>>,
    ) -> Option<Arc<Route>> {
        // Checked when it came in.
        let plan = Plan::compile(&spec).ok()?;
        let same_limits = |route: &&Arc<Route>| {
            let old = &route.spec;
            old.rate_limit == spec.rate_limit
                && old.concurrency == spec.concurrency
                && old.breaker == spec.breaker
        };
        let guard = match before.filter(same_limits) {
            Some(route) => Arc::clone(&route.guard),
            None => Arc::new(Guard::new(&spec)),
        };
        let upstream = self.upstream(state, &plan);
        let meter = self.shared.telemetry.routes().meter(&spec.id);
        Some(Arc::new(Route { spec, origin, plan, upstream, meter, guard }))
    }

    fn upstream(&self, state: &mut State, plan: &Plan) -> Arc<Upstream> {
        let algorithm = plan.algorithm.unwrap_or(self.balance.algorithm);
        let key = (plan.destination.clone(), format!("{algorithm:?}"));
        if let Some(upstream) = state.upstreams.get(&key) {
            return Arc::clone(upstream);
        }
        if !state.services.contains_key(&plan.destination) {
            let service = Arc::new(Service::new(&plan.destination));
            let known = Known { service, numbers: HashMap::new(), numbers_given: 0 };
            state.services.insert(plan.destination.clone(), known);
            self.refresh(state, |destination| *destination == plan.destination);
        }
        let service = Arc::clone(&state.services[&plan.destination].service);
        let settings = rialto_balance::Settings { algorithm, ..self.balance.clone() };
        let number = state.upstreams_made;
        state.upstreams_made += 1;
        let upstream = Arc::new(Upstream { number, service, settings });
        state.upstreams.insert(key, Arc::clone(&upstream));
        upstream
    }

    /// Publishes the endpoints of some services.
    fn refresh(&self, state: &mut State, chosen: impl Fn(&Destination) -> bool) {
        let State { services, hosts, .. } = state;
        let now_ms = self.shared.clock.now_ms();
        for (destination, known) in services.iter_mut().filter(|(one, _)| chosen(one)) {
            let mut endpoints: Vec<EndpointInfo> = Vec::new();
            for place in self.places(destination) {
                let authority = place.authority();
                if endpoints.iter().any(|other| *other.authority == *authority) {
                    continue;
                }
                let Some(ip) = resolve(hosts, &place.host, now_ms) else {
                    self.unresolved.notify_one();
                    continue;
                };
                endpoints.push(EndpointInfo {
                    id: known.number(&authority),
                    address: SocketAddr::new(ip, place.port),
                    authority: authority.into(),
                    weight: place.weight,
                    zone: place.zone.into(),
                    since_ms: place.since_ms,
                });
            }
            if known.numbers.len() > ENDPOINT_NUMBERS_MAX {
                known.numbers = endpoints
                    .iter()
                    .map(|endpoint| (endpoint.authority.to_string(), endpoint.id))
                    .collect();
            }
            known.service.publish(endpoints);
        }
    }

    /// Where the instances of a destination are, those that may be sent traffic.
    fn places(&self, destination: &Destination) -> Vec<Place> {
        match destination {
            Destination::Fixed { host, port } => {
                let (host, zone) = (host.clone(), String::new());
                vec![Place { host, port: *port, weight: 1.0, zone, since_ms: 0 }]
            }
            Destination::Service(name) => self.engine.read(|state| {
                let services = state.services_folded("public", "default", name);
                let instances = services.flat_map(|service| service.instances().iter());
                let usable = instances
                    .filter(|one| one.available() && one.port() != 0 && is_host(one.host()));
                usable
                    .map(|one| Place {
                        host: one.host().to_owned(),
                        port: one.port(),
                        weight: one.weight(),
                        zone: one.zone().to_owned(),
                        since_ms: one.registered().0,
                    })
                    .collect()
            }),
        }
    }

    /// Looks up the names of hosts, again and again.
    async fn resolve_all(&self) {
        loop {
            let pause = tokio::time::sleep(Duration::from_millis(HOST_TTL_MS));
            tokio::select! {
                () = self.unresolved.notified() => {}
                () = pause => {}
            }
            let now_ms = self.shared.clock.now_ms();
            let due: Vec<String> = {
                let state = self.state.lock();
                let old = |host: &Host| now_ms.saturating_sub(host.resolved_ms) >= HOST_TTL_MS;
                let hosts = state.hosts.iter().filter(|(_, host)| host.wanted || old(host));
                hosts.map(|(name, _)| name.clone()).collect()
            };
            let mut changed = false;
            for name in due {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await;
                let ip = found.ok().and_then(|mut found| found.next()).map(|found| found.ip());
                let mut state = self.state.lock();
                let resolved_ms = self.shared.clock.now_ms();
                if let Some(host) = state.hosts.get_mut(&name) {
                    // A name server that is gone does not make its last answer wrong.
                    let new = ip.or(host.ip);
                    changed |= new != host.ip;
                    *host = Host { ip: new, resolved_ms, wanted: false };
                }
            }
            if changed {
                self.refresh(&mut self.state.lock(), |_| true);
            }
        }
    }
}

impl Known {
    /// The number of an endpoint: the same for as long as it is remembered.
    fn number(&mut self, authority: &str) -> u32 {
        if let Some(number) = self.numbers.get(authority) {
            return *number;
        }
        let number = self.numbers_given;
        self.numbers_given = number.wrapping_add(1);
        self.numbers.insert(authority.to_owned(), number);
        number
    }
}

struct Place {
    host: String,
    port: u16,
    weight: f64,
    zone: String,
    since_ms: u64,
}

impl Place {
    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// Whether the host of an instance can stand in a request's head and in a log line.
fn is_host(host: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
    !host.is_empty() && host.bytes().all(legal)
}

/// The address of a host; None while it is looked up.
fn resolve(hosts: &mut HashMap<String, Host>, name: &str, now_ms: u64) -> Option<IpAddr> {
    if let Ok(ip) = name.parse() {
        return Some(ip);
    }
    if name.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    let unknown = || Host { ip: None, resolved_ms: now_ms, wanted: true };
    hosts.entry(name.to_owned()).or_insert_with(unknown).ip
}
