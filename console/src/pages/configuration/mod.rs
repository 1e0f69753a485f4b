//! Configurations: found, read, edited with a look at the difference before it counts, given to
//! some first, brought back from history, carried in and out as files.

mod draft;
mod edit;
mod gray;
mod history;
mod item;
mod list;
mod secret;
mod transfer;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use percent_encoding::percent_decode_str;
use rialto_configuration::{ConfigKey, Entry, Origin};
use rialto_security::{Action, Resource};
use rialto_telemetry::EventKind;

use super::{Crumb, Missing, Page, Params, encode, show};
use crate::context::App;
use crate::guard::Member;
use crate::limits::{EDIT_FORM_BYTES_MAX, IMPORT_BYTES_MAX};
use crate::view::View;

/// A page about configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    List,
    Add,
    Import,
    /// One configuration, or a part of it.
    Of(ConfigKey, Part),
}

/// What of a configuration a page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Item,
    Edit,
    History,
    /// What a change in history published.
    Version(u64),
    /// Beginning a gray version.
    AddGray,
    /// A gray version by its name.
    Gray(String),
    EditGray(String),
}

pub(super) fn router() -> Router<App> {
    const ITEM: &str = "/configuration/{namespace}/{group}/{data_id}";
    let of = |part: &str| format!("{ITEM}{part}");
    let large = || DefaultBodyLimit::max(EDIT_FORM_BYTES_MAX);
    let import = get(show).post(transfer::import).layer(DefaultBodyLimit::max(IMPORT_BYTES_MAX));
    Router::new()
        .route("/configuration", get(show))
        .route("/configuration/add", get(show).post(edit::add).layer(large()))
        .route("/configuration/import", import)
        .route("/configuration/export", get(transfer::export))
        .route(ITEM, get(show))
        .route(&of("/content"), post(secret::content))
        .route(&of("/remove"), post(item::remove))
        .route(&of("/edit"), get(show).post(edit::edit).layer(large()))
        .route(&of("/history"), get(show).post(secret::compare))
        .route(&of("/history/{id}"), get(show).post(secret::version))
        .route(&of("/history/{id}/rollback"), post(history::roll_back))
        .route(&of("/gray"), get(show).post(edit::add_gray).layer(large()))
        .route(&of("/gray/{name}"), get(show).post(secret::gray))
        .route(&of("/gray/{name}/edit"), get(show).post(edit::edit_gray).layer(large()))
        .route(&of("/gray/{name}/promote"), post(gray::promote))
        .route(&of("/gray/{name}/stop"), post(gray::stop))
}

impl Target {
    /// Reads what follows `/configuration`; `None` when no page has it.
    pub(crate) fn parse(segments: &[&str]) -> Option<Self> {
        let decode =
            |segment: &str| percent_decode_str(segment).decode_utf8().ok().map(String::from);
        Some(match segments {
            [] => Self::List,
            ["add"] => Self::Add,
            ["import"] => Self::Import,
            [namespace, group, data_id, rest @ ..] => {
                let (namespace, group) = (decode(namespace)?, decode(group)?);
                let key = ConfigKey::new(&namespace, &group, &decode(data_id)?).ok()?;
                let part = match rest {
                    [] => Part::Item,
                    ["edit"] => Part::Edit,
                    ["history"] => Part::History,
                    ["history", id] => Part::Version(id.parse().ok()?),
                    ["gray"] => Part::AddGray,
                    ["gray", name] => Part::Gray(decode(name)?),
                    ["gray", name, "edit"] => Part::EditGray(decode(name)?),
                    _ => return None,
                };
                Self::Of(key, part)
            }
            _ => return None,
        })
    }

    /// What a reader must be allowed to do to see it; `None` when everybody who is signed in may.
    pub(crate) fn needs(&self) -> Option<(Action, Resource<'_>)> {
        match self {
            // Of the list, readers see what they may; a form is asked about when it is sent.
            Self::List | Self::Add | Self::Import => None,
            Self::Of(key, Part::Edit | Part::AddGray | Part::EditGray(_)) => {
                Some((Action::Operate, resource(key)))
            }
            Self::Of(key, _) => Some((Action::Read, resource(key))),
        }
    }

    /// Lists and histories change by publishing alone.
    pub(crate) fn revision(&self, app: &App) -> Option<u64> {
        match self {
            Self::List | Self::Of(_, Part::History) => {
                Some(app.context.configurations.read(rialto_configuration::State::revision))
            }
            Self::Add | Self::Import | Self::Of(..) => None,
        }
    }

    pub(crate) fn build(&self, app: &App, view: &View, params: &Params) -> Result<Page, Missing> {
        match self {
            Self::List => Ok(list::page(app, view, params)),
            Self::Add => Ok(edit::add_page(app, view, params)),
            Self::Import => Ok(transfer::page(app, view, params)),
            Self::Of(key, part) => match part {
                Part::Item => item::page(app, view, key),
                Part::Edit => edit::edit_page(app, view, key),
                Part::History => history::page(app, view, key, params),
                Part::Version(id) => history::version_page(app, view, key, *id),
                Part::AddGray => edit::add_gray_page(app, view, key),
                Part::Gray(name) => gray::page(app, view, key, name),
                Part::EditGray(name) => edit::edit_gray_page(app, view, key, name),
            },
        }
    }
}

pub(super) fn resource(key: &ConfigKey) -> Resource<'_> {
    let (namespace, group, name) = (key.namespace(), key.group(), key.data_id());
    Resource::Configuration { namespace, group, name }
}

pub(super) fn href(key: &ConfigKey) -> String {
    let (namespace, group) = (encode(key.namespace()), encode(key.group()));
    format!("/configuration/{namespace}/{group}/{}", encode(key.data_id()))
}

/// A configuration that is published, or what to say instead.
fn find(app: &App, view: &View, key: &ConfigKey) -> Result<Arc<Entry>, Missing> {
    look_up(app, key).ok_or(Missing {
        title: view.t("configuration.gone"),
        text: view.t("configuration.gone_how"),
    })
}

fn look_up(app: &App, key: &ConfigKey) -> Option<Arc<Entry>> {
    app.context.configurations.read(|state| state.get(&key.borrow()).cloned())
}

/// The way back to the list.
fn crumb(view: &View) -> Crumb {
    Crumb { href: "/configuration".into(), text: view.t("nav.configuration").into() }
}

/// The way back to a configuration.
fn crumb_of(key: &ConfigKey) -> Crumb {
    Crumb { href: href(key).into(), text: key.data_id().to_owned().into() }
}

/// Whether to offer changes of a configuration, and to show a secret.
fn may_change(app: &App, view: &View, key: &ConfigKey) -> bool {
    view.may(app, Action::Operate, &resource(key))
}

fn origin(member: &Member) -> Origin {
    Origin { user: member.view.who().to_owned(), ip: member.peer.to_string() }
}

fn audit(app: &App, view: &View, key: &ConfigKey, what: &str) {
    let detail = format!("{what} by {}", view.who());
    app.context.telemetry.events().push(EventKind::ConfigurationChanged, key.to_string(), detail);
}
