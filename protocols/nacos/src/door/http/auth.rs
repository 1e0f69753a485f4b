//! Signing in; users, roles and permissions in the forms of v1 and v3.
//!
//! One set of users serves every door. Nacos's role of administrators, `ROLE_ADMIN`, is shown for
//! those who have ours; it is neither given nor taken here.

use rialto_door::http::{Answer, Reply, Value};
use rialto_security::Action::{self, Administer};
use rialto_security::{AuthError, ChangeError, Grant, Identity, Resource, Rights, Role, Security};
use serde::Serialize;

use super::ask::{Ask, Page, data_in, rest_in};
use super::desk::Desk;
use super::refusal::{self, Refusal, json};
use super::style::Style::{self, V1, V3};
use super::style::{JSON, TEXT};
use super::table::{Route, does, oneself, open, reads};
use crate::access::Scope::{self, Access};
use crate::access::{SignedIn, denied};
use crate::problem::{Code, Problem};

const CHANGE: (Action, Scope) = (Administer, Access);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    open("POST", "/v1/auth/login", V1, sign_in),
    open("POST", "/v1/auth/users/login", V1, sign_in),
    open("POST", "/v3/auth/user/login", V3, sign_in),
    open("POST", "/v1/auth/users/admin", V1, first_administrator),
    open("POST", "/v3/auth/user/admin", V3, first_administrator),
    reads(Access, "/v1/auth/users", V1, list_users),
    reads(Access, "/v1/auth/users/search", V1, search_users),
    does(CHANGE, "POST", "/v1/auth/users", V1, create_user),
    oneself("PUT", "/v1/auth/users", V1, set_password),
    does(CHANGE, "DELETE", "/v1/auth/users", V1, delete_user),
    reads(Access, "/v3/auth/user/list", V3, list_users),
    reads(Access, "/v3/auth/user/search", V3, search_users),
    does(CHANGE, "POST", "/v3/auth/user", V3, create_user),
    oneself("PUT", "/v3/auth/user", V3, set_password),
    does(CHANGE, "DELETE", "/v3/auth/user", V3, delete_user),
    reads(Access, "/v1/auth/roles", V1, list_roles),
    reads(Access, "/v1/auth/roles/search", V1, search_roles),
    does(CHANGE, "POST", "/v1/auth/roles", V1, give_role),
    does(CHANGE, "DELETE", "/v1/auth/roles", V1, take_role),
    reads(Access, "/v3/auth/role/list", V3, list_roles),
    reads(Access, "/v3/auth/role/search", V3, search_roles),
    does(CHANGE, "POST", "/v3/auth/role", V3, give_role),
    does(CHANGE, "DELETE", "/v3/auth/role", V3, take_role),
    reads(Access, "/v1/auth/permissions", V1, list_permissions),
    does(CHANGE, "POST", "/v1/auth/permissions", V1, grant),
    does(CHANGE, "DELETE", "/v1/auth/permissions", V1, revoke),
    reads(Access, "/v3/auth/permission/list", V3, list_permissions),
    reads(Access, "/v3/auth/permission", V3, is_granted),
    does(CHANGE, "POST", "/v3/auth/permission", V3, grant),
    does(CHANGE, "DELETE", "/v3/auth/permission", V3, revoke),
];

/// Nacos's name for administrators' role.
const ROLE_ADMIN: &str = "ROLE_ADMIN";

fn sign_in(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (Some(user), Some(password)) = (ask.get("username"), ask.get("password")) else {
        return Ok(not_signed_in(desk, ask, &AuthError::Invalid).into());
    };
    let (user, password) = (user.to_owned(), password.to_owned());
    let (access, peer) = (desk.access.clone(), ask.peer().ip());
    let failed = Failed::new(desk, ask);
    let work = move || access.sign_in(&user, &password, peer);
    Ok(Reply::Later(Box::pin(async move {
        let gone = |_| Err(AuthError::TooMany { retry_after_s: 1 });
        match tokio::task::spawn_blocking(work).await.unwrap_or_else(gone) {
            Ok(signed_in) => welcome(&signed_in),
            Err(error) => failed.answer(&error),
        }
    })))
}

fn welcome(signed_in: &SignedIn) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Welcome<'a> {
        access_token: &'a str,
        token_ttl: u64,
        global_admin: bool,
        username: &'a str,
    }
    let body = json(&Welcome {
        access_token: signed_in.token.reveal(),
        token_ttl: signed_in.ttl_s,
        global_admin: signed_in.identity.role == Role::Admin,
        username: &signed_in.identity.name,
    });
    let header = Value::Owned(format!("Bearer {}", signed_in.token.reveal()));
    Answer::owned(200, JSON, body).with("authorization", header)
}

