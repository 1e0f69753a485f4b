//! Namespaces: what they are called, what is in them, and naming, renaming and forgetting them.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use rialto_engine::{Namespace, NamespaceError};
use rialto_security::{Action, Resource};
use rialto_telemetry::EventKind;
use serde::Deserialize;

use super::{Nav, Notice, Page, encode, error_page, html, render_page};
use crate::context::App;
use crate::guard::Member;
use crate::view::{Mark, View};

#[derive(Deserialize, Default)]
pub(super) struct NamespaceForm {
    csrf: String,
    action: String,
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
}

struct Row {
    /// Position, for identifiers of form fields.
    at: usize,
    id: String,
    name: String,
    description: String,
    /// Escaped for an address.
    query: String,
    /// Whether people named it; others are there because something is in them.
    named: bool,
    /// `public` keeps its name and stays.
    fixed: bool,
    services: usize,
    configurations: usize,
}

#[derive(Template)]
#[template(path = "namespaces_table.html")]
struct Table<'a> {
    v: &'a View,
    rows: Vec<Row>,
    changeable: bool,
}

#[derive(Template)]
#[template(path = "namespaces_form.html")]
struct Create<'a> {
    v: &'a View,
    form: &'a NamespaceForm,
}

pub(super) fn page(app: &App, view: &View) -> Page {
    page_with(app, view, &NamespaceForm::default())
}

fn page_with(app: &App, view: &View, form: &NamespaceForm) -> Page {
    let mut page = Page::new(Nav::Namespaces, view.t("nav.namespaces").to_owned());
    let rows = rows(app);
    page.sub = view.n("namespaces.count", rows.len() as u64);
    let changeable = view.may(app, Action::Operate, &Resource::Namespaces);
    page.region("namespaces", &Table { v: view, rows, changeable });
    if changeable {
        page.bottom = html(&Create { v: view, form });
    }
    page
}

/// The namespaces that a reader may see something of: identifier and name, `public` first, with the
/// one that is chosen already.
pub(super) fn choices(app: &App, view: &View, chosen: &str) -> Vec<(String, String)> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    if !chosen.is_empty() {
        names.insert(chosen.to_owned(), chosen.to_owned());
    }
    for namespace in used(app).into_keys() {
        names.insert(namespace.clone(), namespace);
    }
    let named = app.context.engine.namespaces();
    names.extend(named.into_iter().map(|namespace| (namespace.id, namespace.name)));
    let (group, name) = ("", "");
    names.retain(|namespace, _| {
        let configurations = Resource::Configuration { namespace, group, name };
        let services = Resource::Service { namespace, group, name };
        namespace == chosen
            || view.may(app, Action::Read, &configurations)
            || view.may(app, Action::Read, &services)
    });
    let mut choices: Vec<_> = names.into_iter().collect();
    choices.sort_by_key(|(id, name)| (id != Namespace::public().id.as_str(), name.to_lowercase()));
    choices
}

/// Services and configurations by namespace.
fn used(app: &App) -> BTreeMap<String, (usize, usize)> {
    let survey = app.surveyor.lock().look(&app.context.engine);
    let mut used: BTreeMap<String, (usize, usize)> =
        survey.namespaces.iter().map(|(id, services)| (id.clone(), (*services, 0))).collect();
    for (id, configurations) in app.context.configurations.read(|state| {
        let count = |id: &str| (id.to_owned(), state.namespace_total(id));
        state.namespaces().map(count).collect::<Vec<_>>()
    }) {
        used.entry(id).or_default().1 = usize::try_from(configurations).unwrap_or(usize::MAX);
    }
    used
}

fn rows(app: &App) -> Vec<Row> {
    let named = app.context.engine.namespaces();
    let mut used = used(app);
    let mut rows: Vec<Row> = Vec::new();
    for namespace in named {
        let holds = used.remove(&namespace.id).unwrap_or_default();
        rows.push(Row::of(rows.len(), namespace, true, holds));
    }
    for (id, holds) in used {
        let namespace = Namespace { name: id.clone(), id, description: String::new() };
        rows.push(Row::of(rows.len(), namespace, false, holds));
    }
    rows
}

