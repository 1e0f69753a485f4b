//! Users, roles, permissions and tokens that change under those who use them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::*;
use crate::{Action, AuthError, Credentials, Resource, Rights};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "correct horse";
const STOCK: Resource<'_> = Resource::Service { namespace: "a", group: "G", name: "stock" };

fn open(dir: Option<&Path>) -> (Security, Identity) {
    let (security, _) =
        Security::open_with_clocks(dir, Some(PASSWORD.to_owned()), || 1, || 1_000).unwrap();
    let admin = sign_in(&security, "admin").unwrap();
    (security, admin)
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic { user: user.to_owned(), password: Secret::new(password.to_owned()) }
}

fn bearer(token: &Secret) -> Credentials {
    Credentials::Bearer(token.clone())
}

fn sign_in(security: &Security, user: &str) -> Result<Identity, AuthError> {
    security.authenticate(&basic(user, PASSWORD), PEER)
}

fn may(security: &Security, identity: &Identity, action: Action) -> bool {
    security.authorize(identity, action, &STOCK).is_allowed()
}

#[test]
fn a_role_with_a_permission_opens_what_it_names_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (security, admin) = open(Some(dir.path()));
    security.create_user(&admin, "u1", PASSWORD, Role::Member).unwrap();
    let user = sign_in(&security, "u1").unwrap();
    assert!(!may(&security, &user, Action::Read));
    security.bind_role(&admin, "r1", "u1").unwrap();
    let read = Grant::new("a:*:*", Rights::Read).unwrap();
    security.grant(&admin, "r1", read.clone()).unwrap();
    assert!(may(&security, &user, Action::Read), "at once, without signing in again");
    assert!(!may(&security, &user, Action::Register));

    let (again, admin) = open(Some(dir.path()));
    let user = sign_in(&again, "u1").unwrap();
    assert!(may(&again, &user, Action::Read));
    let roles = again.roles();
    assert_eq!((roles[0].name.as_str(), roles[0].users.as_slice()), ("r1", &["u1".to_owned()][..]));
    again.revoke(&admin, "r1", &read).unwrap();
    assert!(!may(&again, &user, Action::Read));
    again.grant(&admin, "r1", read).unwrap();
    again.unbind_role(&admin, "r1", "u1").unwrap();
    assert!(!may(&again, &user, Action::Read));
    again.bind_role(&admin, "r1", "u1").unwrap();
    again.delete_role(&admin, "r1").unwrap();
    assert!(!may(&again, &user, Action::Read) && again.users()[1].roles.is_empty());
}

#[test]
fn a_changed_or_deleted_user_is_out_at_once() {
    let (security, admin) = open(None);
    let ended: [fn(&Security, &Identity); 3] = [
        |security, admin| security.set_password(admin, "u1", "another horse").unwrap(),
        |security, admin| security.set_role(admin, "u1", Role::Reader).unwrap(),
        |security, admin| security.delete_user(admin, "u1").unwrap(),
    ];
    for end in ended {
        security.create_user(&admin, "u1", PASSWORD, Role::Operator).unwrap();
        let session = security.sign_in("u1", PASSWORD, PEER).unwrap();
        let user = sign_in(&security, "u1").unwrap();
        let signed = security.sign(&user).unwrap();
        assert_eq!(security.authenticate(&bearer(&signed.token), PEER).unwrap(), user);
        end(&security, &admin);
        assert!(security.session(session.cookie.reveal()).is_none());
        let refused = security.authenticate(&bearer(&signed.token), PEER);
        assert_eq!(refused, Err(AuthError::Invalid));
        assert!(security.sign(&user).is_err() && !may(&security, &user, Action::Read));
        let _ = security.delete_user(&admin, "u1");
    }
    security.create_user(&admin, "u1", PASSWORD, Role::Operator).unwrap();
    assert!(sign_in(&security, "u1").is_ok(), "nothing of the old one sticks to the name");
}

#[test]
fn an_old_password_is_not_remembered_after_a_change() {
    let (security, admin) = open(None);
    security.create_user(&admin, "u1", PASSWORD, Role::Reader).unwrap();
    sign_in(&security, "u1").unwrap();
    assert!(security.authenticate_now(&basic("u1", PASSWORD), PEER).is_some());
    security.set_password(&admin, "u1", "another horse").unwrap();
    assert!(security.authenticate_now(&basic("u1", PASSWORD), PEER).is_none());
    assert_eq!(sign_in(&security, "u1"), Err(AuthError::Invalid));
    assert!(security.authenticate(&basic("u1", "another horse"), PEER).is_ok());
}

