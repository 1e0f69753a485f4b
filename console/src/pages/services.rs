//! The list of services: searched, filtered, in the order of names, a page at a time from any name
//! on.

use askama::Template;
use rialto_catalog::{Protocol, ServiceKey, ServiceRef};

use super::{Nav, Page, Params, encode, html, namespaces, service_href};
use crate::context::App;
use crate::limits::{ROWS_MAX, SEARCH_CHARS_MAX};
use crate::source::{self, ServiceRow};
use crate::survey::{Health, each_service};
use crate::view::{Mark, View};

#[derive(Default)]
struct Filter {
    search: String,
    state: String,
    protocol: String,
    namespace: String,
    /// Read on after this name, or before it backwards.
    cursor: Option<(ServiceKey, bool)>,
}

#[derive(Template)]
#[template(path = "services_filters.html")]
struct Filters<'a> {
    v: &'a View,
    filter: &'a Filter,
    namespaces: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "services_table.html")]
struct Table<'a> {
    v: &'a View,
    rows: Vec<Row>,
    filtered: bool,
    command: &'static str,
    summary: String,
    previous: Option<String>,
    next: Option<String>,
}

struct Row {
    href: String,
    name: String,
    place: String,
    mark: Mark,
    state: &'static str,
    instances: usize,
    available: usize,
    protocols: Vec<&'static str>,
    changed_ms: Option<u64>,
    revision: u64,
}

const REGISTER: &str = "curl -X POST \
    -H \"Authorization: Bearer $(cat ~/.local/share/rialto/service.token)\" \
    -H 'Content-Type: application/json' \
    -d '{\"host\": \"127.0.0.1\", \"port\": 9000, \"ttl_ms\": 60000}' \
    http://127.0.0.1:7000/api/v1/services/hello/instances";

pub(super) fn page(app: &App, view: &View, params: &Params) -> Page {
    let filter = Filter::read(params);
    let mut page = Page::new(Nav::Services, view.t("nav.services").to_owned());
    let total = app.context.engine.read(|state| state.services_len());
    page.sub = view.n("services.count", total as u64);
    page.shape = "list";
    let namespaces = namespaces::choices(app, view, &filter.namespace);
    page.top = html(&Filters { v: view, filter: &filter, namespaces });
    let (rows, previous, next) = find(app, &filter);
    let link = |key: Option<ServiceKey>, name: &str| key.map(|key| filter.address(name, &key));
    page.region(
        "services",
        &Table {
            v: view,
            filtered: filter.narrows() && total > 0,
            command: REGISTER,
            summary: view.n("services.shown", rows.len() as u64),
            previous: link(previous, "before"),
            next: link(next, "after"),
            rows: rows.iter().map(|row| shown(view, row)).collect(),
        },
    );
    page
}

/// The rows of a page in order, and the names to read on from either way.
fn find(app: &App, filter: &Filter) -> (Vec<ServiceRow>, Option<ServiceKey>, Option<ServiceKey>) {
    let backwards = filter.cursor.as_ref().is_some_and(|(_, backwards)| *backwards);
    let needle = filter.search.to_lowercase();
    let mut rows = Vec::new();
    each_service(&app.context.engine, filter.start(), |service| {
        if !filter.namespace.is_empty() && service.key().namespace() != filter.namespace {
            return false;
        }
        if filter.matches(service, &needle) {
            rows.push(source::row(service));
        }
        rows.len() <= ROWS_MAX
    });
    let more = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    if backwards {
        rows.reverse();
    }
    let first = rows.first().map(|row| row.key.clone());
    let last = rows.last().map(|row| row.key.clone());
    match (&filter.cursor, backwards) {
        (None, _) => (rows, None, last.filter(|_| more)),
        (Some(_), false) => (rows, first, last.filter(|_| more)),
        (Some(_), true) => (rows, first.filter(|_| more), last),
    }
}

fn shown(view: &View, row: &ServiceRow) -> Row {
    let (namespace, group, name) = row.key.parts();
    let usual = row.key.to_string() == name;
    Row {
        href: service_href(&row.key),
        name: name.to_owned(),
        place: if usual { String::new() } else { format!("{namespace} / {group}") },
        mark: row.health.mark(),
        state: state_word(view, &row.health),
        instances: row.instances,
        available: row.available,
        protocols: row.protocols.clone(),
        changed_ms: row.changed_ms,
        revision: row.revision,
    }
}

/// The word for how a service is.
pub(super) fn state_word(view: &View, health: &Health) -> &'static str {
    match health {
        Health::Ok => view.t("services.state_ok"),
        Health::Empty => view.t("services.state_empty"),
        Health::Part { .. } => view.t("services.state_part"),
        Health::Protected { .. } => view.t("services.state_protected"),
        Health::Bad { .. } => view.t("services.state_bad"),
    }
}

impl Filter {
    fn read(params: &Params) -> Self {
        let cursor = |name, backwards| {
            let mut parts = params.get(name).splitn(3, '/');
            let key = ServiceKey::new(parts.next()?, parts.next()?, parts.next()?).ok()?;
            Some((key, backwards))
        };
        Self {
            search: params.get("q").trim().chars().take(SEARCH_CHARS_MAX).collect(),
            state: params.get("state").to_owned(),
            protocol: params.get("protocol").to_owned(),
            namespace: params.get("ns").to_owned(),
            cursor: cursor("after", false).or_else(|| cursor("before", true)),
        }
    }

    /// Where to begin reading: a namespace begins at the name below all that it can hold.
    fn start(&self) -> Option<(ServiceKey, bool)> {
        let namespace = || ServiceKey::new(&self.namespace, " ", " ").ok().map(|key| (key, false));
        self.cursor.clone().or_else(namespace)
    }

    fn narrows(&self) -> bool {
        let parts = [&self.search, &self.state, &self.protocol, &self.namespace];
        parts.into_iter().any(|part| !part.is_empty())
    }

    fn matches(&self, service: &ServiceRef<'_>, needle: &str) -> bool {
        let protocol = Protocol::parse(&self.protocol);
        let state = match self.state.as_str() {
            "ok" => Health::of(service) == Health::Ok,
            "trouble" => Health::of(service).is_trouble(),
            "empty" => service.is_empty(),
            _ => true,
        };
        state
            && protocol.is_none_or(|protocol| service.count(protocol) > 0)
            && (needle.is_empty() || service.key().name().to_lowercase().contains(needle))
    }

    fn address(&self, direction: &str, key: &ServiceKey) -> String {
        let (namespace, group, name) = key.parts();
        let cursor = format!("{namespace}/{group}/{name}");
        let mut query = String::new();
        for (name, value) in [
            ("q", &self.search),
            ("ns", &self.namespace),
            ("state", &self.state),
            ("protocol", &self.protocol),
        ] {
            if !value.is_empty() {
                query.push_str(&format!("{name}={}&", encode(value)));
            }
        }
        format!("/services?{query}{direction}={}", encode(&cursor))
    }
}
