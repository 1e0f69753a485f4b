//! Coming in, going out, and how a reader likes the console: the only forms that need no session.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{Html as HtmlResponse, IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use rialto_telemetry::EventKind;
use serde::Deserialize;

use crate::context::App;
use crate::guard::{
    LANG_COOKIE, Member, Reader, SESSION_COOKIE, THEME_COOKIE, local_path, set_cookie,
};
use crate::messages::Lang;
use crate::pages::{error_page, html};
use crate::view::{Theme, View};

/// Preferences are kept for a year.
const PREFERENCE_AGE_S: u64 = 365 * 24 * 3_600;

#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct SignIn {
    user: String,
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct SignOut {
    csrf: String,
}

#[derive(Deserialize)]
pub(crate) struct Preferences {
    #[serde(default)]
    theme: String,
    #[serde(default)]
    lang: String,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate<'a> {
    v: &'a View,
    problem: Option<String>,
    next: &'a str,
    user: &'a str,
}

pub(crate) async fn form(reader: Reader, Query(query): Query<Next>) -> Response {
    if reader.view.session.is_some() {
        return Redirect::to(local_path(&query.next)).into_response();
    }
    // A cookie without a session was one once.
    let problem = reader.cookie.is_some().then(|| reader.view.t("sign_in.expired").to_owned());
    let template = SignInTemplate { v: &reader.view, problem, next: &query.next, user: "" };
    HtmlResponse(html(&template).0).into_response()
}

pub(crate) async fn submit(
    State(app): State<App>,
    reader: Reader,
    Form(form): Form<SignIn>,
) -> Response {
    if !reader.same_site {
        return error_page(&reader.view, StatusCode::CONFLICT);
    }
    let (user, security, peer) = (form.user.clone(), app.context.security.clone(), reader.peer);
    // Hashing takes tens of milliseconds: not on a thread that serves others.
    let check = move || security.sign_in(&form.user, &form.password, peer);
    let outcome = tokio::task::spawn_blocking(check).await;
    let Ok(outcome) = outcome else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let events = app.context.telemetry.events();
    match outcome {
        Ok(session) => {
            events.push(EventKind::SignedIn, &*session.identity.name, format!("from {peer}"));
            let cookie = set_cookie(SESSION_COOKIE, session.cookie.reveal(), None, false);
            let to = Redirect::to(local_path(&form.next));
            ([(header::SET_COOKIE, cookie)], to).into_response()
        }
        Err(refused) => {
            let view = &reader.view;
            let problem = match refused.retry_after {
                Some(wait_s) => view.f("sign_in.wait", &[("n", &view.span(wait_s * 1_000))]),
                None => {
                    events.push(EventKind::SignInFailed, "sign-in", format!("from {peer}"));
                    view.t("sign_in.wrong").to_owned()
                }
            };
            let template =
                SignInTemplate { v: view, problem: Some(problem), next: &form.next, user: &user };
            let page = HtmlResponse(html(&template).0);
            match refused.retry_after {
                Some(wait_s) => {
                    let wait = [(header::RETRY_AFTER, wait_s.to_string())];
                    (StatusCode::TOO_MANY_REQUESTS, wait, page).into_response()
                }
                None => (StatusCode::UNAUTHORIZED, page).into_response(),
            }
        }
    }
}

pub(crate) async fn sign_out(
    State(app): State<App>,
    member: Member,
    Form(form): Form<SignOut>,
) -> Response {
    if let Err(status) = member.proven(&form.csrf) {
        return error_page(&member.view, status);
    }
    app.context.security.sign_out(&member.cookie);
    let gone = set_cookie(SESSION_COOKIE, "", Some(0), false);
    ([(header::SET_COOKIE, gone)], Redirect::to("/sign-in")).into_response()
}

/// Theme and language. They change what the reader sees and nothing else, so they need no proof.
pub(crate) async fn preferences(reader: Reader, Form(form): Form<Preferences>) -> Response {
    if !reader.same_site {
        return error_page(&reader.view, StatusCode::CONFLICT);
    }
    let keep = |name, value: &str| set_cookie(name, value, Some(PREFERENCE_AGE_S), false);
    let theme = Theme::parse(&form.theme).map(|theme| keep(THEME_COOKIE, theme.as_str()));
    let lang = Lang::from_tag(&form.lang).map(|lang| keep(LANG_COOKIE, lang.tag()));
    let mut response = Redirect::to(local_path(&form.back)).into_response();
    for cookie in theme.into_iter().chain(lang) {
        let cookie: HeaderValue = cookie;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
