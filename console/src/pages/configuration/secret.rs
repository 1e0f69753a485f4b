//! Contents of secrets, shown when somebody with the right asks for them. Asking is noted, and is
//! never done by a link.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use rialto_configuration::ConfigKey;
use rialto_security::Action;
use serde::Deserialize;

use super::edit::Place;
use super::history::VersionPlace;
use super::{audit, gray as gray_version, history, item, resource};
use crate::context::App;
use crate::guard::Member;
use crate::pages::{Missing, Page, Params, error_page, render_page};

#[derive(Deserialize)]
pub(super) struct Ask {
    csrf: String,
    /// Numbers of the changes that are compared.
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
}

pub(super) async fn content(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(ask): Form<Ask>,
) -> Response {
    let key = place.key().ok();
    show(&app, &member, key, &ask, |key| item::page_with(&app, &member.view, key, true))
}

pub(super) async fn gray(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(ask): Form<Ask>,
) -> Response {
    let (key, name) = (place.key().ok(), place.name());
    let page = |key: &ConfigKey| gray_version::page_with(&app, &member.view, key, name, true);
    show(&app, &member, key, &ask, page)
}

pub(super) async fn version(
    State(app): State<App>,
    member: Member,
    Path(place): Path<VersionPlace>,
    Form(ask): Form<Ask>,
) -> Response {
    let page =
        |key: &ConfigKey| history::version_page_with(&app, &member.view, key, place.id, true);
    show(&app, &member, place.key(), &ask, page)
}

pub(super) async fn compare(
    State(app): State<App>,
    member: Member,
    Path(place): Path<Place>,
    Form(ask): Form<Ask>,
) -> Response {
    let params = Params::given(&[("old", &ask.old), ("new", &ask.new)]);
    let page = |key: &ConfigKey| history::page_with(&app, &member.view, key, &params, true);
    show(&app, &member, place.key().ok(), &ask, page)
}

fn show(
    app: &App,
    member: &Member,
    key: Option<ConfigKey>,
    ask: &Ask,
    page: impl FnOnce(&ConfigKey) -> Result<Page, Missing>,
) -> Response {
    let view = &member.view;
    let Some(key) = key else { return error_page(view, StatusCode::NOT_FOUND) };
    let checked = member
        .proven(&ask.csrf)
        .and_then(|()| member.allowed(app, Action::Operate, &resource(&key)));
    if let Err(status) = checked {
        return error_page(view, status);
    }
    match page(&key) {
        Ok(page) => {
            audit(app, view, &key, "secret shown");
            render_page(view, &page, StatusCode::OK)
        }
        Err(_) => error_page(view, StatusCode::NOT_FOUND),
    }
}
