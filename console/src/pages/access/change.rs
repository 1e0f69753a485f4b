//! The forms of the access page. Each change is one small form with its own button.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use rialto_security::{
    Action, AuthError, ChangeError, Credentials, Error, Grant, Identity, NewToken, Resource,
    Rights, Role, Secret, Security,
};
use rialto_telemetry::EventKind;
use serde::Deserialize;

use super::page_with;
use crate::context::App;
use crate::guard::Member;
use crate::pages::{Notice, error_page, render_page};
use crate::view::{Mark, View};

/// Every field of every form; each form sends those that it has.
#[derive(Deserialize, Default)]
pub(super) struct AccessForm {
    csrf: String,
    pub(super) action: String,
    /// A user's, role's or token's name.
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    password: String,
    /// The reader's own password.
    #[serde(default)]
    current: String,
    /// A built-in role.
    #[serde(default)]
    pub(super) role: String,
    /// A role of one's own.
    #[serde(default)]
    pub(super) own_role: String,
    #[serde(default)]
    pub(super) resource: String,
    #[serde(default)]
    pub(super) rights: String,
}

/// What a change came to.
enum Done {
    /// A notice by its name.
    Told(&'static str),
    /// A token, to be shown once.
    Token(Secret),
    /// The reader's own sessions have ended.
    SignInAgain,
}

/// Why there was no change.
enum Refusal {
    /// No such form.
    Unknown,
    /// The reader's own password is wrong, or was wrong too often.
    Password(AuthError),
    /// A field cannot be read.
    Field(String),
    Change(ChangeError),
}

/// Carries out a form of the page.
pub(super) async fn act(
    State(app): State<App>,
    member: Member,
    Form(form): Form<AccessForm>,
) -> Response {
    let own = form.action == "own_password";
    let checked = member.proven(&form.csrf).and_then(|()| match own {
        true => Ok(()),
        false => member.allowed(&app, Action::Administer, &Resource::Access),
    });
    if let Err(status) = checked {
        return error_page(&member.view, status);
    }
    let view = &member.view;
    let Some(identity) = view.session.as_ref().map(|session| session.identity.clone()) else {
        return error_page(view, StatusCode::FORBIDDEN);
    };
    let (security, peer) = (app.context.security.clone(), member.peer);
    // Hashing a password and waiting for the disk take a while.
    let work = move || {
        let done = match own {
            true => own_password(&security, &identity, &form, peer),
            false => change(&security, &identity, &form),
        };
        (done, form)
    };
    let Ok((done, form)) = tokio::task::spawn_blocking(work).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if done.is_ok() {
        let subject = if own { view.who() } else { &form.name };
        let what = format!("{} by {}", form.action.replace('_', " "), view.who());
        app.context.telemetry.events().push(EventKind::AccessChanged, subject, what);
    }
    match done {
        Ok(Done::Told(notice)) => Redirect::to(&format!("/access?notice={notice}")).into_response(),
        Ok(Done::SignInAgain) => Redirect::to("/sign-in?next=/access").into_response(),
        Ok(Done::Token(token)) => {
            let empty = AccessForm::default();
            let page = page_with(&app, view, &empty, Some(token.reveal()));
            render_page(view, &page, StatusCode::OK)
        }
        Err(Refusal::Unknown) => error_page(view, StatusCode::NOT_FOUND),
        Err(refusal) => {
            let mut page = page_with(&app, view, &form, None);
            page.notice = Some(Notice { mark: Mark::Bad, text: problem(view, &refusal) });
            render_page(view, &page, StatusCode::UNPROCESSABLE_ENTITY)
        }
    }
}

/// Whoever changes their own password proves that they know it: a session left open is not enough.
fn own_password(
    security: &Security,
    identity: &Identity,
    form: &AccessForm,
    peer: std::net::IpAddr,
) -> Result<Done, Refusal> {
    let credentials = Credentials::Basic {
        user: identity.name.to_string(),
        password: Secret::new(form.current.clone()),
    };
    security.authenticate(&credentials, peer).map_err(Refusal::Password)?;
    security.set_password(identity, &identity.name, &form.password)?;
    Ok(Done::SignInAgain)
}

fn change(security: &Security, by: &Identity, form: &AccessForm) -> Result<Done, Refusal> {
    let (name, own_role) = (form.name.trim(), form.own_role.trim());
    Ok(Done::Told(match form.action.as_str() {
        "create_user" => {
            security.create_user(by, name, &form.password, built_in(form)?)?;
            "user_created"
        }
        "set_password" => {
            security.set_password(by, name, &form.password)?;
            "password_set"
        }
        "set_role" => {
            security.set_role(by, name, built_in(form)?)?;
            "role_set"
        }
        "delete_user" => {
            security.delete_user(by, name)?;
            "user_deleted"
        }
        "give_role" => {
            security.bind_role(by, own_role, name)?;
            "role_given"
        }
        "take_role" => {
            security.unbind_role(by, own_role, name)?;
            "role_taken"
        }
        "create_role" => {
            security.create_role(by, name)?;
            "role_created"
        }
        "delete_role" => {
            security.delete_role(by, name)?;
            "role_deleted"
        }
        "grant" => {
            security.grant(by, name, permission(form)?)?;
            "granted"
        }
        "revoke" => {
            security.revoke(by, name, &permission(form)?)?;
            "revoked"
        }
        "create_token" => {
            let roles = (!own_role.is_empty()).then(|| own_role.to_owned());
            let new = NewToken {
                name: name.to_owned(),
                role: built_in(form)?,
                roles: roles.into_iter().collect(),
                owner: None,
            };
            return Ok(Done::Token(security.create_token(by, new)?));
        }
        "revoke_token" => {
            security.revoke_token(by, name)?;
            "token_revoked"
        }
        _ => return Err(Refusal::Unknown),
    }))
}

fn built_in(form: &AccessForm) -> Result<Role, Refusal> {
    Role::parse(&form.role).ok_or(Refusal::Unknown)
}

fn permission(form: &AccessForm) -> Result<Grant, Refusal> {
    let rights = Rights::parse(&form.rights).ok_or(Refusal::Unknown)?;
    Grant::new(form.resource.trim(), rights).map_err(|error| Refusal::Field(error.to_string()))
}

fn problem(view: &View, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unknown => view.t("error.not_found").to_owned(),
        Refusal::Field(text) => text.clone(),
        Refusal::Password(AuthError::TooMany { retry_after_s }) => {
            view.f("sign_in.wait", &[("n", &view.span(retry_after_s * 1_000))])
        }
        Refusal::Password(_) => view.t("access.wrong_password").to_owned(),
        Refusal::Change(ChangeError::Name(_)) => view.t("access.problem_name").to_owned(),
        Refusal::Change(ChangeError::Exists { name, .. }) => {
            view.f("access.problem_exists", &[("n", name)])
        }
        Refusal::Change(ChangeError::Unknown { name, .. }) => {
            view.f("access.problem_unknown", &[("n", name)])
        }
        Refusal::Change(ChangeError::Failed(Error::Password { min, .. })) => {
            view.n("access.problem_password", *min as u64)
        }
        Refusal::Change(ChangeError::Failed(error)) => {
            tracing::error!(%error, "a change of access was not stored");
            view.t("notice.failed").to_owned()
        }
        Refusal::Change(other) => other.to_string(),
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}