#[test]
fn tokens_are_made_used_and_revoked_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (security, admin) = open(Some(dir.path()));
    security.create_user(&admin, "u1", PASSWORD, Role::Reader).unwrap();
    let new = |name: &str, owner: Option<&str>| NewToken {
        name: name.to_owned(),
        role: Role::Service,
        roles: Vec::new(),
        owner: owner.map(str::to_owned),
    };
    let ci = security.create_token(&admin, new("ci", None)).unwrap();
    let owned = security.create_token(&admin, new("of u1", Some("u1"))).unwrap();
    let who = |token: &Secret| security.authenticate(&bearer(token), PEER);
    assert_eq!(&*who(&ci).unwrap().name, "ci");
    let as_password = security.authenticate(&basic("anybody", ci.reveal()), PEER);
    assert_eq!(as_password.unwrap().role, Role::Service);
    let state = std::fs::read_to_string(dir.path().join("security.json")).unwrap();
    assert!(!state.contains(ci.reveal()));
    assert!(Security::open(Some(dir.path()), None).unwrap().0.tokens().len() == 4);
    let held = who(&ci).unwrap();
    security.revoke_token(&admin, "ci").unwrap();
    assert_eq!(who(&ci), Err(AuthError::Invalid));
    assert!(held.has_ended());
    security.delete_user(&admin, "u1").unwrap();
    assert_eq!(who(&owned), Err(AuthError::Invalid));
    for name in ["service", "admin"] {
        let refused = security.revoke_token(&admin, name).unwrap_err();
        assert!(refused.to_string().contains("remove the file"), "{refused}");
        assert!(security.create_token(&admin, new(name, None)).is_err());
    }
}

#[test]
fn the_last_administrator_stays() {
    let (security, admin) = open(None);
    assert!(security.delete_user(&admin, "admin").is_err());
    assert!(security.set_role(&admin, "admin", Role::Reader).is_err());
    security.create_user(&admin, "root", PASSWORD, Role::Admin).unwrap();
    security.delete_user(&admin, "admin").unwrap();
    let root = sign_in(&security, "root").unwrap();
    assert!(security.delete_user(&root, "root").is_err() && security.has_admin());
}

#[test]
fn a_deleted_first_administrator_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (security, admin) = open(Some(dir.path()));
    security.create_user(&admin, "root", PASSWORD, Role::Admin).unwrap();
    security.delete_user(&admin, "admin").unwrap();
    let (again, generated) = Security::open(Some(dir.path()), None).unwrap();
    assert!(generated.is_none() && again.users().len() == 1);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let (security, admin) = open(None);
    security.create_user(&admin, "u1", PASSWORD, Role::Member).unwrap();
    let long = "x".repeat(USER_BYTES_MAX + 1);
    for name in ["", " u", "u ", "a:b", "a\nb", "a\u{7f}b", &long] {
        assert!(security.create_user(&admin, name, PASSWORD, Role::Member).is_err(), "{name:?}");
        assert!(security.create_role(&admin, name).is_err(), "{name:?}");
    }
    for role in ["ROLE_ADMIN", "role_admin", "admin", "member"] {
        assert!(security.bind_role(&admin, role, "u1").is_err(), "{role}");
    }
    let grant = Grant::new("a:*:*", Rights::Read).unwrap();
    assert!(security.create_user(&admin, "u1", PASSWORD, Role::Member).is_err());
    assert!(security.create_user(&admin, "u2", "short", Role::Member).is_err());
    assert!(security.set_password(&admin, "u2", PASSWORD).is_err());
    assert!(security.bind_role(&admin, "r", "nobody").is_err());
    assert!(security.grant(&admin, "r", grant.clone()).is_err());
    assert!(security.unbind_role(&admin, "r", "u1").is_err());
    assert!(security.delete_role(&admin, "r").is_err());
    assert!(security.roles().is_empty() && security.users().len() == 2);
    security.bind_role(&admin, "r", "u1").unwrap();
    assert!(security.bind_role(&admin, "r", "u1").is_err());
    security.grant(&admin, "r", grant.clone()).unwrap();
    assert!(security.grant(&admin, "r", grant.clone()).is_err());
    security.revoke(&admin, "r", &grant).unwrap();
    assert!(security.revoke(&admin, "r", &grant).is_err());
}

#[test]
fn what_cannot_be_saved_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let (security, admin) = open(Some(dir.path()));
    let path = dir.path().to_owned();
    dir.close().unwrap();
    assert!(!path.exists());
    let refused = security.create_user(&admin, "u1", PASSWORD, Role::Member).unwrap_err();
    assert!(refused.to_string().contains("check that the data directory"), "{refused}");
    assert_eq!(security.users().len(), 1);
    assert_eq!(sign_in(&security, "u1"), Err(AuthError::Invalid));
}

#[test]
fn everything_is_bounded() {
    let (security, admin) = open(None);
    for at in 0..GRANTS_PER_ROLE_MAX + ROLES_PER_USER_MAX {
        let role = format!("r{at}");
        let bound = security.bind_role(&admin, &role, "admin");
        assert_eq!(bound.is_ok(), at < ROLES_PER_USER_MAX, "{at}");
        let name = format!("a:*:config/{at}");
        let granted = security.grant(&admin, "r0", Grant::new(&name, Rights::Read).unwrap());
        assert_eq!(granted.is_ok(), at < GRANTS_PER_ROLE_MAX, "{at}");
    }
    assert_eq!(security.roles().len(), ROLES_PER_USER_MAX, "no role is left over");
    assert!(room("users", USERS_MAX, USERS_MAX).is_err() && room("users", 0, 1).is_ok());
    assert!(room("tokens", TOKENS_MAX, TOKENS_MAX).is_err());
    assert!(room("roles", ROLES_MAX, ROLES_MAX).is_err());
}
