//! The editor: write, look at the difference, publish. What somebody else published meanwhile is
//! shown first and never replaced unseen.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use rialto_configuration::{ConfigKey, Entry, Kind, Refused};
use rialto_engine::PublishError;
use rialto_security::Action;
use serde::Deserialize;

use super::draft::{Before, Draft};
use super::{audit, crumb, crumb_of, find, href, look_up, origin, resource};
use crate::context::App;
use crate::diff::Diff;
use crate::guard::Member;
use crate::limits::EDIT_BYTES_MAX;
use crate::pages::{
    Missing, Nav, Notice, Page, Params, encode, error_page, html, namespaces, render_page,
};
use crate::view::{Mark, View};

/// What a path names.
#[derive(Deserialize)]
pub(super) struct Place {
    namespace: String,
    group: String,
    data_id: String,
    #[serde(default)]
    name: String,
}

/// What the editor is for.
enum Flow {
    Add,
    Edit(ConfigKey),
    AddGray(ConfigKey),
    EditGray(ConfigKey, String),
}

#[derive(Template)]
#[template(path = "configuration_editor.html")]
struct Editor<'a> {
    v: &'a View,
    action: String,
    cancel: String,
    draft: &'a Draft,
    kinds: [Kind; 8],
    namespaces: Vec<(String, String)>,
    fixed_key: bool,
    gray: bool,
    fixed_rule: bool,
}

#[derive(Template)]
#[template(path = "configuration_preview.html")]
struct Preview<'a> {
    v: &'a View,
    action: String,
    draft: &'a Draft,
    diff: &'a Diff,
    label: &'static str,
    does: String,
    facts: Vec<Fact>,
    doubt: Option<String>,
    unchanged: bool,
}

/// Something said about a configuration, before and after.
struct Fact {
    name: &'static str,
    old: String,
    new: String,
}

pub(super) fn add_page(app: &App, view: &View, params: &Params) -> Page {
    let group = Some(params.get("group")).filter(|group| !group.is_empty());
    let namespace = Some(params.get("ns")).filter(|namespace| !namespace.is_empty());
    let mut draft = Draft::new(
        namespace.unwrap_or(rialto_configuration::PUBLIC),
        group.unwrap_or("DEFAULT_GROUP"),
    );
    params.get("data_id").clone_into(&mut draft.data_id);
    Flow::Add.page(app, view, &draft)
}

pub(super) fn edit_page(app: &App, view: &View, key: &ConfigKey) -> Result<Page, Missing> {
    let entry = find(app, view, key)?;
    let flow = Flow::Edit(key.clone());
    let draft = match &entry.formal {
        Some(formal) => Draft::of_formal(key, formal),
        None => {
            Draft { data_id: key.data_id().to_owned(), ..Draft::new(key.namespace(), key.group()) }
        }
    };
    Ok(opened(app, view, &flow, &entry, &draft))
}

pub(super) fn add_gray_page(app: &App, view: &View, key: &ConfigKey) -> Result<Page, Missing> {
    let entry = find(app, view, key)?;
    Ok(opened(app, view, &Flow::AddGray(key.clone()), &entry, &Draft::of_new_gray(key, &entry)))
}

pub(super) fn edit_gray_page(
    app: &App,
    view: &View,
    key: &ConfigKey,
    name: &str,
) -> Result<Page, Missing> {
    let entry = find(app, view, key)?;
    let gray = super::gray::named(view, &entry, name)?;
    let flow = Flow::EditGray(key.clone(), name.to_owned());
    Ok(opened(app, view, &flow, &entry, &Draft::of_gray(key, gray)))
}

/// The editor with what is published. A content that is too large to be edited is not cut.
fn opened(app: &App, view: &View, flow: &Flow, entry: &Entry, draft: &Draft) -> Page {
    if draft.content.len() > EDIT_BYTES_MAX {
        let empty = Draft { content: String::new(), ..draft.clone() };
        let mut page = flow.page(app, view, &empty);
        let most = crate::format::bytes(EDIT_BYTES_MAX);
        let text = view.f("draft.problem_large", &[("n", &most)]);
        page.notice = Some(Notice { mark: Mark::Bad, text });
        return page;
    }
    if entry.is_secret() && !view.live {
        audit(app, view, &entry.key, "secret shown");
    }
    flow.page(app, view, draft)
}

pub(super) async fn add(
    State(app): State<App>,
    member: Member,
    Form(draft): Form<Draft>,
) -> Response {
    proceed(&app, &member, &Flow::Add, draft).await
}

pub(super) async fn edit(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(draft): Form<Draft>,
) -> Response {
    of(&app, &member, place, draft, |key, _| Flow::Edit(key)).await
}

pub(super) async fn add_gray(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(draft): Form<Draft>,
) -> Response {
    of(&app, &member, place, draft, |key, _| Flow::AddGray(key)).await
}