/// Carries out a form of the page.
pub(super) async fn act(
    State(app): State<App>,
    member: Member,
    Form(form): Form<NamespaceForm>,
) -> Response {
    let view = &member.view;
    let checked = member
        .proven(&form.csrf)
        .and_then(|()| member.allowed(&app, Action::Operate, &Resource::Namespaces));
    if let Err(status) = checked {
        return error_page(view, status);
    }
    let engine = &app.context.engine;
    let namespace = Namespace {
        id: form.id.trim().to_owned(),
        name: form.name.trim().to_owned(),
        description: form.description.trim().to_owned(),
    };
    let named = engine.namespace(&namespace.id).is_some();
    let (done, notice, what) = match form.action.as_str() {
        "create" => (engine.create_namespace(&namespace).await, "namespace_created", "created"),
        // A namespace that nobody named gets its first name.
        "rename" if !named => {
            (engine.create_namespace(&namespace).await, "namespace_renamed", "named")
        }
        "rename" => (engine.rename_namespace(&namespace).await, "namespace_renamed", "renamed"),
        "remove" if holds_configurations(&app, &namespace.id) => {
            return again(&app, view, &form, view.t("namespaces.holds").to_owned());
        }
        "remove" => (engine.remove_namespace(&namespace.id).await, "namespace_removed", "removed"),
        _ => return error_page(view, StatusCode::NOT_FOUND),
    };
    match done {
        Ok(()) => {
            let detail = format!("namespace {what} by {}", view.who());
            app.context.telemetry.events().push(
                EventKind::NamespaceChanged,
                namespace.id.as_str(),
                detail,
            );
            Redirect::to(&format!("/namespaces?notice={notice}")).into_response()
        }
        Err(error) => again(&app, view, &form, problem(view, &error)),
    }
}

fn holds_configurations(app: &App, namespace: &str) -> bool {
    app.context.configurations.read(|state| state.after(Some(namespace), None).next().is_some())
}

/// The page once more, with what is wrong above it.
fn again(app: &App, view: &View, form: &NamespaceForm, problem: String) -> Response {
    let empty = NamespaceForm::default();
    let kept = if form.action == "create" { form } else { &empty };
    let mut page = page_with(app, view, kept);
    page.notice = Some(Notice { mark: Mark::Bad, text: problem });
    page.live = false;
    render_page(view, &page, StatusCode::UNPROCESSABLE_ENTITY)
}

fn problem(view: &View, error: &NamespaceError) -> String {
    match error {
        NamespaceError::InvalidId { .. } => view.t("namespaces.problem_id").to_owned(),
        NamespaceError::InvalidText => view.t("namespaces.problem_text").to_owned(),
        NamespaceError::Reserved => view.t("namespaces.problem_reserved").to_owned(),
        NamespaceError::Exists { .. } => view.t("namespaces.problem_exists").to_owned(),
        NamespaceError::Unknown { .. } => view.t("namespaces.problem_unknown").to_owned(),
        NamespaceError::HoldsServices { .. } => view.t("namespaces.holds").to_owned(),
        NamespaceError::Store(error) => {
            tracing::error!(%error, "a namespace was not stored");
            view.t("notice.failed").to_owned()
        }
    }
}

impl Row {
    fn of(at: usize, namespace: Namespace, named: bool, holds: (usize, usize)) -> Self {
        Self {
            at,
            fixed: namespace.id == Namespace::public().id,
            query: encode(&namespace.id),
            id: namespace.id,
            name: namespace.name,
            description: namespace.description,
            named,
            services: holds.0,
            configurations: holds.1,
        }
    }

    fn holds(&self) -> bool {
        self.services > 0 || self.configurations > 0
    }
}
