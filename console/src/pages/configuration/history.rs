//! What was published before: any two compared, and any of them published again.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use rialto_configuration::{ConfigKey, Entry, Publish};
use rialto_engine::ReadError;
use rialto_security::Action;
use serde::Deserialize;

use super::draft::{Before, Draft};
use super::edit::problem;
use super::item::Shown;
use super::versions::{self, Past, Version};
use super::{crumb, crumb_of, href, look_up, may_change, origin, resource};
use crate::context::App;
use crate::diff::Diff;
use crate::guard::Member;
use crate::limits::HISTORY_ROWS_MAX;
use crate::pages::{Missing, Nav, Notice, Page, Params, error_page, html, render_page};
use crate::view::{Mark, View};

#[derive(Deserialize)]
pub(super) struct RollBackForm {
    csrf: String,
    /// Digest of what was published when the page was shown.
    #[serde(default)]
    base: String,
}

/// A path with the number of a change.
#[derive(Deserialize)]
pub(super) struct VersionPlace {
    namespace: String,
    group: String,
    data_id: String,
    pub(super) id: u64,
}

#[derive(Template)]
#[template(path = "configuration_history.html")]
struct Table<'a> {
    v: &'a View,
    versions: Vec<Version>,
    href: String,
    old: u64,
    new: u64,
    summary: String,
    newer: Option<String>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "configuration_compare.html")]
struct Compare<'a> {
    v: &'a View,
    old: &'a Version,
    new: &'a Version,
    diff: &'a Diff,
    label: &'static str,
    /// Where to ask for it when it is a secret that is not shown.
    ask: Option<String>,
    may_ask: bool,
}

#[derive(Template)]
#[template(path = "configuration_rollback.html")]
struct RollBack<'a> {
    v: &'a View,
    action: String,
    base: String,
    diff: &'a Diff,
    label: &'static str,
}

/// The newest changes of a configuration.
pub(super) fn newest(app: &App, key: &ConfigKey, count: usize) -> Vec<Version> {
    match app.context.configurations.history(&key.borrow(), 1, count) {
        Ok(page) => versions::versions(&page.items, true),
        Err(error) => {
            unreadable(&error);
            Vec::new()
        }
    }
}

pub(super) fn page(
    app: &App,
    view: &View,
    key: &ConfigKey,
    params: &Params,
) -> Result<Page, Missing> {
    page_with(app, view, key, params, false)
}

/// The page, with a secret's contents when they were asked for.
pub(super) fn page_with(
    app: &App,
    view: &View,
    key: &ConfigKey,
    params: &Params,
    reveal: bool,
) -> Result<Page, Missing> {
    let number = params.get("page").parse().unwrap_or(1_usize).max(1);
    let found = app.context.configurations.history(&key.borrow(), number, HISTORY_ROWS_MAX);
    let found = found.map_err(|error| unreadable_page(view, &error))?;
    if found.total == 0 {
        return Err(gone(view));
    }
    let versions = versions::versions(&found.items, number == 1);
    let mut page = Page::new(Nav::Configuration, view.t("service.history").to_owned());
    let published = look_up(app, key).is_some();
    page.crumb = Some(if published { crumb_of(key) } else { crumb(view) });
    page.sub = key.data_id().to_owned();
    page.live = !reveal;
    let chosen = |name: &str, at: usize| {
        let shown: Vec<&Version> = versions.iter().filter(|one| !one.is_removal()).collect();
        let or = shown.get(at).or(shown.last()).map_or(0, |one| one.id);
        params.get(name).parse().unwrap_or(or)
    };
    let (old, new) = (chosen("old", 1), chosen("new", 0));
    if !params.get("old").is_empty() {
        page.top = compare(app, view, key, (old, new), reveal)?;
    }
    let link = |number: usize| format!("{}/history?page={number}", href(key));
    let more = number < found.pages();
    page.region(
        "versions",
        &Table {
            v: view,
            href: href(key),
            old,
            new,
            summary: view.n("history.count", found.total as u64),
            newer: (number > 1).then(|| link(number - 1)),
            older: more.then(|| link(number + 1)),
            versions,
        },
    );
    Ok(page)
}

fn compare(
    app: &App,
    view: &View,
    key: &ConfigKey,
    (old, new): (u64, u64),
    reveal: bool,
) -> Result<crate::view::Html, Missing> {
    let (old, new) = (read(app, view, key, old)?, read(app, view, key, new)?);
    // What became a secret later is one in its history, too.
    let is_secret = look_up(app, key).is_some_and(|entry| entry.is_secret());
    let secret = is_secret || old.version.secret || new.version.secret;
    let text =
        |past: &Past| past.content.as_ref().map_or(String::new(), |one| one.text().to_owned());
    let diff = match secret && !reveal {
        true => Diff::default(),
        false => Diff::of(&text(&old), &text(&new)),
    };
    Ok(html(&Compare {
        v: view,
        old: &old.version,
        new: &new.version,
        diff: &diff,
        label: view.t("history.comparison"),
        ask: (secret && !reveal).then(|| format!("{}/history", href(key))),
        may_ask: may_change(app, view, key),
    }))
}

pub(super) fn version_page(
    app: &App,
    view: &View,
    key: &ConfigKey,
    id: u64,
) -> Result<Page, Missing> {
    version_page_with(app, view, key, id, false)
}

