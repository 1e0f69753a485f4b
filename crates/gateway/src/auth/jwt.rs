//! JSON Web Tokens (RFC 7519) with one pinned algorithm.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rialto_api::route::JwtSpec;
use ring::{hmac, signature};
use serde_json::{Map, Value};

use super::{Denied, Identity, der};
use crate::limits::{TOKEN_LEEWAY_S, TOKEN_MAX_BYTES, TOKENS_CACHED_MAX};
use crate::table::edits::check_name;

/// A verifier for one kind of token.
#[derive(Debug, Clone)]
pub(super) struct Jwt {
    /// Tells the verifiers apart that share a cache.
    number: u64,
    algorithm: &'static str,
    key: Key,
    issuer: Option<Box<str>>,
    audience: Option<Box<str>>,
    /// Claim to header name in lower case.
    headers: Vec<(Box<str>, Box<str>)>,
}

#[derive(Clone)]
enum Key {
    Shared(hmac::Key),
    Public(&'static dyn signature::VerificationAlgorithm, Box<[u8]>),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// Tokens that one worker has verified lately. A token is found by all of its bytes, so nothing but
/// the very token that was verified is ever taken for it.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    tokens: HashMap<(u64, Box<[u8]>), Verified, ahash::RandomState>,
    /// The token checked last, to find it without building a key.
    last: Option<(u64, Box<[u8]>, Verified)>,
}

#[derive(Debug, Clone)]
struct Verified {
    until_s: u64,
    identity: Rc<Identity>,
}

const ALGORITHMS: &str = "HS256, RS256, ES256 or EdDSA";

impl Jwt {
    pub(super) fn compile(spec: &JwtSpec) -> Result<Self, String> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let (algorithm, key) = Self::key(spec)?;
        let mut headers = Vec::new();
        for (claim, header) in &spec.claims_to_headers {
            check_name(header, true)?;
            headers.push((claim.as_str().into(), header.to_ascii_lowercase().into()));
        }
        Ok(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            algorithm,
            key,
            issuer: spec.issuer.as_deref().map(Into::into),
            audience: spec.audience.as_deref().map(Into::into),
            headers,
        })
    }

    fn key(spec: &JwtSpec) -> Result<(&'static str, Key), String> {
        let (name, algorithm): (_, &'static dyn signature::VerificationAlgorithm) = match spec
            .algorithm
            .as_str()
        {
            "HS256" if spec.key.is_empty() => return Err("jwt: the secret is empty".to_owned()),
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, spec.key.as_bytes());
                return Ok(("HS256", Key::Shared(key)));
            }
            "RS256" => ("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
            "ES256" => ("ES256", &signature::ECDSA_P256_SHA256_FIXED),
            "EdDSA" => ("EdDSA", &signature::ED25519),
            other => return Err(format!("jwt: algorithm {other:?} is not one of {ALGORITHMS}")),
        };
        let key = der::public_key(&spec.key).ok_or_else(|| {
            format!("jwt: the key for {name} must be a public key in PEM (BEGIN PUBLIC KEY)")
        })?;
        Ok((name, Key::Public(algorithm, key.into())))
    }

    pub(super) fn sets_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(_, header)| header.eq_ignore_ascii_case(name))
    }

    pub(super) fn check(
        &self,
        token: &[u8],
        now_s: u64,
        cache: &mut TokenCache,
    ) -> Result<Rc<Identity>, Denied> {
        if let Some(identity) = cache.find(self.number, token, now_s) {
            return Ok(identity);
        }
        if token.len() > TOKEN_MAX_BYTES {
            return Err(Denied("the token is too long"));
        }
        let claims = self.verify(token)?;
        let until_s = self.check_claims(&claims, now_s)?;
        let identity = Rc::new(self.identity(&claims));
        cache.keep(self.number, token, Verified { until_s, identity: Rc::clone(&identity) });
        Ok(identity)
    }

    /// Checks the signature over the very bytes received, then reads the claims.
    fn verify(&self, token: &[u8]) -> Result<Map<String, Value>, Denied> {
        const MALFORMED: Denied = Denied("the token is malformed");
        let token = std::str::from_utf8(token).map_err(|_| MALFORMED)?;
        let (signed, mac) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        let header = object(header).ok_or(MALFORMED)?;
        if header.get("alg").and_then(Value::as_str) != Some(self.algorithm) {
            return Err(Denied("the token's algorithm is not the expected one"));
        }
        // Extensions marked critical must be understood (RFC 7515 4.1.11); none are.
        if header.contains_key("crit") {
            return Err(Denied("the token asks for unknown extensions"));
        }
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| MALFORMED)?;
        let genuine = match &self.key {
            Key::Shared(key) => hmac::verify(key, signed.as_bytes(), &mac).is_ok(),
            Key::Public(algorithm, key) => {
                let key = signature::UnparsedPublicKey::new(*algorithm, key);
                key.verify(signed.as_bytes(), &mac).is_ok()
            }
        };
        if !genuine {
            return Err(Denied("the token's signature is wrong"));
        }
        object(payload).ok_or(MALFORMED)
    }

    /// Returns until when the token may pass, in seconds since the Unix epoch.
    fn check_claims(&self, claims: &Map<String, Value>, now_s: u64) -> Result<u64, Denied> {
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => {
                let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0);
                seconds.map(|s| Some(s as u64)).ok_or(Denied("a time in the token is not one"))
            }
        };
        let expires_s = time("exp")?.ok_or(Denied("the token has no expiry ('exp')"))?;
        let until_s = expires_s.saturating_add(TOKEN_LEEWAY_S);
        if now_s >= until_s {
            return Err(Denied("the token has expired"));
        }
        if time("nbf")?.is_some_and(|from_s| from_s > now_s + TOKEN_LEEWAY_S) {
            return Err(Denied("the token is not valid yet"));
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if self.issuer.as_deref().is_some_and(|issuer| text("iss") != Some(issuer)) {
            return Err(Denied("the token has another issuer"));
        }
        let addressed = |audience: &str| match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        if self.audience.as_deref().is_some_and(|audience| !addressed(audience)) {
            return Err(Denied("the token is meant for another audience"));
        }
        Ok(until_s)
    }

    fn identity(&self, claims: &Map<String, Value>) -> Identity {
        let mut lines = Vec::new();
        for (claim, header) in &self.headers {
            let value = match claims.get(&**claim) {
                Some(Value::String(text)) => text.clone(),
                Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
                Some(Value::Array(many)) => {
                    many.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
                }
                _ => continue,
            };
            // A claim cannot begin a line of its own.
            if value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                rialto_http1::write::field(&mut lines, header.as_bytes(), value.as_bytes());
            }
        }
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        Identity { principal: subject.into(), lines }
    }
}

impl TokenCache {
    fn find(&mut self, number: u64, token: &[u8], now_s: u64) -> Option<Rc<Identity>> {
        if let Some((known, bytes, verified)) = &self.last
            && *known == number
            && **bytes == *token
        {
            return (now_s < verified.until_s).then(|| Rc::clone(&verified.identity));
        }
        let key = (number, Box::from(token));
        let verified = self.tokens.get(&key)?.clone();
        if now_s >= verified.until_s {
            self.tokens.remove(&key);
            return None;
        }
        let identity = Rc::clone(&verified.identity);
        self.last = Some((key.0, key.1, verified));
        Some(identity)
    }

    fn keep(&mut self, number: u64, token: &[u8], verified: Verified) {
        // Dropping all now and then costs less than keeping an order of use.
        if self.tokens.len() >= TOKENS_CACHED_MAX {
            self.tokens.clear();
        }
        self.last = Some((number, token.into(), verified.clone()));
        self.tokens.insert((number, token.into()), verified);
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let text = URL_SAFE_NO_PAD.decode(part).ok()?;
    match serde_json::from_slice(&text).ok()? {
        Value::Object(map) => Some(map),
        _ => None,
    }
}
