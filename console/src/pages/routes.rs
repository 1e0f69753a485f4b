//! The gateway's routes with what they carry.

use askama::Template;
use rialto_api::rest::Traffic;
use rialto_api::route::RouteSpec;

use super::{Nav, Page, route_href};
use crate::context::App;
use crate::view::{Html, View, escape};

struct Row {
    href: String,
    spec: RouteSpec,
    origin: &'static str,
    matches: String,
    disabled: bool,
    traffic: Traffic,
}

#[derive(Template)]
#[template(path = "routes_table.html")]
struct Table<'a> {
    v: &'a View,
    rows: Vec<Row>,
    command: &'static str,
}

pub(super) fn page(app: &App, view: &View) -> Page {
    let mut page = Page::new(Nav::Gateway, view.t("nav.gateway").to_owned());
    if let Some(address) = app.context.doors.get("gateway") {
        page.sub = address.clone();
    }
    if view.administers() {
        let word = escape(view.t("routes.add"));
        page.right = Html(format!("<a class=\"button primary\" href=\"/gateway/add\">{word}</a>"));
    }
    let command = "rialto serve --route '/shop/**=lb://storefront'";
    page.region("routes", &Table { v: view, rows: rows(app, view), command });
    page
}

fn rows(app: &App, view: &View) -> Vec<Row> {
    let mut rows: Vec<Row> = (app.context.list_routes)()
        .into_iter()
        .map(|(spec, origin)| Row {
            href: route_href(&spec.id),
            origin: origin_word(view, &origin),
            matches: matches(view, &spec),
            disabled: spec.enabled == Some(false),
            traffic: app.context.telemetry.routes().traffic(&spec.id).unwrap_or_default(),
            spec,
        })
        .collect();
    // In the order in which the gateway tries them.
    rows.sort_by_key(|row| row.spec.order);
    rows
}

/// Where a route comes from, in words.
pub(super) fn origin_word(view: &View, origin: &str) -> &'static str {
    if origin == "catalog" {
        view.t("routes.from_catalog")
    } else {
        view.t("routes.from_configuration")
    }
}

/// The conditions of a route on one line.
fn matches(view: &View, spec: &RouteSpec) -> String {
    let mut parts = Vec::new();
    parts.extend((!spec.methods.is_empty()).then(|| spec.methods.join("|")));
    parts.extend((!spec.hosts.is_empty()).then(|| spec.hosts.join(", ")));
    parts.extend((!spec.paths.is_empty()).then(|| spec.paths.join(", ")));
    parts.extend(spec.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if parts.is_empty() { view.t("routes.everything").to_owned() } else { parts.join("  ") }
}
