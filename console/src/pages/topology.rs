//! Who calls whom, drawn from the calls seen, with the same numbers as a table.

use std::collections::BTreeMap;

use askama::Template;
use rialto_api::rest::EdgeView;
use rialto_catalog::ServiceKey;

use super::{Nav, Page, service_href};
use crate::context::App;
use crate::format;
use crate::limits::{EDGES_MAX, NODES_MAX};
use crate::survey::{Health, each_service};
use crate::topology::{Drawing, EdgeState, NodeState, draw};
use crate::view::{Mark, View, error_mark};

/// The name under which the gateway calls.
const GATEWAY: &str = "gateway";

#[derive(Template)]
#[template(path = "topology.html")]
struct Graph<'a> {
    v: &'a View,
    drawings: Vec<Drawing>,
}

#[derive(Template)]
#[template(path = "topology_calls.html")]
struct Calls<'a> {
    v: &'a View,
    edges: &'a [EdgeView],
    /// Address and name of services that neither call nor are called.
    silent: Vec<(String, String)>,
}

pub(super) fn page(app: &App, view: &View) -> Page {
    let mut edges = app.context.telemetry.calls().edges();
    edges.sort_by(|one, two| {
        let busier = two.traffic.rate.total_cmp(&one.traffic.rate);
        busier.then_with(|| (&one.from, &one.to).cmp(&(&two.from, &two.to)))
    });
    edges.truncate(EDGES_MAX);
    let names = names(&edges);
    edges.retain(|edge| names.contains_key(&edge.from) && names.contains_key(&edge.to));
    let mut drawn = edges.clone();
    // The drawing must not depend on who is busiest at the moment.
    drawn.sort_by(|one, two| (&one.from, &one.to).cmp(&(&two.from, &two.to)));
    let nodes: Vec<NodeState> = names.keys().map(|name| node(app, view, name)).collect();
    let lines: Vec<EdgeState> = drawn.iter().map(|edge| line(view, edge, &names)).collect();
    let drawings = if nodes.is_empty() { Vec::new() } else { draw(&nodes, &lines).into() };

    let mut page = Page::new(Nav::Topology, view.t("nav.topology").to_owned());
    page.sub = view.t("topology.sub").to_owned();
    page.region("graph", &Graph { v: view, drawings });
    let silent = silent(app, &names);
    page.region("calls", &Calls { v: view, edges: &edges, silent });
    page
}

/// The callers and callees of the busiest calls, each with its index.
fn names(edges: &[EdgeView]) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for edge in edges {
        for name in [&edge.from, &edge.to] {
            if names.len() < NODES_MAX {
                names.entry(name.clone()).or_insert(0);
            }
        }
    }
    names.values_mut().enumerate().for_each(|(at, index)| *index = at);
    names
}

fn node(app: &App, view: &View, name: &str) -> NodeState {
    if name == GATEWAY {
        return NodeState {
            name: name.to_owned(),
            note: view.t("topology.from_outside").to_owned(),
            mark: Mark::Ok,
            entry: true,
            href: "/gateway".to_owned(),
        };
    }
    let found = app.context.engine.read(|state| {
        let folded = name.to_lowercase();
        let (namespace, group) = (ServiceKey::NAMESPACE_DEFAULT, ServiceKey::GROUP_DEFAULT);
        let mut services = state.services_folded(namespace, group, &folded);
        services.next().map(|service| {
            (service.key().clone(), service.available(), service.len(), Health::of(&service))
        })
    });
    let (note, mark, href) = match found {
        Some((key, available, instances, health)) => {
            let counts =
                [("available", &*view.count(&available)), ("instances", &*view.count(&instances))];
            (view.f("topology.note", &counts), health.mark(), service_href(&key))
        }
        None => {
            let search = format!("/services?q={}", super::encode(name));
            (view.t("topology.unregistered").to_owned(), Mark::Off, search)
        }
    };
    NodeState { name: name.to_owned(), note, mark, entry: false, href }
}

fn line(view: &View, edge: &EdgeView, names: &BTreeMap<String, usize>) -> EdgeState {
    let traffic = &edge.traffic;
    let mark = match error_mark(traffic) {
        Mark::Ok => Mark::Off,
        trouble => trouble,
    };
    let percent = format::percent(traffic.error_rate, traffic.rate);
    let rate = format!("{}/s", format::rate(traffic.rate));
    EdgeState {
        from: names[&edge.from],
        to: names[&edge.to],
        rate: traffic.rate,
        label: format!("{rate} · {} ms", format::millis(traffic.p50_ms)),
        label_short: rate,
        trouble: if mark == Mark::Off {
            String::new()
        } else {
            view.f("topology.errors", &[("n", &percent)])
        },
        mark,
    }
}

fn silent(app: &App, names: &BTreeMap<String, usize>) -> Vec<(String, String)> {
    let mut silent = Vec::new();
    each_service(&app.context.engine, None, |service| {
        let key = service.key();
        if !names.keys().any(|name| name.eq_ignore_ascii_case(key.name())) {
            silent.push((service_href(key), key.to_string()));
        }
        silent.len() < NODES_MAX
    });
    silent
}
