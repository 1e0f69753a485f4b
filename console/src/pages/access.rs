//! Who am I, and who else may come in.

use askama::Template;
use rialto_security::{Action, Resource, TokenInfo};

use super::{Nav, Page};
use crate::context::App;
use crate::view::View;

#[derive(Template)]
#[template(path = "access.html")]
struct Access<'a> {
    v: &'a View,
    role: String,
    /// `None` for readers who may not see them.
    tokens: Option<Vec<TokenInfo>>,
    sessions: usize,
}

pub(super) fn page(app: &App, view: &View) -> Page {
    let security = &app.context.security;
    let identity = view.session.as_ref().map(|session| &session.identity);
    let may_see = identity.is_some_and(|identity| {
        security.authorize(identity, Action::Read, &Resource::Access).is_allowed()
    });
    let mut page = Page::new(Nav::Access, view.t("nav.access").to_owned());
    page.live = false;
    page.region(
        "access",
        &Access {
            v: view,
            role: identity.map_or(String::new(), |identity| view.role_word(identity.role)),
            tokens: may_see.then(|| security.tokens()),
            sessions: security.session_count(),
        },
    );
    page
}
