//! Adding, changing and removing a route. What a form asks for is checked by the gateway itself
//! before it is proposed to the catalog.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use http::StatusCode;
use rialto_api::route::RouteSpec;
use rialto_catalog::{Command, DocumentKey, DocumentKind};
use rialto_engine::ProposeError;
use rialto_security::{Action, Resource};
use rialto_telemetry::EventKind;
use serde::Deserialize;
use serde_json::Value;

use super::route::{self, HIDDEN, find};
use super::{Crumb, Missing, Nav, Notice, Page, error_page, html, render_page, route_href};
use crate::context::App;
use crate::guard::Member;
use crate::limits::REASON_CHARS_MAX;
use crate::view::{Mark, View};

/// Longest identifier of a route in bytes.
const ID_BYTES_MAX: usize = 128;
/// Fields that have an input of their own; everything else is in the JSON.
const OWN_INPUTS: [&str; 7] = ["id", "uri", "paths", "hosts", "methods", "order", "enabled"];

#[derive(Deserialize)]
pub(super) struct RouteForm {
    csrf: String,
    id: String,
    uri: String,
    #[serde(default)]
    paths: String,
    #[serde(default)]
    hosts: String,
    #[serde(default)]
    methods: String,
    #[serde(default)]
    order: String,
    #[serde(default)]
    more: String,
    #[serde(default)]
    enabled: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RemoveForm {
    csrf: String,
    #[serde(default)]
    reason: String,
}

/// What the inputs show.
struct Inputs {
    id: String,
    uri: String,
    paths: String,
    hosts: String,
    methods: String,
    order: String,
    more: String,
    enabled: bool,
}

#[derive(Template)]
#[template(path = "route_form.html")]
struct FormTemplate<'a> {
    v: &'a View,
    action: String,
    cancel: String,
    form: Inputs,
    fixed_id: bool,
}

pub(super) fn add_page(view: &View) -> Page {
    form_page(view, None, Inputs::of(&RouteSpec::default()))
}

pub(super) fn edit_page(app: &App, view: &View, id: &str) -> Result<Page, Missing> {
    let (spec, _) = find(app, view, id)?;
    Ok(form_page(view, Some(id), Inputs::of(&spec)))
}

fn form_page(view: &View, id: Option<&str>, form: Inputs) -> Page {
    let title = match id {
        Some(id) => view.f("route.edit_title", &[("n", id)]),
        None => view.t("route.add_title").to_owned(),
    };
    let cancel = id.map_or("/gateway".to_owned(), route_href);
    let action = id.map_or("/gateway/add".to_owned(), |id| format!("{}/edit", route_href(id)));
    let mut page = Page::new(Nav::Gateway, title);
    page.crumb = Some(Crumb { href: "/gateway".into(), text: view.t("nav.gateway").into() });
    page.live = false;
    let fixed_id = id.is_some();
    page.top = html(&FormTemplate { v: view, action, cancel, form, fixed_id });
    page
}

pub(super) async fn add(
    State(app): State<App>,
    member: Member,
    Form(form): Form<RouteForm>,
) -> Response {
    save(&app, &member, None, form).await
}

pub(super) async fn edit(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Form(form): Form<RouteForm>,
) -> Response {
    save(&app, &member, Some(&id), form).await
}

async fn save(app: &App, member: &Member, id: Option<&str>, form: RouteForm) -> Response {
    let resource = Resource::Route(id.unwrap_or(&form.id));
    let checked =
        member.proven(&form.csrf).and_then(|()| member.allowed(app, Action::Administer, &resource));
    if let Err(status) = checked {
        return error_page(&member.view, status);
    }
    let view = &member.view;
    let stored = match id.map(|id| find(app, view, id)).transpose() {
        Ok(stored) => stored,
        Err(_) => return error_page(view, StatusCode::NOT_FOUND),
    };
    if stored.as_ref().is_some_and(|(_, origin)| origin != "catalog") {
        return again(view, id, form, view.t("route.configured").to_owned());
    }
    let stored = stored.map(|(spec, _)| spec);
    let spec = match read(app, view, id, &form, stored.as_ref()) {
        Ok(spec) => spec,
        Err(problem) => return again(view, id, form, problem),
    };
    let body = Bytes::from(serde_json::to_vec(&spec).unwrap_or_default());
    let key = DocumentKey { kind: DocumentKind::Route, name: spec.id.clone() };
    match app.context.engine.propose(Command::PutDocument { key, body }).await {
        Ok(_) => {
            audit(app, view, &spec.id, "saved", "");
            Redirect::to("/gateway?notice=route_saved").into_response()
        }
        Err(error) => again(view, id, form, problem(view, &error)),
    }
}

