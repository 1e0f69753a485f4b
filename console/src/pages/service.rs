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

use super::service_clients::{self, Clusters, Subscribers};
use super::{
    Crumb, Missing, Nav, Page, Target, error_page, events, service_href, service_resource,
};
use crate::clients::{InstanceChange, NotChanged, ServiceFacts};
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
    promises: Vec<&'static str>,
    facts: Option<&'a ServiceFacts>,
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
    #[serde(default)]
    weight: String,
}

pub(super) fn page(app: &App, view: &View, key: &ServiceKey) -> Result<Page, Missing> {
    let detail = source::detail(&app.context.engine, key)
        .ok_or(Missing { title: view.t("service.gone"), text: view.t("service.gone_how") })?;
    let mut page = Page::new(Nav::Services, key.name().to_owned());
    page.crumb = Some(Crumb { href: "/services".into(), text: view.t("nav.services").into() });
    page.shape = "detail";
    let facts = app.context.clients.service(key);
    page.region("state", &state(view, &detail, facts.as_ref())).polite = true;
    let hidden = detail.row.instances - detail.instances.len();
    let rows = &detail.instances;
    page.region("instances", &Instances { v: view, rows, hidden, action: service_href(key) });
    if let Some(facts) = facts.as_ref().filter(|facts| !facts.clusters.is_empty()) {
        page.region("clusters", &Clusters { v: view, clusters: &facts.clusters });
    }
    let found = app.context.clients.subscribers(key);
    let subscribers: Subscribers<'_> = service_clients::subscribers(view, found);
    page.region("subscribers", &subscribers);
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

fn state<'a>(
    view: &'a View,
    detail: &'a ServiceDetail,
    facts: Option<&'a ServiceFacts>,
) -> StateBlock<'a> {
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
        promises: promises(detail),
        facts,
    }
}

/// What is promised about the instances: one word, or two when they differ.
fn promises(detail: &ServiceDetail) -> Vec<&'static str> {
    let mut promises: Vec<_> = detail
        .instances
        .iter()
        .map(|one| if one.lease.is_some() { one.promise } else { one.bound })
        .collect();
    promises.sort_unstable();
    promises.dedup();
    promises
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
        "weight" => match form.weight.trim().parse::<f64>() {
            Ok(_) => carry_out(&app, &member.view, &key, protocol, &form, &reason).await,
            Err(_) => "weight",
        },
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
    let (notice, kind) = match form.action.as_str() {
        "out_of_service" => ("out_of_service", EventKind::StatusChanged),
        "end_override" => ("end_override", EventKind::StatusChanged),
        "weight" => ("weight_set", EventKind::StatusChanged),
        _ => ("deregister", EventKind::Deregistered),
    };
    let id = form.id.as_str();
    match change(app, key, protocol, form).await {
        Ok(()) => {}
        Err(NotChanged::Gone) => return "gone",
        Err(NotChanged::Refused) if form.action == "weight" => return "weight",
        Err(NotChanged::Refused) => return "refused",
        Err(NotChanged::Failed(error)) => {
            tracing::error!(%error, service = %key, "an operator's change was not stored");
            return "failed";
        }
    }
    let subject = format!("{key}/{id}");
    let who = view.who();
    let what = match form.action.as_str() {
        "weight" => format!("weight {}", form.weight.trim()),
        action => action.replace('_', " "),
    };
    let detail = match reason {
        "" => format!("{what} by {who}"),
        reason => format!("{what} by {who}: {reason}"),
    };
    app.context.telemetry.events().push(kind, subject, detail);
    notice
}

/// The one call that does it, by protocol: what an operator changes of a Nacos instance is kept by
/// its door.
async fn change(
    app: &App,
    key: &ServiceKey,
    protocol: Protocol,
    form: &ActionForm,
) -> Result<(), NotChanged> {
    let (engine, id) = (&app.context.engine, form.id.as_str());
    let weight = form.weight.trim().parse::<f64>().ok();
    let enabled = match form.action.as_str() {
        "out_of_service" => Some(false),
        "end_override" => Some(true),
        _ => None,
    };
    let done = match (protocol, form.action.as_str()) {
        (Protocol::Nacos, "weight" | "out_of_service" | "end_override") => {
            let weight = weight.filter(|_| form.action == "weight");
            let change = InstanceChange { weight, enabled };
            return app.context.clients.change_instance(key, id, change).await;
        }
        (_, "out_of_service" | "end_override") => {
            let status = (enabled == Some(false)).then_some(Status::OutOfService);
            engine.override_status(key, protocol, id, status).await.map(drop)
        }
        (_, "weight") => engine.set_weight(key, protocol, id, weight.unwrap_or(f64::NAN)).await,
        _ => engine.remove_instance(key, protocol, id).await,
    };
    done.map_err(|error| match error {
        ProposeError::Refused(Refused::UnknownInstance { .. }) => NotChanged::Gone,
        ProposeError::Refused(_) => NotChanged::Refused,
        other => NotChanged::Failed(other.to_string()),
    })
}
