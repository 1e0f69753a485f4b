//! One configuration: how it is, its content, who sees another one, who listens, its history, and
//! what can be done.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use rialto_configuration::{ConfigKey, Content, Entry, Labels, Remove, Target};
use rialto_security::Action;
use serde::Deserialize;

use super::edit::{Place, problem};
use super::versions::Version;
use super::{audit, crumb, find, history, href, may_change, origin, resource};
use crate::clients::Listener;
use crate::context::App;
use crate::guard::Member;
use crate::limits::{CLIENTS_MAX, REASON_CHARS_MAX, SHOWN_BYTES_MAX, SHOWN_LINES_MAX};
use crate::pages::{Missing, Nav, Notice, Page, encode, error_page, render_page};
use crate::view::{Html, Mark, View, escape};

/// Changes in the short history.
const HISTORY: usize = 8;

#[derive(Deserialize)]
pub(super) struct RemoveForm {
    csrf: String,
    #[serde(default)]
    reason: String,
}

#[derive(Template)]
#[template(path = "configuration_state.html")]
struct StateBlock<'a> {
    v: &'a View,
    key: &'a ConfigKey,
    mark: Mark,
    state: String,
    secret: bool,
    kind: &'static str,
    size: String,
    md5: String,
    changed_ms: u64,
    who: String,
    from: String,
    created_ms: Option<u64>,
    app: String,
    tags: Vec<String>,
    description: String,
}

/// A content on a page.
#[derive(Template)]
#[template(path = "configuration_content.html")]
pub(super) struct Shown<'a> {
    v: &'a View,
    title: &'static str,
    lines: Vec<String>,
    cut: bool,
    /// Where to ask for it when it is a secret that is not shown.
    ask: Option<String>,
    /// Whether the reader may ask.
    may_ask: bool,
}

#[derive(Template)]
#[template(path = "configuration_grays.html")]
struct Grays<'a> {
    v: &'a View,
    rows: Vec<GrayRow>,
    add: Option<String>,
}

struct GrayRow {
    href: String,
    name: String,
    by_tag: bool,
    expression: String,
    md5: String,
    changed_ms: u64,
    who: String,
}

#[derive(Template)]
#[template(path = "configuration_listeners.html")]
struct Listeners<'a> {
    v: &'a View,
    rows: Vec<ListenerRow>,
    in_sync: usize,
    total: usize,
    hidden: usize,
}

struct ListenerRow {
    listener: Listener,
    mark: Mark,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "configuration_history_short.html")]
struct History<'a> {
    v: &'a View,
    versions: Vec<Version>,
    href: String,
}

#[derive(Template)]
#[template(path = "configuration_remove.html")]
struct Change<'a> {
    v: &'a View,
    action: String,
}

pub(super) fn page(app: &App, view: &View, key: &ConfigKey) -> Result<Page, Missing> {
    page_with(app, view, key, false)
}

/// The page, with a secret's content when it was asked for.
pub(super) fn page_with(
    app: &App,
    view: &View,
    key: &ConfigKey,
    reveal: bool,
) -> Result<Page, Missing> {
    let entry = find(app, view, key)?;
    let changes = may_change(app, view, key);
    let mut page = Page::new(Nav::Configuration, key.data_id().to_owned());
    page.crumb = Some(crumb(view));
    page.sub = key.group().to_owned();
    page.shape = "detail";
    page.right = buttons(view, key, changes);
    page.live = !reveal;
    page.region("state", &state(view, &entry)).polite = true;
    if let Some(formal) = &entry.formal {
        let hidden = formal.secret && !reveal;
        let ask = hidden.then(|| format!("{}/content", href(key)));
        let content = &formal.effective.content;
        let title = view.t("configuration.content");
        page.region("content", &Shown::of(view, title, content, ask, changes));
    }
    page.region("grays", &grays(view, &entry, changes));
    page.region("listeners", &listeners(view, &entry, app.context.clients.listeners(key)));
    let versions = history::newest(app, key, HISTORY);
    page.region("history", &History { v: view, versions, href: href(key) });
    if changes {
        page.region("change", &Change { v: view, action: format!("{}/remove", href(key)) });
    }
    Ok(page)
}

fn buttons(view: &View, key: &ConfigKey, changes: bool) -> Html {
    let href = href(key);
    let button = |class: &str, path: &str, word: &str| {
        format!("<a class=\"button{class}\" href=\"{href}/{path}\">{}</a>", escape(word))
    };
    let history = button("", "history", view.t("service.history"));
    let edit = button(" primary", "edit", view.t("route.edit"));
    Html(if changes { history + &edit } else { history })
}

fn state<'a>(view: &'a View, entry: &'a Entry) -> StateBlock<'a> {
    let grays = entry.grays.len();
    let (mark, state) = match (&entry.formal, grays) {
        (None, _) => (Mark::Warn, view.t("configuration.only_gray").to_owned()),
        (Some(_), 0) => (Mark::Ok, view.t("configuration.published").to_owned()),
        (Some(_), grays) => (Mark::Off, view.sized("configuration.grays", &grays)),
    };
    let formal = entry.formal.as_ref();
    let gray = entry.grays.first();
    let effective = formal.map(|one| &one.effective).or(gray.map(|one| &one.effective));
    let from = formal.map(|one| &one.origin).or(gray.map(|one| &one.origin));
    let meta = formal.map(|one| one.meta.clone()).unwrap_or_default();
    let tags = meta.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    StateBlock {
        v: view,
        key: &entry.key,
        mark,
        state,
        secret: entry.is_secret(),
        kind: effective.map_or("", |one| one.kind.as_str()),
        size: effective
            .map_or(String::new(), |one| crate::format::bytes(one.content.bytes().len())),
        md5: effective.map_or(String::new(), |one| one.content.md5_text().to_owned()),
        changed_ms: effective.map_or(0, |one| one.modified_ms),
        who: from.map_or(String::new(), |origin| origin.user.clone()),
        from: from.map_or(String::new(), |origin| origin.ip.clone()),
        created_ms: formal.map(|one| one.created_ms),
        tags: tags.map(str::to_owned).collect(),
        app: meta.app_name,
        description: meta.desc,
    }
}