pub(super) async fn edit_gray(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(draft): Form<Draft>,
) -> Response {
    of(&app, &member, place, draft, Flow::EditGray).await
}

async fn of(
    app: &App,
    member: &Member,
    place: Place,
    draft: Draft,
    flow: impl FnOnce(ConfigKey, String) -> Flow,
) -> Response {
    match place.key() {
        Ok(key) => proceed(app, member, &flow(key, place.name), draft).await,
        Err(_) => error_page(&member.view, StatusCode::NOT_FOUND),
    }
}

async fn proceed(app: &App, member: &Member, flow: &Flow, mut draft: Draft) -> Response {
    let view = &member.view;
    let key = match flow.key().cloned().map_or_else(|| draft.key(), Ok) {
        Ok(key) => key,
        Err(refused) => return again(app, view, flow, &draft, refusal(view, &refused)),
    };
    let checked = member
        .proven(&draft.csrf)
        .and_then(|()| member.allowed(app, Action::Operate, &resource(&key)));
    if let Err(status) = checked {
        return error_page(view, status);
    }
    flow.settle(&mut draft);
    let entry = look_up(app, &key);
    let gray = flow.gray_name(&draft);
    let before = Before::of(entry.as_deref(), gray.as_deref());
    draft.mend_line_ends(before.effective());
    if let Some(problem) = draft.problem(view, flow.is_gray()) {
        return again(app, view, flow, &draft, problem);
    }
    match draft.step.as_str() {
        "edit" => render_page(view, &flow.page(app, view, &draft), StatusCode::OK),
        "publish" if draft.is_current(before.effective()) => {
            let publish =
                draft.publish(key.clone(), entry.as_deref(), flow.is_gray(), origin(member));
            match app.context.configurations.publish(publish).await {
                Ok(_) => Redirect::to(&flow.done(&key, &draft)).into_response(),
                Err(PublishError::Refused(Refused::Conflict)) => {
                    overtaken(app, view, flow, &key, draft)
                }
                Err(error) => again(app, view, flow, &draft, problem(view, &error)),
            }
        }
        "publish" => overtaken(app, view, flow, &key, draft),
        _ => {
            let page = flow.preview(app, view, &key, entry.as_deref(), &draft);
            render_page(view, &page, StatusCode::OK)
        }
    }
}

/// Somebody else was faster: what publishing would change of theirs is shown first.
fn overtaken(app: &App, view: &View, flow: &Flow, key: &ConfigKey, mut draft: Draft) -> Response {
    let entry: Option<Arc<Entry>> = look_up(app, key);
    let gray = flow.gray_name(&draft);
    let before = Before::of(entry.as_deref(), gray.as_deref());
    draft.rebase(before.effective());
    let who = before.origin().map_or("", |origin| &origin.user);
    let text = match (before.effective(), who) {
        (None, _) => view.t("draft.overtaken_gone").to_owned(),
        (Some(_), "") => view.f("draft.overtaken", &[("who", view.t("draft.somebody"))]),
        (Some(_), who) => view.f("draft.overtaken", &[("who", who)]),
    };
    let mut page = flow.preview(app, view, key, entry.as_deref(), &draft);
    page.notice = Some(Notice { mark: Mark::Bad, text });
    render_page(view, &page, StatusCode::CONFLICT)
}

/// The editor once more, with what is wrong above it.
fn again(app: &App, view: &View, flow: &Flow, draft: &Draft, problem: String) -> Response {
    let mut page = flow.page(app, view, draft);
    page.notice = Some(Notice { mark: Mark::Bad, text: problem });
    render_page(view, &page, StatusCode::UNPROCESSABLE_ENTITY)
}

/// Why something was not published, in words.
pub(super) fn problem(view: &View, error: &PublishError) -> String {
    match error {
        PublishError::Refused(refused) => refusal(view, refused),
        other => {
            tracing::error!(error = %other, "a configuration was not stored");
            view.t("notice.failed").to_owned()
        }
    }
}

fn refusal(view: &View, refused: &Refused) -> String {
    format!("{} {refused}.", view.t("notice.refused"))
}

