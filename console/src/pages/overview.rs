//! What is wrong, since when, and what changed: one screen.

use askama::Template;
use rialto_api::rest::Traffic;
use rialto_telemetry::{EventKind, HistoryPoint};

use super::{Nav, Page, events, route_href, service_href};
use crate::chart::{Chart, Series, Window};
use crate::context::App;
use crate::format;
use crate::survey::{Health, Survey};
use crate::view::{Mark, View, error_mark};

/// Events looked at; people who sign in are no change.
const EVENTS_LOOKED_AT: usize = 50;
/// Events shown on one screen.
const CHANGES: usize = 7;
/// Steps of the charts.
const STEPS: usize = 180;
/// Widths of a step: three, six and fifteen minutes in all. A young server gets the shortest that
/// holds its history, so that there is something to see.
const STEPS_MS: [u64; 3] = [1_000, 2_000, 5_000];
/// Refusals a second that are worth a look.
const REFUSED_WARN: f64 = 0.2;

/// One part of the health line.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) unit: String,
    pub(super) note: String,
    pub(super) mark: Mark,
}

struct Item {
    key: String,
    href: String,
    subject: String,
    why: String,
    mark: Mark,
    since_ms: Option<u64>,
}

struct Lease {
    key: String,
    href: String,
    service: String,
    id: String,
    expires_ms: u64,
}

#[derive(Template)]
#[template(path = "overview_attention.html")]
struct Attention<'a> {
    v: &'a View,
    troubles: Vec<Item>,
    more: usize,
}

#[derive(Template)]
#[template(path = "overview_health.html")]
pub(super) struct HealthLine<'a> {
    pub(super) v: &'a View,
    pub(super) parts: Vec<Part>,
}

#[derive(Template)]
#[template(path = "overview_charts.html")]
struct Charts<'a> {
    v: &'a View,
    charts: Vec<Chart>,
    minutes: u64,
    quiet: bool,
    command: &'static str,
}

#[derive(Template)]
#[template(path = "overview_expiring.html")]
struct ExpiringList<'a> {
    v: &'a View,
    leases: Vec<Lease>,
}

pub(super) fn page(app: &App, view: &View) -> Page {
    let survey = app.surveyor.lock().look(&app.context.engine);
    let routes = app.context.telemetry.routes().list();
    let total = app.context.telemetry.routes().total();
    let mut page = Page::new(Nav::Overview, view.t("nav.overview").to_owned());
    let running_ms = view.now_ms.saturating_sub(app.context.started_ms);
    page.sub = view.f("overview.since", &[("n", &view.span(running_ms))]);

    let mut troubles: Vec<Item> = survey.troubles.iter().map(|one| item(view, one)).collect();
    troubles.extend(routes.iter().filter_map(|(id, traffic)| route_item(view, id, traffic)));
    troubles.sort_by_key(|item| std::cmp::Reverse(item.mark));
    let more = survey.troubles_len.saturating_sub(survey.troubles.len());
    page.region("attention", &Attention { v: view, troubles, more }).polite = true;

    let parts = parts(app, view, &survey, &total, routes.len());
    page.region("health", &HealthLine { v: view, parts });
    let history = app.context.telemetry.routes().history();
    page.region("charts", &charts(view, &history));
    let mut events = app.context.telemetry.events().recent(EVENTS_LOOKED_AT, None);
    events.retain(|event| event.kind != EventKind::SignedIn.as_str());
    events.truncate(CHANGES);
    let title = view.t("overview.changes");
    page.region("changes", &events::Feed { v: view, title, events });
    let leases = leases(&survey);
    page.region("expiring", &ExpiringList { v: view, leases });
    page
}

fn item(view: &View, trouble: &crate::survey::Trouble) -> Item {
    let why = match &trouble.health {
        Health::Bad { instances } => view.n("overview.why_none_available", *instances as u64),
        Health::Part { available, instances } => view.f(
            "overview.why_some",
            &[("available", &view.count(available)), ("instances", &view.count(instances))],
        ),
        Health::Protected { reason } => view.f("overview.why_protected", &[("reason", reason)]),
        Health::Ok | Health::Empty => String::new(),
    };
    Item {
        key: trouble.service.to_string(),
        href: service_href(&trouble.service),
        subject: trouble.service.to_string(),
        why,
        mark: trouble.health.mark(),
        since_ms: trouble.since_ms,
    }
}

fn route_item(view: &View, id: &str, traffic: &Traffic) -> Option<Item> {
    let (why, mark) = if error_mark(traffic) >= Mark::Warn {
        let percent = format::percent(traffic.error_rate, traffic.rate);
        (view.f("overview.why_errors", &[("n", &percent)]), error_mark(traffic))
    } else if traffic.limited_rate >= REFUSED_WARN {
        let rate = format::rate(traffic.limited_rate);
        (view.f("overview.why_limited", &[("n", &rate)]), Mark::Warn)
    } else {
        return None;
    };
    let (key, href) = (format!("route {id}"), route_href(id));
    Some(Item { key, href, subject: id.to_owned(), why, mark, since_ms: None })
}

