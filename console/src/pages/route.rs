//! One route: what it carries, how it is defined, its history, and what can be done.

use askama::Template;
use rialto_api::route::RouteSpec;

use super::overview::{HealthLine, Part, traffic_parts};
use super::{Crumb, Missing, Nav, Page, events, route_href, routes};
use crate::context::App;
use crate::format;
use crate::view::{Mark, View};

/// Events in the history.
const HISTORY: usize = 8;
/// Stands for a key that is not shown, and is put back when a form sends it.
pub(super) const HIDDEN: &str = "(not shown)";

#[derive(Template)]
#[template(path = "route_definition.html")]
struct Definition<'a> {
    v: &'a View,
    json: String,
    origin: &'static str,
}

#[derive(Template)]
#[template(path = "route_remove.html")]
struct Change<'a> {
    v: &'a View,
    removable: bool,
    edit: String,
    action: String,
}

pub(super) fn page(app: &App, view: &View, id: &str) -> Result<Page, Missing> {
    let (spec, origin) = find(app, view, id)?;
    let mut page = Page::new(Nav::Gateway, id.to_owned());
    page.crumb = Some(Crumb { href: "/gateway".into(), text: view.t("nav.gateway").into() });
    page.sub = spec.uri.clone();
    page.shape = "detail";
    let traffic = app.context.telemetry.routes().traffic(id).unwrap_or_default();
    let [mut rate, errors, latency] = traffic_parts(view, &traffic, String::new());
    rate.name = view.t("traffic.rate");
    rate.note = view.n("traffic.total", traffic.requests);
    let under_way = Part {
        name: view.t("traffic.in_flight"),
        value: format::count(traffic.in_flight),
        unit: String::new(),
        note: String::new(),
        mark: Mark::Ok,
    };
    let parts = vec![rate, errors, latency, under_way];
    page.region("state", &HealthLine { v: view, parts });
    let json = serde_json::to_string_pretty(&shown(&spec)).unwrap_or_default();
    let word = routes::origin_word(view, &origin);
    page.region("definition", &Definition { v: view, json, origin: word });
    let subject_is = |subject: &str| subject == id;
    let events = events::about(app, HISTORY, subject_is);
    let title = view.t("service.history");
    page.region("history", &events::Feed { v: view, title, events });
    if view.administers() {
        let href = route_href(id);
        let (edit, action) = (format!("{href}/edit"), format!("{href}/remove"));
        page.region("change", &Change { v: view, removable: origin == "catalog", edit, action });
    }
    Ok(page)
}

/// A route that the gateway uses, with its origin.
pub(super) fn find(app: &App, view: &View, id: &str) -> Result<(RouteSpec, String), Missing> {
    (app.context.list_routes)()
        .into_iter()
        .find(|(spec, _)| spec.id == id)
        .ok_or(Missing { title: view.t("route.gone"), text: view.t("route.gone_how") })
}

/// The route without the secret that signs tokens.
pub(super) fn shown(spec: &RouteSpec) -> RouteSpec {
    let mut spec = spec.clone();
    if let Some(jwt) = spec.auth.as_mut().and_then(|auth| auth.jwt.as_mut())
        && jwt.algorithm == "HS256"
    {
        jwt.key = HIDDEN.to_owned();
    }
    spec
}