/// What a failed sign-in needs when it is known to have failed.
struct Failed {
    style: Style,
    path: String,
    now_ms: u64,
}

impl Failed {
    fn new(desk: &Desk, ask: &Ask<'_>) -> Self {
        Self { style: ask.style(), path: ask.call.path.to_owned(), now_ms: desk.now_ms() }
    }

    /// The same for a user that is unknown and for a wrong password.
    fn answer(&self, error: &AuthError) -> Answer {
        let waits = matches!(error, AuthError::TooMany { .. });
        let message = match self.style {
            _ if waits => error.to_string(),
            Style::V1 | Style::V1Config => "user not found!".to_owned(),
            _ => "User not found! Please check user exist or password is right!".to_owned(),
        };
        let answer = if self.style.is_v1() {
            Answer::owned(403, TEXT, message.into_bytes())
        } else {
            let refused = Refusal::Problem(denied(message));
            let (status, typed, body) =
                refusal::write(refused, self.style, &self.path, self.now_ms);
            Answer::owned(status, typed.unwrap_or(JSON), body)
        };
        match error {
            AuthError::TooMany { retry_after_s } => {
                answer.with("retry-after", Value::Number(*retry_after_s))
            }
            _ => answer,
        }
    }
}

fn not_signed_in(desk: &Desk, ask: &Ask<'_>, error: &AuthError) -> Answer {
    Failed::new(desk, ask).answer(error)
}

/// Nacos lets whoever comes first become its administrator. A server here has one from its first
/// start, so that this always comes too late.
fn first_administrator(_desk: &Desk, _ask: &Ask<'_>) -> Result<Reply, Refusal> {
    const BODY: &str = r#"{"code":409,"message":"have admin user cannot use it","data":null}"#;
    Ok(Answer::text(409, JSON, BODY).into())
}

#[derive(Serialize)]
struct ShownUser {
    username: String,
    /// Never anything: clients that read it find the member that they expect.
    password: &'static str,
}

fn list_users(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let wanted = Wanted::of(ask, "username");
    let users = desk.access.security().users().into_iter().map(|user| user.name);
    let users = users.filter(|name| wanted.is(name));
    page(ask, users.map(|username| ShownUser { username, password: "" }).collect())
}

fn search_users(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let part = ask.get("username").unwrap_or_default();
    let users = desk.access.security().users().into_iter().map(|user| user.name);
    let users: Vec<String> = users.filter(|name| name.contains(part)).collect();
    Ok(ask.data(&users).into())
}

fn create_user(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (name, password) = (ask.need("username")?.to_owned(), ask.need("password")?.to_owned());
    Ok(change(desk, ask, "create user ok!", move |security, by| {
        security.create_user(by, &name, &password, Role::Member)
    }))
}

fn set_password(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (name, password) = (ask.need("username")?.to_owned(), ask.need("newPassword")?.to_owned());
    if *ask.who.name != name || !is_a_user(desk, &ask.who) {
        desk.access.allow(&ask.who, Administer, &Resource::Access)?;
    }
    Ok(change(desk, ask, "update user ok!", move |security, by| {
        security.set_password(by, &name, &password)
    }))
}

/// Whether an identity is a user's: a token may have the name of one.
fn is_a_user(desk: &Desk, identity: &Identity) -> bool {
    desk.access.security().sign(identity).is_ok()
}

fn delete_user(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let name = ask.need("username")?.to_owned();
    Ok(change(desk, ask, "delete user ok!", move |security, by| security.delete_user(by, &name)))
}

#[derive(Serialize)]
struct ShownRole {
    role: String,
    username: String,
}

fn list_roles(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (role, user) = (Wanted::of(ask, "role"), Wanted::of(ask, "username"));
    let security = desk.access.security();
    let admins = security.users().into_iter().filter(|user| user.role == Role::Admin);
    let admins = admins.map(|user| ShownRole { role: ROLE_ADMIN.to_owned(), username: user.name });
    let given = security.roles().into_iter().flat_map(|role| {
        let name = role.name;
        role.users.into_iter().map(move |username| ShownRole { role: name.clone(), username })
    });
    let both = admins.chain(given);
    page(ask, both.filter(|it| role.is(&it.role) && user.is(&it.username)).collect())
}

fn search_roles(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let part = ask.get("role").unwrap_or_default();
    let roles = desk.access.security().roles().into_iter().map(|role| role.name);
    let roles: Vec<String> = roles.filter(|name| name.contains(part)).collect();
    Ok(ask.data(&roles).into())
}

