//! Who may pass, as a client sees it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rialto_api::route::{ApiKeySpec, AuthSpec, JwtSpec, RouteSpec};
use ring::hmac;

use crate::support::client::values;
use crate::support::{Backend, Rig, route};

const SECRET: &str = "a secret of at least thirty-two bytes";

fn token(secret: &str, seconds: i64) -> String {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let expires_s = now_s.saturating_add_signed(seconds);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"ada","exp":{expires_s}}}"#));
    let signed = format!("{header}.{claims}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
}

#[test]
fn tokens_and_keys() {
    let backend = Backend::named("x");
    let auth = AuthSpec {
        jwt: Some(JwtSpec {
            algorithm: "HS256".to_owned(),
            key: SECRET.to_owned(),
            issuer: None,
            audience: None,
            claims_to_headers: [("sub".to_owned(), "x-user".to_owned())].into(),
        }),
        api_key: Some(ApiKeySpec {
            header: "apikey".to_owned(),
            // SHA-256 of "abc".
            keys_sha256: [(
                "ops".to_owned(),
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned(),
            )]
            .into(),
        }),
    };
    let text = format!("/**={}", backend.uri());
    let rig = Rig::start(vec![RouteSpec { auth: Some(auth), ..route(&text) }]);
    let mut client = rig.client();
    let mut ask = |line: &str| {
        client.send(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-User: root\r\n{line}\r\n"));
        client.answer()
    };
    for (line, status) in [
        (format!("Authorization: Bearer {}\r\n", token(SECRET, 600)), 200),
        (format!("Authorization: Bearer {}\r\n", token(SECRET, 600)), 200),
        (format!("Authorization: Bearer {}\r\n", token(SECRET, -600)), 401),
        (format!("Authorization: Bearer {}\r\n", token("another secret", 600)), 401),
        ("ApiKey: abc\r\n".to_owned(), 200),
        ("ApiKey: abd\r\n".to_owned(), 401),
        (String::new(), 401),
    ] {
        let answer = ask(&line);
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.header("www-authenticate").is_empty(), status == 200);
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(values(&seen[0].head, "x-user"), ["ada"], "never what the client says");
    assert!(values(&seen[2].head, "x-user").is_empty());
    assert!(values(&seen[2].head, "apikey").is_empty(), "the key stays here");
}