impl Place {
    pub(super) fn key(&self) -> Result<ConfigKey, Refused> {
        ConfigKey::new(&self.namespace, &self.group, &self.data_id)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Flow {
    fn key(&self) -> Option<&ConfigKey> {
        match self {
            Self::Add => None,
            Self::Edit(key) | Self::AddGray(key) | Self::EditGray(key, _) => Some(key),
        }
    }

    fn is_gray(&self) -> bool {
        matches!(self, Self::AddGray(_) | Self::EditGray(..))
    }

    /// The gray version that the draft goes to.
    fn gray_name(&self, draft: &Draft) -> Option<String> {
        match self {
            Self::Add | Self::Edit(_) => None,
            Self::AddGray(_) => Some(draft.gray_name()),
            Self::EditGray(_, name) => Some(name.clone()),
        }
    }

    /// Of a gray version that is there, its name says who sees it by a tag.
    fn settle(&self, draft: &mut Draft) {
        let Self::EditGray(_, name) = self else { return };
        match name.strip_prefix("tag_") {
            Some(tag) => (draft.rule, draft.expression) = ("tag".to_owned(), tag.to_owned()),
            None => draft.rule = "beta".to_owned(),
        }
    }

    fn action(&self) -> String {
        match self {
            Self::Add => "/configuration/add".to_owned(),
            Self::Edit(key) => format!("{}/edit", href(key)),
            Self::AddGray(key) => format!("{}/gray", href(key)),
            Self::EditGray(key, name) => format!("{}/gray/{}/edit", href(key), encode(name)),
        }
    }

    fn title(&self, view: &View) -> String {
        match self {
            Self::Add => view.t("draft.add_title").to_owned(),
            Self::Edit(key) => view.f("draft.edit_title", &[("n", key.data_id())]),
            Self::AddGray(key) => view.f("draft.add_gray_title", &[("n", key.data_id())]),
            Self::EditGray(_, name) => view.f("draft.edit_title", &[("n", name)]),
        }
    }

    /// Where to go when it is published.
    fn done(&self, key: &ConfigKey, draft: &Draft) -> String {
        match self.gray_name(draft) {
            None => format!("{}?notice=configuration_published", href(key)),
            Some(name) => format!("{}/gray/{}?notice=gray_published", href(key), encode(&name)),
        }
    }

    fn blank(&self, title: String, view: &View) -> Page {
        let mut page = Page::new(Nav::Configuration, title);
        page.crumb = Some(self.key().map_or_else(|| crumb(view), crumb_of));
        page.live = false;
        page
    }

    fn page(&self, app: &App, view: &View, draft: &Draft) -> Page {
        let mut page = self.blank(self.title(view), view);
        let cancel = self.key().map_or_else(|| "/configuration".to_owned(), href);
        let fixed_key = self.key().is_some();
        let namespaces = match fixed_key {
            true => Vec::new(),
            false => namespaces::choices(app, view, &draft.namespace),
        };
        page.top = html(&Editor {
            v: view,
            action: self.action(),
            cancel,
            draft,
            kinds: Kind::ALL,
            namespaces,
            fixed_key,
            gray: self.is_gray(),
            fixed_rule: matches!(self, Self::EditGray(..)),
        });
        page
    }

    /// What publishing would change.
    fn preview(
        &self,
        app: &App,
        view: &View,
        key: &ConfigKey,
        entry: Option<&Entry>,
        draft: &Draft,
    ) -> Page {
        let gray = self.gray_name(draft);
        let before = Before::of(entry, gray.as_deref());
        // A new gray version differs from what its readers see now: what all see.
        let shown = before.effective().or_else(|| Before::of(entry, None).effective());
        let old = shown.map_or("", |shown| shown.content.text());
        let diff = Diff::of(old, &draft.content);
        let facts = if self.is_gray() { Vec::new() } else { facts(view, &before, draft) };
        let listeners = app.context.clients.listeners(key).len() as u64;
        let does = match gray {
            Some(_) => view.f("draft.gray_does", &[("n", draft.expression.trim())]),
            None if listeners == 0 => view.t("draft.publish_quietly").to_owned(),
            None => view.n("draft.publish_does", listeners),
        };
        let mut page = self.blank(view.t("draft.preview_title").to_owned(), view);
        page.sub = key.to_string();
        page.top = html(&Preview {
            v: view,
            action: self.action(),
            draft,
            diff: &diff,
            label: view.t("draft.preview_title"),
            does,
            doubt: draft.doubt(view),
            unchanged: before.effective().is_some() && diff.is_empty() && facts.is_empty(),
            facts,
        });
        page
    }
}

fn facts(view: &View, before: &Before<'_>, draft: &Draft) -> Vec<Fact> {
    let Before::Formal(formal) = before else { return Vec::new() };
    let secret = |on: bool| view.t(if on { "answer.yes" } else { "answer.no" }).to_owned();
    let fact = |name, old: &str, new: &str| Fact {
        name,
        old: old.trim().to_owned(),
        new: new.trim().to_owned(),
    };
    let kind = Kind::parse(&draft.kind).as_str();
    let all = [
        fact(view.t("configuration.type"), formal.effective.kind.as_str(), kind),
        fact(view.t("configuration.description"), &formal.meta.desc, &draft.description),
        fact(view.t("configuration.tags"), &formal.meta.tags, &draft.tags),
        fact(view.t("configuration.app"), &formal.meta.app_name, &draft.app_name),
        fact(view.t("configuration.secret"), &secret(formal.secret), &secret(draft.is_secret())),
    ];
    all.into_iter().filter(|fact| fact.old != fact.new).collect()
}