/// The page of a past version, with a secret's content when it was asked for.
pub(super) fn version_page_with(
    app: &App,
    view: &View,
    key: &ConfigKey,
    id: u64,
    reveal: bool,
) -> Result<Page, Missing> {
    let past = read(app, view, key, id)?;
    let Some(content) = &past.content else { return Err(gone(view)) };
    let changes = may_change(app, view, key);
    let mut page = Page::new(Nav::Configuration, view.t("history.version").to_owned());
    page.crumb = Some(crumb_of(key));
    page.right = view.ago(past.version.at_ms);
    page.sub = match past.version.who.as_str() {
        "" => key.data_id().to_owned(),
        who => format!("{} {} {who}", key.data_id(), view.t("configuration.by")),
    };
    page.live = false;
    let entry = look_up(app, key);
    let now = Before::of(entry.as_deref(), None);
    let now = now.effective().map(|effective| &effective.content);
    let is_secret = entry.as_ref().is_some_and(|entry| entry.is_secret());
    let hidden = (past.version.secret || is_secret) && !reveal;
    let different = now.is_none_or(|now| now.md5() != content.md5());
    if changes && past.version.gray.is_empty() && different {
        let diff = match hidden {
            true => Diff::default(),
            false => Diff::of(now.map_or("", |now| now.text()), content.text()),
        };
        page.region(
            "rollback",
            &RollBack {
                v: view,
                action: format!("{}/history/{id}/rollback", href(key)),
                base: now.map_or(String::new(), |now| now.md5_text().to_owned()),
                diff: &diff,
                label: view.t("history.against_now"),
            },
        );
    }
    let ask = hidden.then(|| format!("{}/history/{id}", href(key)));
    let title = view.t("configuration.content");
    page.region("content", &Shown::of(view, title, content, ask, changes));
    Ok(page)
}

/// Publishes a past version again.
pub(super) async fn roll_back(
    State(app): State<App>,
    member: Member,
    Path(place): Path<VersionPlace>,
    Form(form): Form<RollBackForm>,
) -> Response {
    let view = &member.view;
    let Some(key) = place.key() else { return error_page(view, StatusCode::NOT_FOUND) };
    let checked = member
        .proven(&form.csrf)
        .and_then(|()| member.allowed(&app, Action::Operate, &resource(&key)));
    if let Err(status) = checked {
        return error_page(view, status);
    }
    let past = match read(&app, view, &key, place.id) {
        Ok(past) if past.version.gray.is_empty() => past,
        _ => return error_page(view, StatusCode::NOT_FOUND),
    };
    let Some(content) = &past.content else { return error_page(view, StatusCode::NOT_FOUND) };
    let entry = look_up(&app, &key);
    let mut draft = again(&key, entry.as_deref(), &past);
    if draft.base != form.base {
        let text = view.t("history.overtaken").to_owned();
        return version_again(&app, view, &key, place.id, text, StatusCode::CONFLICT);
    }
    content.text().clone_into(&mut draft.content);
    let publish = Publish {
        encrypted_data_key: past.encrypted_data_key.clone(),
        ..draft.publish(key.clone(), entry.as_deref(), false, origin(&member))
    };
    match app.context.configurations.publish(publish).await {
        Ok(_) => Redirect::to(&format!("{}?notice=rolled_back", href(&key))).into_response(),
        Err(error) => {
            let text = problem(view, &error);
            version_again(&app, view, &key, place.id, text, StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

/// A draft of a past version, with what is said now about the configuration.
fn again(key: &ConfigKey, entry: Option<&Entry>, past: &Past) -> Draft {
    match entry.and_then(|entry| entry.formal.as_ref()) {
        Some(formal) => Draft::of_formal(key, formal),
        None => Draft {
            data_id: key.data_id().to_owned(),
            kind: past.kind.as_str().to_owned(),
            secret: past.version.secret.then(|| "on".to_owned()),
            ..Draft::new(key.namespace(), key.group())
        },
    }
}

fn version_again(
    app: &App,
    view: &View,
    key: &ConfigKey,
    id: u64,
    text: String,
    status: StatusCode,
) -> Response {
    match version_page(app, view, key, id) {
        Ok(mut page) => {
            page.notice = Some(Notice { mark: Mark::Bad, text });
            render_page(view, &page, status)
        }
        Err(_) => error_page(view, StatusCode::NOT_FOUND),
    }
}

fn read(app: &App, view: &View, key: &ConfigKey, id: u64) -> Result<Past, Missing> {
    let past = versions::past(&app.context.configurations, key, id);
    past.map_err(|error| unreadable_page(view, &error))?.ok_or_else(|| gone(view))
}

fn gone(view: &View) -> Missing {
    Missing { title: view.t("history.gone"), text: view.t("history.gone_how") }
}

fn unreadable_page(view: &View, error: &ReadError) -> Missing {
    unreadable(error);
    Missing { title: view.t("history.unreadable"), text: view.t("history.unreadable_how") }
}

fn unreadable(error: &ReadError) {
    tracing::error!(%error, "the history of a configuration cannot be read");
}

impl VersionPlace {
    pub(super) fn key(&self) -> Option<ConfigKey> {
        ConfigKey::new(&self.namespace, &self.group, &self.data_id).ok()
    }
}
