//! Who is who in each mode, and who may what.

use std::net::{IpAddr, Ipv4Addr};

use rialto_security::{Grant, Rights, Role};

use super::*;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "secret-for-tests";
/// `admin` and that password.
const BASIC: &str = "Basic YWRtaW46c2VjcmV0LWZvci10ZXN0cw==";
const A: Names<'_> = Names { namespace: "a", group: "G", name: "x" };
const B: Names<'_> = Names { namespace: "b", group: "G", name: "x" };
const READ: Rule = Rule::Needs(Action::Read, Scope::Configuration);
const WRITE: Rule = Rule::Needs(Action::Operate, Scope::Configuration);

/// With a user `reader-of-a`, who may read namespace `a` and nothing else.
fn access(mode: Mode) -> Access {
    let (security, _) = Security::open(None, Some(PASSWORD.to_owned())).unwrap();
    let admin = Identity::new("test", Role::Admin);
    security.create_user(&admin, "reader-of-a", PASSWORD, Role::Member).unwrap();
    security.bind_role(&admin, "r", "reader-of-a").unwrap();
    security.grant(&admin, "r", Grant::new("a:*:*", Rights::Read).unwrap()).unwrap();
    Access::new(security, mode)
}

fn identify(access: &Access, presented: Presented<'_>) -> Result<Identity, Problem> {
    match access.identify(&presented, PEER) {
        Identified::Now(outcome) => outcome,
        Identified::Later(pending) => pending.finish(),
    }
}

fn said(outcome: Result<Identity, Problem>) -> String {
    match outcome {
        Ok(identity) => identity.name.to_string(),
        Err(problem) => format!("{} {:?} {}", problem.status, problem.code, problem.message),
    }
}

#[test]
fn each_way_to_say_who_one_is() {
    let access = access(Mode::SignedIn);
    let signed_in = access.sign_in("admin", PASSWORD, PEER).unwrap();
    assert_eq!((signed_in.ttl_s, signed_in.identity.role), (18_000, Role::Admin));
    let token = signed_in.token.reveal();
    let bearer = format!("Bearer {token}");
    let none = Presented::default();
    for presented in [
        Presented { access_token: Some(token), ..none },
        Presented { authorization: Some(&bearer), ..none },
        Presented { authorization: Some(BASIC), ..none },
        Presented { username: Some("admin"), password: Some(PASSWORD), ..none },
    ] {
        assert_eq!(said(identify(&access, presented)), "admin");
    }
}

#[test]
fn nobody_and_the_wrong_ones_are_refused_where_one_signs_in() {
    let access = access(Mode::SignedIn);
    let none = Presented::default();
    let half = Presented { username: Some("admin"), ..none };
    let blank = Presented { access_token: Some(""), username: Some(""), ..none };
    let other = Presented { authorization: Some("Digest x"), ..none };
    for presented in [none, half, blank, other] {
        assert_eq!(said(identify(&access, presented)), "403 AccessDenied user not found!");
    }
    let garbage = Presented { access_token: Some("garbage"), ..none };
    assert_eq!(said(identify(&access, garbage)), "403 AccessDenied token invalid!");
    // An unknown user and a wrong password are told the same.
    for user in ["admin", "nobody"] {
        let wrong = Presented { username: Some(user), password: Some("wrong"), ..none };
        assert_eq!(said(identify(&access, wrong)), "403 AccessDenied user not found!");
    }
}

#[test]
fn where_nobody_signs_in_old_tokens_do_not_matter_but_signing_in_is_checked() {
    for mode in [Mode::Loopback, Mode::Open] {
        let access = access(mode);
        let none = Presented::default();
        let stale = Presented { access_token: Some("stale"), ..none };
        let wrong = Presented { username: Some("admin"), password: Some("wrong"), ..none };
        for presented in [none, stale, wrong] {
            assert_eq!(said(identify(&access, presented)), "anonymous");
        }
        assert!(access.sign_in("admin", "wrong", PEER).is_err());
        let token = access.sign_in("reader-of-a", PASSWORD, PEER).unwrap().token;
        let known = identify(&access, Presented { access_token: Some(token.reveal()), ..none });
        let known = known.unwrap();
        assert_eq!(&*known.name, "reader-of-a");
        assert!(access.admit(&known, WRITE, B).is_ok(), "who signs in may no less");
    }
}