fn grays<'a>(view: &'a View, entry: &Entry, changes: bool) -> Grays<'a> {
    let href = href(&entry.key);
    let row = |gray: &rialto_configuration::Gray| {
        let name = gray.rule.name();
        GrayRow {
            href: format!("{href}/gray/{}", encode(&name)),
            by_tag: gray.rule.kind() == "tag",
            expression: gray.rule.expression().to_owned(),
            md5: gray.effective.content.md5_text().to_owned(),
            changed_ms: gray.effective.modified_ms,
            who: gray.origin.user.clone(),
            name,
        }
    };
    let rows = entry.grays.iter().map(row).collect();
    Grays { v: view, rows, add: changes.then(|| format!("{href}/gray")) }
}

/// Who listens: those that do not have what they should first.
fn listeners<'a>(view: &'a View, entry: &Entry, found: Vec<Listener>) -> Listeners<'a> {
    let total = found.len();
    let mut rows: BTreeMap<(bool, String), Vec<Listener>> = BTreeMap::new();
    for listener in found {
        let in_sync = has_what_it_should(entry, &listener);
        rows.entry((in_sync, listener.address.clone())).or_default().push(listener);
    }
    let in_sync = rows.iter().filter(|(key, _)| key.0).map(|(_, same)| same.len()).sum();
    let row = |in_sync: bool, listener: Listener| match (in_sync, listener.md5.is_empty()) {
        (true, _) => ListenerRow { listener, mark: Mark::Ok, state: view.t("listeners.in_sync") },
        (false, true) => {
            ListenerRow { listener, mark: Mark::Warn, state: view.t("listeners.has_nothing") }
        }
        (false, false) => {
            ListenerRow { listener, mark: Mark::Warn, state: view.t("listeners.behind") }
        }
    };
    let all = rows
        .into_iter()
        .flat_map(|((in_sync, _), same)| same.into_iter().map(move |listener| (in_sync, listener)));
    let rows: Vec<_> = all.take(CLIENTS_MAX).map(|(sync, listener)| row(sync, listener)).collect();
    Listeners { v: view, in_sync, total, hidden: total - rows.len(), rows }
}

fn has_what_it_should(entry: &Entry, listener: &Listener) -> bool {
    let address = listener.address.as_str();
    // `10.0.0.7:51234` and `[::1]:51234` without their ports.
    let ip = match address.parse::<std::net::SocketAddr>() {
        Ok(address) => address.ip().to_string(),
        Err(_) => address.to_owned(),
    };
    let labels = Labels { client_ip: &ip, tag: &listener.tag };
    let md5 = entry.effective(&labels).map_or("", |one| one.content.md5_text());
    // A door may not know by which tag a client asks.
    let by_tag = |gray: &rialto_configuration::Gray| {
        gray.rule.kind() == "tag" && gray.effective.content.md5_text() == listener.md5
    };
    md5 == listener.md5 || entry.grays.iter().any(by_tag)
}

/// Removes a configuration with all its versions.
pub(super) async fn remove(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(form): Form<RemoveForm>,
) -> Response {
    let view = &member.view;
    let Ok(key) = place.key() else { return error_page(view, StatusCode::NOT_FOUND) };
    let checked = member
        .proven(&form.csrf)
        .and_then(|()| member.allowed(&app, Action::Operate, &resource(&key)));
    if let Err(status) = checked {
        return error_page(view, status);
    }
    let reason: String = form.reason.trim().chars().take(REASON_CHARS_MAX).collect();
    if reason.is_empty() {
        return Redirect::to(&format!("{}?notice=reason", href(&key))).into_response();
    }
    let target = Target::Formal;
    let remove = Remove { key: key.clone(), target, origin: origin(&member) };
    match app.context.configurations.remove(remove).await {
        Ok(_) => {
            audit(&app, view, &key, &format!("removed ({reason})"));
            let to = format!("{}/history?notice=configuration_removed", href(&key));
            Redirect::to(&to).into_response()
        }
        Err(error) => refused(&app, view, &key, problem(view, &error)),
    }
}

/// The page of a configuration with what went wrong above it.
pub(super) fn refused(app: &App, view: &View, key: &ConfigKey, text: String) -> Response {
    match page(app, view, key) {
        Ok(mut page) => {
            page.notice = Some(Notice { mark: Mark::Bad, text });
            page.live = false;
            render_page(view, &page, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(_) => error_page(view, StatusCode::NOT_FOUND),
    }
}

impl<'a> Shown<'a> {
    /// The first lines of a content, or where to ask for them.
    pub(super) fn of(
        view: &'a View,
        title: &'static str,
        content: &Content,
        ask: Option<String>,
        may_ask: bool,
    ) -> Self {
        let mut shown = Self { v: view, title, lines: Vec::new(), cut: false, ask, may_ask };
        if shown.ask.is_some() {
            return shown;
        }
        let mut bytes = 0;
        for line in crate::diff::lines(content.text()) {
            bytes += line.len() + 1;
            if bytes > SHOWN_BYTES_MAX || shown.lines.len() == SHOWN_LINES_MAX {
                shown.cut = true;
                break;
            }
            shown.lines.push(line.trim_end_matches('\r').to_owned());
        }
        shown
    }
}
