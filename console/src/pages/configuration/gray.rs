//! A version that only some see: how it differs from what all see, giving it to all, stopping it.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use rialto_configuration::{ConfigKey, Entry, Formal, Gray, Remove, Rule, Target};
use rialto_security::Action;
use serde::Deserialize;

use super::draft::Draft;
use super::edit::{Place, problem};
use super::item::refused;
use super::{crumb_of, find, href, look_up, may_change, origin, resource};
use crate::context::App;
use crate::diff::Diff;
use crate::guard::Member;
use crate::pages::{Missing, Nav, Page, encode, error_page};
use crate::view::View;

#[derive(Deserialize)]
pub(super) struct GrayForm {
    csrf: String,
    /// Digest of what all see, as the reader saw it.
    #[serde(default)]
    base: String,
    /// Digest of the gray version, as the reader saw it.
    #[serde(default)]
    gray: String,
}

#[derive(Template)]
#[template(path = "gray_state.html")]
struct StateBlock<'a> {
    v: &'a View,
    by_tag: bool,
    expressions: Vec<&'a str>,
    size: String,
    md5: &'a str,
    changed_ms: u64,
    who: &'a str,
    from: &'a str,
}

#[derive(Template)]
#[template(path = "gray_diff.html")]
struct Difference<'a> {
    v: &'a View,
    diff: &'a Diff,
    label: &'static str,
    ask: Option<String>,
    may_ask: bool,
}

#[derive(Template)]
#[template(path = "gray_change.html")]
struct Change<'a> {
    v: &'a View,
    action: String,
    base: &'a str,
    gray: &'a str,
}

pub(super) fn page(app: &App, view: &View, key: &ConfigKey, name: &str) -> Result<Page, Missing> {
    page_with(app, view, key, name, false)
}

/// The page, with a secret's content when it was asked for.
pub(super) fn page_with(
    app: &App,
    view: &View,
    key: &ConfigKey,
    name: &str,
    reveal: bool,
) -> Result<Page, Missing> {
    let entry = find(app, view, key)?;
    let gray = named(view, &entry, name)?;
    let changes = may_change(app, view, key);
    let mut page = Page::new(Nav::Configuration, view.f("gray.title", &[("n", name)]));
    page.crumb = Some(crumb_of(key));
    page.sub = view.t("gray.sub").to_owned();
    page.live = !reveal;
    let effective = &gray.effective;
    let md5 = effective.content.md5_text();
    page.region(
        "state",
        &StateBlock {
            v: view,
            by_tag: gray.rule.kind() == "tag",
            expressions: gray.rule.expression().split(',').map(str::trim).collect(),
            size: crate::format::bytes(effective.content.bytes().len()),
            md5,
            changed_ms: effective.modified_ms,
            who: &gray.origin.user,
            from: &gray.origin.ip,
        },
    );
    let formal = entry.formal.as_ref().map(|formal| &formal.effective.content);
    let hidden = entry.is_secret() && !reveal;
    let diff = match hidden {
        true => Diff::default(),
        false => Diff::of(formal.map_or("", |one| one.text()), effective.content.text()),
    };
    let this = format!("{}/gray/{}", href(key), encode(name));
    let ask = hidden.then(|| this.clone());
    let label = view.t("gray.difference");
    page.region("difference", &Difference { v: view, diff: &diff, label, ask, may_ask: changes });
    if changes {
        let base = formal.map_or("", |one| one.md5_text());
        page.region("change", &Change { v: view, action: this, base, gray: md5 });
    }
    Ok(page)
}

/// A gray version of a configuration, or what to say instead.
pub(super) fn named<'a>(view: &View, entry: &'a Entry, name: &str) -> Result<&'a Gray, Missing> {
    entry.gray(name).ok_or(Missing { title: view.t("gray.gone"), text: view.t("gray.gone_how") })
}

/// Gives a gray version to all, and stops it.
pub(super) async fn promote(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(form): Form<GrayForm>,
) -> Response {
    let (key, entry) = match checked(&app, &member, &place, &form) {
        Ok(found) => found,
        Err(status) => return error_page(&member.view, status),
    };
    let view = &member.view;
    let Some(gray) = entry.gray(place.name()) else {
        return error_page(view, StatusCode::NOT_FOUND);
    };
    let formal = entry.formal.as_ref().map_or("", |one| one.effective.content.md5_text());
    if (formal, gray.effective.content.md5_text()) != (form.base.as_str(), form.gray.as_str()) {
        return refused(&app, view, &key, view.t("gray.overtaken").to_owned());
    }
    let publish =
        promoted(&key, &entry, gray).publish(key.clone(), Some(&entry), false, origin(&member));
    if let Err(error) = app.context.configurations.publish(publish).await {
        return refused(&app, view, &key, problem(view, &error));
    }
    end(&app, &member, &key, &gray.rule, "gray_promoted").await
}

/// Stops a gray version: its readers see again what all see.
pub(super) async fn stop(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(form): Form<GrayForm>,
) -> Response {
    let (key, entry) = match checked(&app, &member, &place, &form) {
        Ok(found) => found,
        Err(status) => return error_page(&member.view, status),
    };
    match entry.gray(place.name()) {
        Some(gray) => end(&app, &member, &key, &gray.rule, "gray_stopped").await,
        None => error_page(&member.view, StatusCode::NOT_FOUND),
    }
}

async fn end(app: &App, member: &Member, key: &ConfigKey, rule: &Rule, notice: &str) -> Response {
    let target = match rule {
        Rule::Beta { ips } => Target::Beta { ips: ips.clone() },
        Rule::Tag { tag } => Target::Tag(tag.clone()),
    };
    let remove = Remove { key: key.clone(), target, origin: origin(member) };
    match app.context.configurations.remove(remove).await {
        Ok(_) => Redirect::to(&format!("{}?notice={notice}", href(key))).into_response(),
        Err(error) => refused(app, &member.view, key, problem(&member.view, &error)),
    }
}

/// What all see, with the content of the gray version.
fn promoted(key: &ConfigKey, entry: &Entry, gray: &Gray) -> Draft {
    let formal: Option<&Formal> = entry.formal.as_ref();
    let draft = formal.map_or_else(
        || Draft {
            data_id: key.data_id().to_owned(),
            kind: gray.effective.kind.as_str().to_owned(),
            secret: gray.secret.then(|| "on".to_owned()),
            ..Draft::new(key.namespace(), key.group())
        },
        |formal| Draft::of_formal(key, formal),
    );
    Draft { content: gray.effective.content.text().to_owned(), ..draft }
}

/// The configuration of a form that was sent from our own page by somebody who may.
fn checked(
    app: &App,
    member: &Member,
    place: &Place,
    form: &GrayForm,
) -> Result<(ConfigKey, Arc<Entry>), StatusCode> {
    let key = place.key().map_err(|_| StatusCode::NOT_FOUND)?;
    member.proven(&form.csrf)?;
    member.allowed(app, Action::Operate, &resource(&key))?;
    let entry = look_up(app, &key).ok_or(StatusCode::NOT_FOUND)?;
    Ok((key, entry))
}
