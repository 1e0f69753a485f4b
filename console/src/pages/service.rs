//! One service: how it is, its instances, its calls, its history, and what can be done.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, Uri};
use rialto_api::rest::EdgeView;
use rialto_catalog::{Protocol, Refused, ServiceKey, Status};
use rialto_engine::ProposeError;
use rialto_security::Action;
use rialto_telemetry::EventKind;
use serde::Deserialize;

use super::{
    Crumb, Missing, Nav, Page, Target, error_page, events, service_href, service_resource,
};
use crate::context::App;
use crate::guard::Member;
use crate::limits::REASON_CHARS_MAX;
use crate::source::{self, InstanceRow, ServiceDetail};
use crate::survey::Health;
use crate::view::{Mark, View};

/// Events in the history.
const HISTORY: usize = 10;

#[derive(Template)]
#[template(path = "service_state.html")]
struct StateBlock<'a> {
    v: &'a View,
    mark: Mark,
    state: &'static str,
    why: String,
    since_ms: Option<u64>,
    available: usize,
    instances: usize,
    namespace: &'a str,
    group: &'a str,
    protocols: &'a [&'static str],
    changed_ms: Option<u64>,
    metadata: &'a [(String, String)],
}

#[derive(Template)]
#[template(path = "service_instances.html")]
struct Instances<'a> {
    v: &'a View,
    rows: &'a [InstanceRow],
    hidden: usize,
    action: String,
}

#[derive(Template)]
#[template(path = "service_traffic.html")]
struct Calls<'a> {
    v: &'a View,
    edges: Vec<EdgeView>,
}

/// What the forms of an instance send.
#[derive(Deserialize)]
pub(super) struct ActionForm {
    csrf: String,
    action: String,
    protocol: String,
    id: String,
    #[serde(default)]
    reason: String,
}

pub(super) fn page(app: &App, view: &View, key: &ServiceKey) -> Result<Page, Missing> {
    let detail = source::detail(&app.context.engine, key)
        .ok_or(Missing { title: view.t("service.gone"), text: view.t("service.gone_how") })?;
    let mut page = Page::new(Nav::Services, key.name().to_owned());
    page.crumb = Some(Crumb { href: "/services", text: view.t("nav.services") });
    page.shape = "detail";
    page.region("state", &state(view, &detail)).polite = true;
    let hidden = detail.row.instances - detail.instances.len();
    let rows = &detail.instances;
    page.region("instances", &Instances { v: view, rows, hidden, action: service_href(key) });
    let mut edges = app.context.telemetry.calls().edges();
    edges.retain(|edge| edge.from == key.name() || edge.to == key.name());
    page.region("calls", &Calls { v: view, edges });
    let name = key.to_string();
    let about = |subject: &str| {
        subject.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let events = events::about(app, HISTORY, about);
    let title = view.t("service.history");
    page.region("history", &events::Feed { v: view, title, events });
    Ok(page)
}

fn state<'a>(view: &'a View, detail: &'a ServiceDetail) -> StateBlock<'a> {
    let row = &detail.row;
    let why = match &row.health {
        Health::Ok => view.t("service.why_ok").to_owned(),
        Health::Empty => view.t("service.why_empty").to_owned(),
        Health::Bad { instances } => view.n("service.why_bad", *instances as u64),
        Health::Protected { reason } => view.f("service.why_protected", &[("reason", reason)]),
        Health::Part { available, instances } => view.f(
            "service.why_part",
            &[("available", &view.count(available)), ("instances", &view.count(instances))],
        ),
    };
    let (namespace, group, _) = row.key.parts();
    StateBlock {
        v: view,
        mark: row.health.mark(),
        state: super::services::state_word(view, &row.health),
        why,
        since_ms: detail.since_ms,
        available: row.available,
        instances: row.instances,
        namespace,
        group,
        protocols: &row.protocols,
        changed_ms: row.changed_ms,
        metadata: &detail.metadata,
    }
}

/// Carries out what a form asks for and goes back to the page, with a word on what happened.
pub(super) async fn act(
    State(app): State<App>,
    member: Member,
    uri: Uri,
    Form(form): Form<ActionForm>,
) -> Response {
    let (Some(Target::Service(key)), Some(protocol)) =
        (Target::parse(uri.path()), Protocol::parse(&form.protocol))
    else {
        return error_page(&member.view, StatusCode::NOT_FOUND);
    };
    let checked = member
        .proven(&form.csrf)
        .and_then(|()| member.allowed(&app, Action::Operate, &service_resource(&key)));
    if let Err(status) = checked {
        return error_page(&member.view, status);
    }
    let reason: String = form.reason.trim().chars().take(REASON_CHARS_MAX).collect();
    let notice = match form.action.as_str() {
        "out_of_service" | "deregister" if reason.is_empty() => "reason",
        "out_of_service" | "deregister" | "end_override" => {
            carry_out(&app, &member.view, &key, protocol, &form, &reason).await
        }
        _ => return error_page(&member.view, StatusCode::NOT_FOUND),
    };
    Redirect::to(&format!("{}?notice={notice}", service_href(&key))).into_response()
}

/// The name of the notice that says how it went.
async fn carry_out(
    app: &App,
    view: &View,
    key: &ServiceKey,
    protocol: Protocol,
    form: &ActionForm,
    reason: &str,
) -> &'static str {
    let engine = &app.context.engine;
    let id = form.id.as_str();
    let (notice, kind, done) = match form.action.as_str() {
        "out_of_service" => {
            let out = Some(Status::OutOfService);
            let done = engine.override_status(key, protocol, id, out).await;
            ("out_of_service", EventKind::StatusChanged, done.map(drop))
        }
        "end_override" => {
            let done = engine.override_status(key, protocol, id, None).await;
            ("end_override", EventKind::StatusChanged, done.map(drop))
        }
        _ => {
            let done = engine.remove_instance(key, protocol, id).await;
            ("deregister", EventKind::Deregistered, done)
        }
    };
    match done {
        Ok(()) => {}
        Err(ProposeError::Refused(Refused::UnknownInstance { .. })) => return "gone",
        Err(ProposeError::Refused(_)) => return "refused",
        Err(error) => {
            tracing::error!(%error, service = %key, "an operator's change was not stored");
            return "failed";
        }
    }
    let subject = format!("{key}/{id}");
    let who = view.who();
    let detail = match (form.action.as_str(), reason) {
        (action, "") => format!("{} by {who}", action.replace('_', " ")),
        (action, reason) => format!("{} by {who}: {reason}", action.replace('_', " ")),
    };
    app.context.telemetry.events().push(kind, subject, detail);
    notice
}