fn give_role(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (role, user) = (ask.need("role")?.to_owned(), ask.need("username")?.to_owned());
    Ok(change(desk, ask, "add role ok!", move |security, by| security.bind_role(by, &role, &user)))
}

/// Takes a role from one user, or from everybody.
fn take_role(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let role = ask.need("role")?.to_owned();
    let user = ask.get("username").map(str::to_owned);
    let told = format!("delete role of user {} ok!", user.as_deref().unwrap_or_default());
    Ok(change(desk, ask, told, move |security, by| match &user {
        Some(user) => security.unbind_role(by, &role, user),
        None => security.delete_role(by, &role),
    }))
}

#[derive(Serialize)]
struct ShownPermission {
    role: String,
    resource: String,
    action: &'static str,
}

fn list_permissions(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let wanted = Wanted::of(ask, "role");
    let roles = desk.access.security().roles().into_iter().filter(|role| wanted.is(&role.name));
    let shown = |name: &str, grant: &Grant| ShownPermission {
        role: name.to_owned(),
        resource: grant.resource.to_string(),
        action: grant.rights.as_str(),
    };
    let all = roles.flat_map(|role| {
        role.grants.iter().map(|grant| shown(&role.name, grant)).collect::<Vec<_>>()
    });
    page(ask, all.collect())
}

fn is_granted(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (role, wanted) = permission(ask)?;
    let mut roles = desk.access.security().roles().into_iter();
    let has = roles.any(|known| known.name == role && known.grants.contains(&wanted));
    Ok(ask.data(&has).into())
}

fn grant(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (role, grant) = permission(ask)?;
    Ok(change(desk, ask, "add permission ok!", move |security, by| {
        security.grant(by, &role, grant)
    }))
}

fn revoke(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (role, grant) = permission(ask)?;
    Ok(change(desk, ask, "delete permission ok!", move |security, by| {
        security.revoke(by, &role, &grant)
    }))
}

fn permission(ask: &Ask<'_>) -> Result<(String, Grant), Refusal> {
    let role = ask.need("role")?.to_owned();
    let (resource, action) = (ask.need("resource")?, ask.need("action")?);
    let Some(rights) = Rights::parse(action) else {
        let start: String = action.chars().take(16).collect();
        let message = format!("{start:?} is not an action; say r, w or rw");
        return Err(Refusal::Argument(message));
    };
    let grant = Grant::new(resource, rights);
    Ok((role, grant.map_err(|error| Refusal::Argument(error.to_string()))?))
}

/// Names that a list is asked for.
struct Wanted {
    name: Option<String>,
    blur: bool,
}

impl Wanted {
    fn of(ask: &Ask<'_>, parameter: &str) -> Self {
        let blur = ask.get("search").is_some_and(|search| search == "blur");
        Self { name: ask.get(parameter).map(str::to_owned), blur }
    }

    fn is(&self, name: &str) -> bool {
        match &self.name {
            None => true,
            Some(wanted) if self.blur => name.contains(wanted.trim_matches('*')),
            Some(wanted) => name == wanted,
        }
    }
}

fn page<T: Serialize>(ask: &Ask<'_>, mut all: Vec<T>) -> Result<Reply, Refusal> {
    let asked = ask.page(100)?;
    let total = all.len();
    let from = (asked.number - 1).saturating_mul(asked.size).min(total);
    let items = all.drain(from..).take(asked.size).collect();
    Ok(ask.data(&Page::new(asked, total, items)).into())
}

/// Makes a change off the worker's thread: it hashes a password or waits for the disk.
fn change(
    desk: &Desk,
    ask: &Ask<'_>,
    told: impl Into<String>,
    work: impl FnOnce(&Security, &Identity) -> Result<(), ChangeError> + Send + 'static,
) -> Reply {
    let (security, by) = (desk.access.security().clone(), ask.who.clone());
    let (style, told) = (ask.style(), told.into());
    desk.later(ask, async move {
        let broken = |_| Err(ChangeError::Failed(rialto_security::Error::NoRandomness));
        let done = tokio::task::spawn_blocking(move || work(&security, &by)).await;
        match done.unwrap_or_else(broken) {
            Ok(()) if style.is_v1() => Ok(rest_in(style, None, &told)),
            Ok(()) => Ok(data_in(style, &told)),
            Err(ChangeError::Failed(error @ rialto_security::Error::File { .. })) => {
                Err(Problem::new(500, Code::DataAccess, error.to_string()).into())
            }
            Err(error) => Err(Refusal::Argument(error.to_string())),
        }
    })
}
