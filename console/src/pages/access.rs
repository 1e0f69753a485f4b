//! Who am I, and who else may come in: users, roles, permissions and access tokens.

mod change;

use askama::Template;
use axum::Router;
use axum::routing::get;
use rialto_security::{Action, Resource, Role, RoleInfo, TokenInfo, UserInfo};

use self::change::AccessForm;
use super::{Nav, Page, html, show};
use crate::context::App;
use crate::view::View;

/// Whoever is reading.
#[derive(Template)]
#[template(path = "access.html")]
struct You<'a> {
    v: &'a View,
    role: String,
    /// Their roles, when they are a user.
    roles: Vec<String>,
    is_user: bool,
}

#[derive(Template)]
#[template(path = "access_users.html")]
struct Users<'a> {
    v: &'a View,
    users: Vec<UserInfo>,
    /// Names of roles that a user may be given.
    roles: Vec<String>,
    menu: Menu,
    sessions: usize,
    form: &'a AccessForm,
    /// Whether the reader may change anything.
    changes: bool,
}

#[derive(Template)]
#[template(path = "access_roles.html")]
struct Roles<'a> {
    v: &'a View,
    roles: Vec<RoleInfo>,
    form: &'a AccessForm,
    changes: bool,
}

#[derive(Template)]
#[template(path = "access_tokens.html")]
struct Tokens<'a> {
    v: &'a View,
    tokens: Vec<TokenInfo>,
    roles: Vec<String>,
    menu: Menu,
    form: &'a AccessForm,
    changes: bool,
    /// A token made just now: the only time that it is shown.
    made: Option<&'a str>,
}

/// Built-in roles, by name and by word.
type Menu = Vec<(String, String)>;

/// Built-in roles in the order of the menu, the one with the fewest rights first.
const BUILT_IN: [Role; 5] =
    [Role::Member, Role::Reader, Role::Service, Role::Operator, Role::Admin];

pub(super) fn router() -> Router<App> {
    Router::new().route("/access", get(show).post(change::act))
}

pub(super) fn page(app: &App, view: &View) -> Page {
    page_with(app, view, &AccessForm::default(), None)
}

/// The page with a form as it was sent, and with a token that was made just now.
fn page_with(app: &App, view: &View, form: &AccessForm, made: Option<&str>) -> Page {
    let security = &app.context.security;
    let identity = view.session.as_ref().map(|session| &session.identity);
    let may = |action| {
        identity.is_some_and(|identity| security.allows(identity, action, &Resource::Access))
    };
    let user = security.users().into_iter().find(|user| user.name == view.who());
    let mut page = Page::new(Nav::Access, view.t("nav.access").to_owned());
    page.live = false;
    page.region(
        "access",
        &You {
            v: view,
            role: identity.map_or(String::new(), |identity| view.role_word(identity.role)),
            is_user: user.is_some(),
            roles: user.map(|user| user.roles).unwrap_or_default(),
        },
    );
    if !may(Action::Read) {
        return page;
    }
    let changes = may(Action::Administer);
    let roles = security.roles();
    let names: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
    let (users, sessions) = (security.users(), security.session_count());
    let tokens = security.tokens();
    let (own, menu) = (names.clone(), menu(view));
    let shown = Tokens { v: view, tokens, roles: own, menu: menu.clone(), form, changes, made };
    if made.is_some() {
        // Above everything else: it is shown once.
        page.top = html(&shown);
    }
    page.region("users", &Users { v: view, users, roles: names, menu, sessions, form, changes });
    page.region("roles", &Roles { v: view, roles, form, changes });
    if made.is_none() {
        page.region("tokens", &shown);
    }
    page
}

fn menu(view: &View) -> Menu {
    BUILT_IN.map(|role| (role.as_str().to_owned(), view.role_word(role))).into()
}
