//! What happened, newest first, live.

use askama::Template;
use rialto_api::rest::EventView;
use rialto_telemetry::EventKind;

use super::{Nav, Page, Params, encode, html};
use crate::context::App;
use crate::limits::{EVENT_ROWS_MAX, EVENTS_SCANNED_MAX, SEARCH_CHARS_MAX};
use crate::view::View;

/// Kinds that can be asked for, in the order of the menu.
const KINDS: [EventKind; 20] = [
    EventKind::Registered,
    EventKind::Deregistered,
    EventKind::Expired,
    EventKind::StatusChanged,
    EventKind::ProtectionBegan,
    EventKind::ProtectionEnded,
    EventKind::Ejected,
    EventKind::Returned,
    EventKind::Limited,
    EventKind::BreakerOpened,
    EventKind::BreakerClosed,
    EventKind::RouteChanged,
    EventKind::ConfigurationChanged,
    EventKind::NamespaceChanged,
    EventKind::AccessChanged,
    EventKind::SignedIn,
    EventKind::SignInFailed,
    EventKind::Started,
    EventKind::Stopping,
    EventKind::Warning,
];

struct Filter {
    search: String,
    kind: String,
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "events_filters.html")]
struct Filters<'a> {
    v: &'a View,
    filter: &'a Filter,
    kinds: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "events_table.html")]
struct Table<'a> {
    v: &'a View,
    rows: Vec<EventView>,
    filtered: bool,
    summary: String,
    newest: Option<String>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "feed.html")]
pub(super) struct Feed<'a> {
    pub(super) v: &'a View,
    pub(super) title: &'static str,
    pub(super) events: Vec<EventView>,
}

pub(super) fn page(app: &App, view: &View, params: &Params) -> Page {
    let filter = Filter {
        search: params.get("q").chars().take(SEARCH_CHARS_MAX).collect(),
        kind: params.get("kind").to_owned(),
        before: params.get("before").parse().ok(),
    };
    let mut page = Page::new(Nav::Events, view.t("nav.events").to_owned());
    let kinds = KINDS.map(EventKind::as_str).to_vec();
    page.shape = "list";
    page.top = html(&Filters { v: view, filter: &filter, kinds });
    let mut rows = find(app, &filter);
    let more = rows.len() > EVENT_ROWS_MAX;
    rows.truncate(EVENT_ROWS_MAX);
    let older = rows.last().filter(|_| more).map(|last| address(&filter, Some(last.id)));
    page.region(
        "events",
        &Table {
            v: view,
            filtered: !filter.search.is_empty() || !filter.kind.is_empty(),
            summary: view.n("events.count", rows.len() as u64),
            newest: filter.before.map(|_| address(&filter, None)),
            older,
            rows,
        },
    );
    page
}

/// The events about a service, a route or whatever else `about` recognises by its subject.
pub(super) fn about(app: &App, limit: usize, about: impl Fn(&str) -> bool) -> Vec<EventView> {
    let events = app.context.telemetry.events().recent(EVENTS_SCANNED_MAX, None);
    events.into_iter().filter(|event| about(&event.subject)).take(limit).collect()
}

/// One more than fits, so that the caller knows whether there is more.
fn find(app: &App, filter: &Filter) -> Vec<EventView> {
    let search = filter.search.to_lowercase();
    let plain = search.is_empty() && filter.kind.is_empty();
    let limit = if plain { EVENT_ROWS_MAX + 1 } else { EVENTS_SCANNED_MAX };
    let events = app.context.telemetry.events().recent(limit, filter.before);
    let matches = |event: &EventView| {
        (filter.kind.is_empty() || event.kind == filter.kind)
            && (search.is_empty()
                || event.subject.to_lowercase().contains(&search)
                || event.detail.to_lowercase().contains(&search))
    };
    events.into_iter().filter(matches).take(EVENT_ROWS_MAX + 1).collect()
}

fn address(filter: &Filter, before: Option<u64>) -> String {
    let mut query = Vec::new();
    if !filter.search.is_empty() {
        query.push(format!("q={}", encode(&filter.search)));
    }
    if !filter.kind.is_empty() {
        query.push(format!("kind={}", encode(&filter.kind)));
    }
    query.extend(before.map(|before| format!("before={before}")));
    if query.is_empty() { "/events".to_owned() } else { format!("/events?{}", query.join("&")) }
}