#[test]
fn users_and_roles_are_never_open() {
    for mode in [Mode::Loopback, Mode::Open, Mode::SignedIn] {
        let access = access(mode);
        let member = access.sign_in("reader-of-a", PASSWORD, PEER).unwrap().identity;
        let admin = access.sign_in("admin", PASSWORD, PEER).unwrap().identity;
        for action in [Action::Read, Action::Administer] {
            let rule = Rule::Needs(action, Scope::Access);
            assert!(access.admit(&Identity::anonymous(), rule, A).is_err(), "{mode:?}");
            assert!(access.admit(&member, rule, A).is_err(), "{mode:?}");
            assert!(access.admit(&admin, rule, A).is_ok(), "{mode:?}");
        }
        assert!(access.admit(&Identity::anonymous(), Rule::Oneself, A).is_err());
        assert!(access.admit(&member, Rule::Oneself, A).is_ok());
    }
}

#[test]
fn a_right_in_one_namespace_is_none_in_another() {
    let access = access(Mode::SignedIn);
    let member = access.sign_in("reader-of-a", PASSWORD, PEER).unwrap().identity;
    let all_of_a = Names { name: "", group: "", ..A };
    assert!(access.admit(&member, READ, A).is_ok());
    assert!(access.admit(&member, READ, all_of_a).is_ok());
    for (rule, names) in [(READ, B), (WRITE, A), (READ, Names::default())] {
        let problem = access.admit(&member, rule, names).unwrap_err();
        let told = (problem.status, problem.code, problem.message.as_str());
        assert_eq!(told, (403, Code::AccessDenied, "authorization failed!"));
    }
    for scope in [Scope::Namespaces, Scope::Clients, Scope::Node, Scope::Metrics] {
        assert!(access.admit(&member, Rule::Needs(Action::Read, scope), A).is_err(), "{scope:?}");
    }
}

#[test]
fn an_access_token_may_stand_for_a_password() {
    let access = access(Mode::SignedIn);
    let admin = Identity::new("test", Role::Admin);
    let new = rialto_security::NewToken {
        name: "ci".to_owned(),
        role: Role::Service,
        roles: Vec::new(),
        owner: None,
    };
    let token = access.security().create_token(&admin, new).unwrap();
    let signed_in = access.sign_in("whoever", token.reveal(), PEER).unwrap();
    assert_eq!(signed_in.token.reveal(), token.reveal());
    assert_eq!((&*signed_in.identity.name, signed_in.identity.role), ("ci", Role::Service));
    access.security().revoke_token(&admin, "ci").unwrap();
    assert!(access.sign_in("whoever", token.reveal(), PEER).is_err());
    assert!(access.admit(&signed_in.identity, READ, A).is_err());
}

#[test]
fn a_call_of_many_things_needs_somebody_and_then_decides_itself() {
    let access = access(Mode::SignedIn);
    let rule = Rule::Each(Action::Read, Scope::Configuration);
    assert!(access.admit(&Identity::anonymous(), rule, A).is_err());
    let member = access.sign_in("reader-of-a", PASSWORD, PEER).unwrap().identity;
    assert!(access.admit(&member, rule, B).is_ok());
    assert!(access.allow(&member, Action::Read, &Scope::Configuration.resource(B)).is_err());
}

#[test]
fn a_deleted_user_is_out_whatever_the_door_remembers() {
    let access = access(Mode::SignedIn);
    let held = access.sign_in("reader-of-a", PASSWORD, PEER).unwrap();
    access.security().delete_user(&Identity::new("test", Role::Admin), "reader-of-a").unwrap();
    assert!(access.admit(&held.identity, READ, A).is_err());
    let token = Some(held.token.reveal());
    assert!(identify(&access, Presented { access_token: token, ..Presented::default() }).is_err());
}