fn parts(app: &App, view: &View, survey: &Survey, total: &Traffic, routes: usize) -> Vec<Part> {
    let worst = survey.troubles.first().map_or(Mark::Ok, |trouble| trouble.health.mark());
    let doors: Vec<String> = app.context.doors.iter().map(|(name, at)| door(name, at)).collect();
    let mut parts = vec![Part {
        name: view.t("overview.catalog"),
        value: view.count(&survey.available),
        unit: view.n("overview.catalog_of", survey.instances as u64),
        note: view.n("overview.catalog_note", survey.services as u64),
        mark: worst,
    }];
    parts.extend(traffic_parts(view, total, view.n("overview.gateway_note", routes as u64)));
    parts.push(Part {
        name: view.t("overview.doors"),
        value: view.count(&doors.len()),
        unit: view.t("overview.doors_open").to_owned(),
        note: doors.join(" · "),
        mark: Mark::Ok,
    });
    parts.push(Part {
        name: view.t("overview.process"),
        value: format::mebibytes(rialto_telemetry::process::memory_bytes()),
        unit: "MiB".to_owned(),
        note: view.f("overview.process_note", &[("n", &app.context.version)]),
        mark: Mark::Ok,
    });
    parts
}

/// A door by its port: hosts are the same mostly, and room is short.
fn door(name: &str, address: &str) -> String {
    let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
    format!("{name} :{port}")
}

/// Rate, errors and latency, as the overview and a route's page show them.
pub(super) fn traffic_parts(view: &View, traffic: &Traffic, note: String) -> [Part; 3] {
    let refused = format::rate(traffic.limited_rate);
    let limited = traffic.limited_rate >= REFUSED_WARN;
    let mark = error_mark(traffic).max(if limited { Mark::Warn } else { Mark::Ok });
    [
        Part {
            name: view.t("overview.gateway"),
            value: format::rate(traffic.rate),
            unit: "req/s".to_owned(),
            note,
            mark: Mark::Ok,
        },
        Part {
            name: view.t("overview.errors"),
            value: if traffic.rate > 0.0 {
                format::percent(traffic.error_rate, traffic.rate)
            } else {
                "–".to_owned()
            },
            unit: "%".to_owned(),
            note: view.f("overview.errors_note", &[("n", &refused)]),
            mark,
        },
        Part {
            name: view.t("overview.latency"),
            value: format::millis(traffic.p99_ms),
            unit: "ms".to_owned(),
            note: view.f("overview.latency_note", &[("n", &format::millis(traffic.p50_ms))]),
            mark: Mark::Ok,
        },
    ]
}

fn charts<'a>(view: &'a View, history: &[HistoryPoint]) -> Charts<'a> {
    let age_ms = history.first().map_or(0, |first| view.now_ms.saturating_sub(first.at_ms));
    let holds = |step_ms: &&u64| **step_ms * STEPS as u64 >= age_ms;
    let step_ms = STEPS_MS.iter().find(holds).copied().unwrap_or(5_000);
    let window = Window::ending(view.now_ms, step_ms, STEPS);
    let means = |value: fn(&HistoryPoint) -> Option<f64>| {
        window.means(history.iter().filter_map(|point| Some((point.at_ms, value(point)?))))
    };
    let series = |name: &str, colour, filled, dotted, value| Series {
        name: name.to_owned(),
        colour,
        filled,
        dotted,
        values: means(value),
    };
    let quiet = history.iter().all(|point| point.rate <= 0.0 && point.limited_rate <= 0.0);
    let charts = vec![
        Chart::new(
            view.t("overview.requests"),
            view.t("overview.per_second"),
            "h-l",
            window,
            vec![series(view.t("traffic.rate"), "c-accent", true, false, |p| Some(p.rate))],
        ),
        Chart::new(
            view.t("overview.failures"),
            view.t("overview.per_second"),
            "h-s",
            window,
            vec![
                series(view.t("traffic.errors"), "c-bad", true, false, |p| Some(p.error_rate)),
                series(view.t("overview.refused"), "c-warn", false, true, |p| Some(p.limited_rate)),
            ],
        ),
        Chart::new(
            view.t("overview.latency_chart"),
            view.t("overview.milliseconds"),
            "h-s",
            window,
            vec![
                series("p99", "c-accent", false, false, |p| p.p99_ms),
                series("p50", "c-faint", false, true, |p| p.p50_ms),
            ],
        ),
    ];
    let command = "rialto serve --route '/shop/**=lb://storefront'";
    let minutes = step_ms * STEPS as u64 / 60_000;
    Charts { v: view, charts, minutes, quiet, command }
}

fn leases(survey: &Survey) -> Vec<Lease> {
    let lease = |expiring: &crate::survey::Expiring| Lease {
        key: format!("{}/{}", expiring.service, expiring.id),
        href: service_href(&expiring.service),
        service: expiring.service.to_string(),
        id: expiring.id.clone(),
        expires_ms: expiring.expires_ms,
    };
    survey.expiring.iter().map(lease).collect()
}
