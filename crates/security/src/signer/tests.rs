//! What holds and what does not.

use std::fs;
use std::sync::Arc;

use super::*;
use crate::{Identity, Role};

const NOW_S: u64 = 1_795_409_000;

fn user(name: &str, password: &str, changes: u64) -> Arc<Known> {
    let identity = Identity::with_grants(name, Role::Member, Arc::default());
    Arc::new(Known { identity, password: password.to_owned(), changes })
}

fn holds(signer: &Signer, token: &str, now_s: u64, user: &Arc<Known>) -> bool {
    signer.verify(token, now_s, |_| user.clone()).is_some()
}

fn sign(signer: &Signer, user: &Known, now_s: u64) -> String {
    signer.sign(user, now_s).unwrap().token.reveal().to_owned()
}

#[test]
fn a_token_names_its_user_and_ends() {
    let signer = Signer::open(None, NOW_S).unwrap();
    let user = user("u1", "$x", 0);
    let signed = signer.sign(&user, NOW_S).unwrap();
    let token = signed.token.reveal();
    assert_eq!(signed.ttl_s, 18_000);
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims = String::from_utf8(claims).unwrap();
    assert_eq!(claims, format!(r#"{{"sub":"u1","exp":{}}}"#, NOW_S + SIGNED_TTL_S));
    assert!(Signer::is_one(token) && holds(&signer, token, NOW_S + SIGNED_TTL_S - 1, &user));
    assert!(!holds(&signer, token, NOW_S + SIGNED_TTL_S, &user));
    let mut asked = String::new();
    signer.verify(token, NOW_S, |name| {
        name.clone_into(&mut asked);
        user.clone()
    });
    assert_eq!(asked, "u1");
}

#[test]
fn a_change_of_the_user_ends_what_was_signed() {
    let signer = Signer::open(None, NOW_S).unwrap();
    let token = sign(&signer, &user("u1", "$x", 0), NOW_S);
    for other in [user("u1", "$y", 0), user("u1", "$x", 1)] {
        assert!(!holds(&signer, &token, NOW_S, &other));
    }
}

#[test]
fn no_other_algorithm_header_or_key_is_accepted() {
    let signer = Signer::open(None, NOW_S).unwrap();
    let user = user("u1", "$x", 0);
    let token = sign(&signer, &user, NOW_S);
    let mut parts = token.split('.');
    let (_, claims, tag) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let header = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for text in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":""}}"#,
        r#"{"alg":"HS256","kid":"../../dev/null"}"#,
        r#"{"alg": "HS256"}"#,
        "",
    ] {
        for tag in [tag, ""] {
            let forged = format!("{}.{claims}.{tag}", header(text));
            assert!(!holds(&signer, &forged, NOW_S, &user), "{text}");
        }
        // Signed with what an attacker could guess: nothing at all, or the published default key
        // of another server.
        for key in ["", "SecretKey012345678901234567890123456789012345678901234567890123456789"] {
            let signed = format!("{}.{claims}", header(r#"{"alg":"HS256"}"#));
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
            let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
            assert!(!holds(&signer, &format!("{signed}.{tag}"), NOW_S, &user));
        }
    }
    let admin = header(r#"{"sub":"admin","exp":99999999999}"#);
    for broken in [
        format!("{HEADER}.{admin}.{tag}"),
        format!("{HEADER}.{claims}."),
        format!("{HEADER}.{claims}"),
        format!("{HEADER}.{claims}.{tag}."),
        format!("{HEADER}.{claims}.{}", &tag[1..]),
        format!(" {token}"),
        format!("{token} "),
        String::new(),
        "..".to_owned(),
        "x".repeat(TOKEN_BYTES_MAX + 1),
    ] {
        assert!(!holds(&signer, &broken, NOW_S, &user), "{broken:?}");
    }
    let stranger = Signer::open(None, NOW_S).unwrap();
    assert!(!holds(&stranger, &token, NOW_S, &user), "each installation has a key of its own");
}

#[test]
fn an_old_key_is_good_until_its_tokens_have_run_out() {
    let dir = tempfile::tempdir().unwrap();
    let signer = Signer::open(Some(dir.path()), NOW_S).unwrap();
    let user = user("u1", "$x", 0);
    let token = sign(&signer, &user, NOW_S);
    signer.rotate(NOW_S + 10).unwrap();
    let newer = sign(&signer, &user, NOW_S + 10);
    assert!(holds(&signer, &token, NOW_S + 11, &user) && holds(&signer, &newer, NOW_S + 11, &user));
    let again = Signer::open(Some(dir.path()), NOW_S + 20).unwrap();
    assert!(holds(&again, &token, NOW_S + 20, &user) && holds(&again, &newer, NOW_S + 20, &user));
    again.rotate(NOW_S + 10 + SIGNED_TTL_S).unwrap();
    assert_eq!(again.keys.read().len(), 2, "the oldest is gone");
    for at in 0..10 {
        again.rotate(NOW_S + 40_000 + at).unwrap();
    }
    assert_eq!(again.keys.read().len(), SIGNING_KEYS_MAX);
}

#[test]
fn keys_are_renewed_when_old() {
    let dir = tempfile::tempdir().unwrap();
    let signer = Signer::open(Some(dir.path()), NOW_S).unwrap();
    let first = signer.keys.read()[0].secret.clone();
    drop(signer);
    let same = Signer::open(Some(dir.path()), NOW_S + SIGNING_KEY_AGE_MAX_S - 1).unwrap();
    assert_eq!(same.keys.read().last().unwrap().secret, first);
    sign(&same, &user("u", "$x", 0), NOW_S + SIGNING_KEY_AGE_MAX_S);
    assert_ne!(same.keys.read().last().unwrap().secret, first);
}

#[test]
fn the_file_is_private_and_a_broken_one_is_refused_without_quoting_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(Signer::open(Some(dir.path()), NOW_S).unwrap());
    let path = dir.path().join(FILE);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        drop(Signer::open(Some(dir.path()), NOW_S).unwrap());
        assert_eq!(mode(), 0o600);
    }
    let short = r#"{"version":1,"keys":[{"secret":"c2VjcmV0","made_s":1,"retired_s":null}]}"#;
    for text in ["", "secret-text", short, r#"{"version":2,"keys":[]}"#] {
        fs::write(&path, text).unwrap();
        let Err(error) = Signer::open(Some(dir.path()), NOW_S) else { panic!("opened {text:?}") };
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret-text") && !shown.contains("c2VjcmV0"), "{shown}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_but_what_was_signed_holds(
        at in 0_usize..160,
        byte in 0_u8..=127,
        cut in 0_usize..4,
    ) {
        let signer = Signer::open(None, NOW_S).unwrap();
        let user = user("u1", "$x", 0);
        let token = sign(&signer, &user, NOW_S);
        let mut changed = token.clone().into_bytes();
        let at = at % changed.len();
        changed[at] = byte;
        changed.truncate(changed.len() - cut);
        let changed = String::from_utf8(changed).unwrap();
        proptest::prop_assume!(changed != token);
        assert!(!holds(&signer, &changed, NOW_S, &user), "{changed}");
    }

    #[test]
    fn any_text_is_no_token(text in ".{0,80}|[A-Za-z0-9_.-]{0,80}") {
        let signer = Signer::open(None, NOW_S).unwrap();
        assert!(!holds(&signer, &format!("{HEADER}.{text}"), NOW_S, &user("u1", "$x", 0)));
        assert!(!holds(&signer, &text, NOW_S, &user("u1", "$x", 0)));
    }
}
