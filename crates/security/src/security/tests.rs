//! Tests of the handle as a whole.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::Secret;
use crate::limits::{RECENT_TTL_MS, SESSION_IDLE_MS};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "correct horse";

fn in_memory() -> (Security, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(1));
    let shown = clock.clone();
    let (security, generated) =
        Security::open_with_clock(None, Some(PASSWORD.to_owned()), move || {
            shown.load(Ordering::Relaxed)
        })
        .unwrap();
    assert!(generated.is_none());
    (security, clock)
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic { user: user.to_owned(), password: Secret::new(password.to_owned()) }
}

#[test]
fn the_first_start_generates_a_password_that_the_second_knows() {
    let dir = tempfile::tempdir().unwrap();
    let (security, generated) = Security::open(Some(dir.path()), None).unwrap();
    let password = generated.unwrap().reveal().to_owned();
    assert!(security.sign_in("admin", &password, PEER).is_ok());
    let state = fs::read_to_string(dir.path().join("security.json")).unwrap();
    assert!(!state.contains(&password));
    let token = fs::read_to_string(dir.path().join("admin.token")).unwrap();
    assert!(!state.contains(token.trim()));

    let (again, generated) = Security::open(Some(dir.path()), None).unwrap();
    assert!(generated.is_none());
    assert!(again.sign_in("admin", &password, PEER).is_ok());
    let bearer = Credentials::Bearer(Secret::new(token.trim().to_owned()));
    let identity = again.authenticate(&bearer, PEER).unwrap();
    assert_eq!((identity.name.as_ref(), identity.role), ("admin", Role::Admin));
    let names: Vec<_> = again.tokens().into_iter().map(|token| token.name).collect();
    assert_eq!(names, ["service", "admin"]);
}

#[test]
fn a_given_password_replaces_the_stored_one_and_is_not_written_twice() {
    let dir = tempfile::tempdir().unwrap();
    let state = || fs::read_to_string(dir.path().join("security.json")).unwrap();
    let (_, generated) = Security::open(Some(dir.path()), None).unwrap();
    let old = generated.unwrap();
    let (security, _) = Security::open(Some(dir.path()), Some(PASSWORD.to_owned())).unwrap();
    assert!(security.sign_in("admin", PASSWORD, PEER).is_ok());
    assert!(security.sign_in("admin", old.reveal(), PEER).is_err());
    let before = state();
    Security::open(Some(dir.path()), Some(PASSWORD.to_owned())).unwrap();
    assert_eq!(state(), before);
    assert!(Security::open(Some(dir.path()), Some("short".to_owned())).is_err());
}

#[test]
fn an_unwritable_directory_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let Err(error) = Security::open(Some(&missing), None) else { panic!("opened nothing") };
    assert!(error.to_string().contains("check that the data directory is writable"), "{error}");
}

#[test]
fn basic_credentials_and_what_is_wrong_with_them() {
    let (security, _) = in_memory();
    assert_eq!(security.authenticate(&basic("admin", PASSWORD), PEER).unwrap().role, Role::Admin);
    for (user, password) in
        [("admin", "wrong"), ("nobody", PASSWORD), ("", ""), ("Admin", PASSWORD)]
    {
        let refused = security.authenticate(&basic(user, password), PEER);
        assert_eq!(refused, Err(AuthError::Invalid), "{user}");
    }
    let unknown = Credentials::Bearer(Secret::new("rialto_guess".to_owned()));
    assert_eq!(security.authenticate(&unknown, PEER), Err(AuthError::Invalid));
}

#[test]
fn after_too_many_wrong_passwords_even_the_right_one_waits() {
    let (security, clock) = in_memory();
    for _ in 0..=PASSWORD_FAILURES_FREE {
        assert!(security.sign_in("admin", "wrong", PEER).is_err());
    }
    let Err(refused) = security.sign_in("admin", PASSWORD, PEER) else { panic!("not limited") };
    assert_eq!(refused.retry_after, Some(1));
    let other: IpAddr = "10.1.2.3".parse().unwrap();
    assert!(security.sign_in("admin", PASSWORD, other).is_ok());
    clock.fetch_add(1_000, Ordering::Relaxed);
    assert!(security.sign_in("admin", PASSWORD, PEER).is_ok());
    assert!(security.sign_in("admin", "wrong", PEER).is_err_and(|e| e.retry_after.is_none()));
}

#[test]
fn wrong_tokens_are_slowed_down_while_right_ones_pass() {
    let dir = tempfile::tempdir().unwrap();
    let (security, _) =
        Security::open_with_clock(Some(dir.path()), Some(PASSWORD.to_owned()), || 1).unwrap();
    let wrong = Credentials::Bearer(Secret::new("rialto_wrong".to_owned()));
    for _ in 0..=TOKEN_FAILURES_FREE {
        assert_eq!(security.authenticate(&wrong, PEER), Err(AuthError::Invalid));
    }
    assert_eq!(security.authenticate(&wrong, PEER), Err(AuthError::TooMany { retry_after_s: 1 }));
    let token = fs::read_to_string(dir.path().join("service.token")).unwrap();
    let right = Credentials::Bearer(Secret::new(token.trim().to_owned()));
    assert_eq!(security.authenticate(&right, PEER).unwrap().role, Role::Service);
    assert!(security.sign_in("admin", PASSWORD, PEER).is_ok());
}

#[test]
fn a_remembered_password_is_forgotten_after_a_minute() {
    let (security, clock) = in_memory();
    security.authenticate(&basic("admin", PASSWORD), PEER).unwrap();
    let remembered = |at| security.0.recent.lock().find("admin", PASSWORD, at).is_some();
    assert!(remembered(clock.load(Ordering::Relaxed)));
    assert!(!remembered(clock.load(Ordering::Relaxed) + RECENT_TTL_MS));
}

#[test]
fn sessions_carry_identity_and_form_token_until_sign_out() {
    let (security, clock) = in_memory();
    let new = security.sign_in("admin", PASSWORD, PEER).unwrap();
    let session = security.session(new.cookie.reveal()).unwrap();
    assert_eq!(session.identity.role, Role::Admin);
    assert!(session.csrf.matches(new.csrf.reveal()) && !session.csrf.matches(""));
    clock.fetch_add(SESSION_IDLE_MS / 2, Ordering::Relaxed);
    assert!(security.peek_session(new.cookie.reveal()).is_some());
    clock.fetch_add(SESSION_IDLE_MS / 2, Ordering::Relaxed);
    assert!(security.session(new.cookie.reveal()).is_none(), "looking on is not use");
    let new = security.sign_in("admin", PASSWORD, PEER).unwrap();
    assert_eq!(security.session_count(), 1);
    security.sign_out(new.cookie.reveal());
    assert!(security.session(new.cookie.reveal()).is_none());
}

#[test]
fn authorize_denies_by_default() {
    let (security, _) = in_memory();
    let service = Identity::new("service", Role::Service);
    let denied = security.authorize(&service, Action::Administer, &Resource::Route("shop"));
    assert_eq!(denied, Decision::Denied);
    assert!(security.authorize(&service, Action::Read, &Resource::Services).is_allowed());
}
