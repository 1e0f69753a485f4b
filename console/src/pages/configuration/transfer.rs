//! Configurations as a file: carried out as it is found by a list, and brought in by a policy for
//! what is there already.

use askama::Template;
use axum::extract::multipart::MultipartError;
use axum::extract::{Multipart, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, Uri, header};
use rialto_configuration::{ConfigKey, ImportOutcome, ImportPolicy};
use rialto_security::{Action, Resource};
use rialto_telemetry::EventKind;

use super::{crumb, href, list, may_change, origin};
use crate::clients::ImportFile;
use crate::context::App;
use crate::guard::Member;
use crate::limits::{EXPORT_MAX, IMPORT_KEYS_SHOWN_MAX};
use crate::pages::{Nav, Notice, Page, Params, error_page, html, namespaces, render_page};
use crate::view::{Mark, View};

/// The fields of the form.
#[derive(Default)]
struct ImportForm {
    csrf: String,
    namespace: String,
    policy: String,
    file: Bytes,
}

#[derive(Template)]
#[template(path = "configuration_import.html")]
struct Form<'a> {
    v: &'a View,
    namespace: &'a str,
    policy: &'a str,
    namespaces: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "configuration_imported.html")]
struct Report<'a> {
    v: &'a View,
    skipped: Vec<(String, String)>,
    failed: Vec<(String, String)>,
    /// Names in the file that are no configurations.
    unrecognized: Vec<String>,
    more: usize,
}

pub(super) fn page(app: &App, view: &View, params: &Params) -> Page {
    form_page(app, view, params.get("ns"), "ABORT")
}

fn form_page(app: &App, view: &View, namespace: &str, policy: &str) -> Page {
    let mut page = Page::new(Nav::Configuration, view.t("import.title").to_owned());
    page.crumb = Some(crumb(view));
    page.live = false;
    let namespaces = namespaces::choices(app, view, namespace);
    page.top = html(&Form { v: view, namespace, policy, namespaces });
    page
}

/// Writes what a list shows into a file. Secrets are left out for those who may not see them.
pub(super) async fn export(State(app): State<App>, member: Member, uri: Uri) -> Response {
    let view = &member.view;
    let (finder, reader, asked) = (app.clone(), view.clone(), uri.clone());
    let packed = tokio::task::spawn_blocking(move || pack(&finder, &reader, &asked)).await;
    let text = match packed {
        Ok(Ok((file, count, secrets))) => {
            let detail = format!("{count} exported, {secrets} of them secrets, by {}", view.who());
            let events = app.context.telemetry.events();
            events.push(EventKind::ConfigurationChanged, "configuration", detail);
            let headers = [
                (header::CONTENT_TYPE, "application/zip"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"configuration.zip\""),
            ];
            return (headers, file).into_response();
        }
        Ok(Err(text)) => text,
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let mut page = list::page(&app, view, &Params::of(&uri));
    page.live = false;
    page.notice = Some(Notice { mark: Mark::Bad, text });
    render_page(view, &page, StatusCode::UNPROCESSABLE_ENTITY)
}

/// The file, how many are in it, and how many of those are secrets.
fn pack(app: &App, view: &View, uri: &Uri) -> Result<(Vec<u8>, usize, usize), String> {
    let mut entries = list::matching(app, view, &Params::of(uri), EXPORT_MAX);
    entries.retain(|entry| {
        entry.formal.is_some() && (!entry.is_secret() || may_change(app, view, &entry.key))
    });
    let mut places = entries.iter().map(|entry| entry.key.namespace());
    if places.next().is_some_and(|first| places.any(|other| other != first)) {
        return Err(view.t("import.one_namespace").to_owned());
    }
    let secrets = entries.iter().filter(|one| one.is_secret()).count();
    let file = app.context.clients.pack(&entries)?;
    Ok((file, entries.len(), secrets))
}

pub(super) async fn import(State(app): State<App>, member: Member, form: Multipart) -> Response {
    let view = &member.view;
    let form = match ImportForm::read(form).await {
        Ok(form) => form,
        Err(error) => {
            let text = view.f("import.problem_form", &[("n", &error.body_text())]);
            return again(&app, view, "", "ABORT", text, error.status());
        }
    };
    let resource = Resource::Configuration { namespace: &form.namespace, group: "", name: "" };
    let checked =
        member.proven(&form.csrf).and_then(|()| member.allowed(&app, Action::Operate, &resource));
    if let Err(status) = checked {
        return error_page(view, status);
    }
    let wrong = |text| {
        again(&app, view, &form.namespace, &form.policy, text, StatusCode::UNPROCESSABLE_ENTITY)
    };
    let Some(policy) = ImportPolicy::parse(&form.policy) else {
        return error_page(view, StatusCode::NOT_FOUND);
    };
    let file = ImportFile {
        file: form.file.clone(),
        namespace: form.namespace.clone(),
        policy,
        origin: origin(&member),
    };
    match app.context.clients.import(file).await {
        Ok((outcome, unrecognized)) => {
            let page = report(&app, view, &form, &outcome, unrecognized);
            render_page(view, &page, StatusCode::OK)
        }
        Err(text) => wrong(text),
    }
}

fn report(
    app: &App,
    view: &View,
    form: &ImportForm,
    outcome: &ImportOutcome,
    mut unrecognized: Vec<String>,
) -> Page {
    let mut page = form_page(app, view, &form.namespace, &form.policy);
    let bad = !outcome.failed.is_empty();
    let counts = [
        ("published", &*crate::format::count(outcome.succeeded as u64)),
        ("skipped", &*crate::format::count(outcome.skipped.len() as u64)),
        ("failed", &*crate::format::count(outcome.failed.len() as u64)),
    ];
    let mark = if bad { Mark::Bad } else { Mark::Ok };
    page.notice = Some(Notice { mark, text: view.f("import.outcome", &counts) });
    let shown = |keys: &[ConfigKey]| -> Vec<(String, String)> {
        keys.iter().take(IMPORT_KEYS_SHOWN_MAX).map(|key| (href(key), key.to_string())).collect()
    };
    let (skipped, failed) = (shown(&outcome.skipped), shown(&outcome.failed));
    let all = outcome.skipped.len() + outcome.failed.len() + unrecognized.len();
    if all > 0 {
        unrecognized.truncate(IMPORT_KEYS_SHOWN_MAX);
        let more = all - skipped.len() - failed.len() - unrecognized.len();
        page.bottom = html(&Report { v: view, skipped, failed, unrecognized, more });
    }
    page
}

fn again(
    app: &App,
    view: &View,
    namespace: &str,
    policy: &str,
    text: String,
    status: StatusCode,
) -> Response {
    let mut page = form_page(app, view, namespace, policy);
    page.notice = Some(Notice { mark: Mark::Bad, text });
    render_page(view, &page, status)
}

impl ImportForm {
    async fn read(mut form: Multipart) -> Result<Self, MultipartError> {
        let mut read = Self::default();
        while let Some(field) = form.next_field().await? {
            match field.name() {
                Some("csrf") => read.csrf = field.text().await?,
                Some("namespace") => read.namespace = field.text().await?,
                Some("policy") => read.policy = field.text().await?,
                Some("file") => read.file = field.bytes().await?,
                _ => {}
            }
        }
        Ok(read)
    }
}