pub(super) async fn remove(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Form(form): Form<RemoveForm>,
) -> Response {
    let checked = member
        .proven(&form.csrf)
        .and_then(|()| member.allowed(&app, Action::Administer, &Resource::Route(&id)));
    if let Err(status) = checked {
        return error_page(&member.view, status);
    }
    let reason: String = form.reason.trim().chars().take(REASON_CHARS_MAX).collect();
    if reason.is_empty() {
        return Redirect::to(&format!("{}?notice=reason", route_href(&id))).into_response();
    }
    let Ok(key) = DocumentKey::new(DocumentKind::Route, &id) else {
        return error_page(&member.view, StatusCode::NOT_FOUND);
    };
    let notice = match app.context.engine.propose(Command::RemoveDocument { key }).await {
        Ok(_) => {
            audit(&app, &member.view, &id, "removed", &reason);
            "route_removed"
        }
        Err(ProposeError::Refused(_)) => "refused",
        Err(error) => {
            tracing::error!(%error, route = %id, "the removal of a route was not stored");
            "failed"
        }
    };
    Redirect::to(&format!("/gateway?notice={notice}")).into_response()
}

fn audit(app: &App, view: &View, id: &str, what: &str, reason: &str) {
    let who = view.who();
    let detail = match reason {
        "" => format!("{what} by {who}"),
        reason => format!("{what} by {who}: {reason}"),
    };
    app.context.telemetry.events().push(EventKind::RouteChanged, id, detail);
}

/// The form once more, with what is wrong above it.
fn again(view: &View, id: Option<&str>, form: RouteForm, problem: String) -> Response {
    let mut page = form_page(view, id, Inputs::from(form));
    page.notice = Some(Notice { mark: Mark::Bad, text: problem });
    render_page(view, &page, StatusCode::UNPROCESSABLE_ENTITY)
}

fn problem(view: &View, error: &ProposeError) -> String {
    match error {
        ProposeError::Refused(refused) => format!("{} {refused}", view.t("notice.refused")),
        other => {
            tracing::error!(error = %other, "a route was not stored");
            view.t("notice.failed").to_owned()
        }
    }
}

/// The route that a form describes, or what is wrong with it in words.
fn read(
    app: &App,
    view: &View,
    id: Option<&str>,
    form: &RouteForm,
    stored: Option<&RouteSpec>,
) -> Result<RouteSpec, String> {
    let json =
        |error: serde_json::Error| view.f("route.problem_json", &[("n", &error.to_string())]);
    let more = if form.more.trim().is_empty() { "{}" } else { &form.more };
    let mut spec: RouteSpec = serde_json::from_str(more).map_err(json)?;
    spec.id = id.unwrap_or(form.id.trim()).to_owned();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_none() {
        let fits = (1..=ID_BYTES_MAX).contains(&spec.id.len()) && spec.id.bytes().all(plain);
        if !fits || matches!(spec.id.as_str(), "." | "..") {
            return Err(view.t("route.problem_id").to_owned());
        }
        if (app.context.list_routes)().iter().any(|(other, _)| other.id == spec.id) {
            return Err(view.t("route.problem_taken").to_owned());
        }
    }
    let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
    spec.uri = form.uri.trim().to_owned();
    spec.paths = words(&form.paths);
    spec.hosts = words(&form.hosts);
    spec.methods = words(&form.methods.to_ascii_uppercase());
    spec.order = match form.order.trim() {
        "" => 0,
        order => order.parse().map_err(|_| view.t("route.problem_order").to_owned())?,
    };
    spec.enabled = form.enabled.is_none().then_some(false);
    keep_hidden(&mut spec, stored);
    (app.context.check_route)(&spec)?;
    Ok(spec)
}

/// Puts the secret back that the form did not show.
fn keep_hidden(spec: &mut RouteSpec, stored: Option<&RouteSpec>) {
    let old = stored.and_then(|spec| spec.auth.as_ref()).and_then(|auth| auth.jwt.as_ref());
    let new = spec.auth.as_mut().and_then(|auth| auth.jwt.as_mut());
    if let (Some(old), Some(new)) = (old, new)
        && new.key == HIDDEN
    {
        new.key.clone_from(&old.key);
    }
}

impl Inputs {
    fn of(spec: &RouteSpec) -> Self {
        let mut more = serde_json::to_value(route::shown(spec)).unwrap_or_default();
        if let Value::Object(fields) = &mut more {
            fields.retain(|name, _| !OWN_INPUTS.contains(&name.as_str()));
        }
        let empty = more.as_object().is_none_or(serde_json::Map::is_empty);
        Self {
            id: spec.id.clone(),
            uri: spec.uri.clone(),
            paths: spec.paths.join("\n"),
            hosts: spec.hosts.join("\n"),
            methods: spec.methods.join(" "),
            order: spec.order.to_string(),
            more: if empty {
                String::new()
            } else {
                serde_json::to_string_pretty(&more).unwrap_or_default()
            },
            enabled: spec.enabled != Some(false),
        }
    }
}

impl From<RouteForm> for Inputs {
    fn from(form: RouteForm) -> Self {
        Self {
            id: form.id,
            uri: form.uri,
            paths: form.paths,
            hosts: form.hosts,
            methods: form.methods,
            order: form.order,
            more: form.more,
            enabled: form.enabled.is_some(),
        }
    }
}
