//! Tokens and keys, good and bad.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rialto_api::route::{ApiKeySpec, JwtSpec};
use rialto_http1::Field;
use ring::hmac;

use super::*;

const SECRET: &str = "a secret of at least thirty-two bytes";
const NOW_S: u64 = 1_000_000;

fn spec() -> JwtSpec {
    JwtSpec {
        algorithm: "HS256".to_owned(),
        key: SECRET.to_owned(),
        issuer: Some("us".to_owned()),
        audience: Some("shop".to_owned()),
        claims_to_headers: [("sub".to_owned(), "X-User".to_owned())].into(),
    }
}

fn token(header: &str, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(header), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{mac}")
}

fn check(auth: &Auth, name: &str, value: &str, now_s: u64) -> Result<Rc<Identity>, Denied> {
    let lines = [Field { name, value: value.as_bytes() }];
    let mut kinds = rialto_http1::kinds();
    let fields = Fields::classify(&lines, &mut kinds).unwrap();
    auth.check(&fields, now_s, &mut TokenCache::default())
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const CLAIMS: &str = r#"{"sub":"ada","iss":"us","aud":["x","shop"],"exp":1000100}"#;

#[test]
fn a_good_token_passes_until_it_expires() {
    let auth = Auth::compile(&AuthSpec { jwt: Some(spec()), api_key: None }).unwrap();
    let value = format!("bearer {}", token(HEADER, CLAIMS));
    let identity = check(&auth, "Authorization", &value, NOW_S).unwrap();
    assert_eq!((&*identity.principal, &*identity.lines), ("ada", &b"x-user: ada\r\n"[..]));
    assert!(auth.hides("X-USER") && !auth.hides("authorization"));
    assert!(check(&auth, "Authorization", &value, NOW_S + 159).is_ok(), "within the leeway");
    let late = check(&auth, "Authorization", &value, NOW_S + 160).unwrap_err();
    assert_eq!(late, Denied("the token has expired"));
}

#[test]
fn the_cache_does_not_outlive_the_token() {
    let auth = Auth::compile(&AuthSpec { jwt: Some(spec()), api_key: None }).unwrap();
    let value = format!("Bearer {}", token(HEADER, CLAIMS));
    let lines = [Field { name: "authorization", value: value.as_bytes() }];
    let mut kinds = rialto_http1::kinds();
    let fields = Fields::classify(&lines, &mut kinds).unwrap();
    let mut cache = TokenCache::default();
    for _ in 0..2 {
        assert!(auth.check(&fields, NOW_S, &mut cache).is_ok());
    }
    assert!(auth.check(&fields, NOW_S + 200, &mut cache).is_err());
    let other = Auth::compile(&AuthSpec {
        jwt: Some(JwtSpec { key: "another secret".to_owned(), ..spec() }),
        api_key: None,
    });
    assert!(other.unwrap().check(&fields, NOW_S, &mut cache).is_err(), "caches do not mix");
}

#[test]
fn bad_tokens_are_denied() {
    let auth = Auth::compile(&AuthSpec { jwt: Some(spec()), api_key: None }).unwrap();
    let good = token(HEADER, CLAIMS);
    let (signed, mac) = good.rsplit_once('.').unwrap();
    let altered = format!("{signed}.{}{}", if mac.starts_with('A') { "B" } else { "A" }, &mac[1..]);
    let claims = |from: &str, to: &str| token(HEADER, &CLAIMS.replace(from, to));
    for (value, why) in [
        (altered, "signature"),
        (token(r#"{"alg":"none"}"#, CLAIMS), "algorithm"),
        (token(r#"{"alg":"RS256"}"#, CLAIMS), "algorithm"),
        (token(r#"{"alg":"HS256","crit":["x"]}"#, CLAIMS), "extensions"),
        (claims("\"us\"", "\"them\""), "issuer"),
        (claims("\"shop\"", "\"bank\""), "audience"),
        (claims(",\"exp\":1000100", ""), "expiry"),
        (claims("1000100", "\"soon\""), "time"),
        (claims("\"exp\":1000100", "\"exp\":1000100,\"nbf\":1000090"), "yet"),
        ("a.b".to_owned(), "malformed"),
        (String::new(), "malformed"),
    ] {
        let denied = check(&auth, "Authorization", &format!("Bearer {value}"), NOW_S).unwrap_err();
        assert!(denied.0.contains(why), "{denied:?} should be about {why}");
    }
    assert!(check(&auth, "Authorization", "Basic eA==", NOW_S).is_err());
    assert!(check(&auth, "Cookie", "a", NOW_S).is_err());
}

#[test]
fn claims_cannot_smuggle_lines() {
    let auth = Auth::compile(&AuthSpec { jwt: Some(spec()), api_key: None }).unwrap();
    let value = token(HEADER, &CLAIMS.replace("ada", "ada\\r\\nx-admin: 1"));
    let identity = check(&auth, "Authorization", &format!("Bearer {value}"), NOW_S).unwrap();
    assert!(identity.lines.is_empty());
}

#[test]
fn asymmetric_algorithms() {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    let random = SystemRandom::new();
    let pem = |prefix: &[u8], key: &[u8]| {
        let der = base64::engine::general_purpose::STANDARD.encode([prefix, key].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
    };
    // SubjectPublicKeyInfo up to the key, RFC 8410 and RFC 5480.
    let ed_prefix = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let p256_prefix = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\
        \x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let ed = Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap();
    let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let p256 =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).unwrap();
    let sign_ed = |text: &[u8]| ed.sign(text).as_ref().to_vec();
    let sign_p256 = |text: &[u8]| p256.sign(&random, text).unwrap().as_ref().to_vec();
    for (algorithm, key, sign) in [
        ("EdDSA", pem(ed_prefix, ed.public_key().as_ref()), &sign_ed as &dyn Fn(&[u8]) -> Vec<u8>),
        ("ES256", pem(p256_prefix, p256.public_key().as_ref()), &sign_p256),
    ] {
        let spec = JwtSpec { algorithm: algorithm.to_owned(), key, ..spec() };
        let auth = Auth::compile(&AuthSpec { jwt: Some(spec), api_key: None }).unwrap();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(&HEADER.replace("HS256", algorithm)), part(CLAIMS));
        let mut mac = sign(signed.as_bytes());
        let value = format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(&mac));
        assert!(check(&auth, "Authorization", &value, NOW_S).is_ok(), "{algorithm}");
        mac[5] ^= 1;
        let value = format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(&mac));
        assert!(check(&auth, "Authorization", &value, NOW_S).is_err(), "{algorithm}");
    }
}

#[test]
fn api_keys() {
    // SHA-256 of "abc".
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let keys_sha256 = [("ops".to_owned(), digest.to_owned())].into();
    let api_key = ApiKeySpec { header: "apikey".to_owned(), keys_sha256 };
    let auth = Auth::compile(&AuthSpec { jwt: None, api_key: Some(api_key) }).unwrap();
    assert_eq!(&*check(&auth, "ApiKey", "abc", NOW_S).unwrap().principal, "ops");
    assert!(check(&auth, "ApiKey", "abd", NOW_S).is_err());
    assert!(check(&auth, "Accept", "abc", NOW_S).is_err());
    assert!(auth.hides("APIKEY"));
}

#[test]
fn wrong_specifications_say_why() {
    let jwt = |algorithm: &str, key: &str| {
        let jwt = JwtSpec { algorithm: algorithm.to_owned(), key: key.to_owned(), ..spec() };
        Auth::compile(&AuthSpec { jwt: Some(jwt), api_key: None }).unwrap_err()
    };
    assert!(jwt("none", "x").contains("HS256, RS256, ES256 or EdDSA"));
    assert!(jwt("HS256", "").contains("empty"));
    assert!(jwt("RS256", "x").contains("PEM"));
    assert!(Auth::compile(&AuthSpec::default()).unwrap_err().contains("jwt"));
}
