//! Signed tokens for those who signed in with a password: JSON Web Tokens, HS256, five hours long.
//!
//! The key is generated, kept in the data folder and changed regularly; an old key stays until the
//! tokens that it signed have run out. Each user's tokens are signed with a key derived from it and
//! from what the user's password is kept as, so that a changed password ends them without a list.
//! The header is compared byte by byte with the one that is written here: no algorithm is ever read
//! from a token.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::directory::Known;
use crate::limits::{
    SIGNED_TTL_S, SIGNING_FILE_BYTES_MAX, SIGNING_KEY_AGE_MAX_S, SIGNING_KEYS_MAX, TOKEN_BYTES_MAX,
};
use crate::secret::random_bytes;
use crate::store::{read_bounded, write_private};
use crate::tokens::protect;
use crate::{Error, Secret};

const FILE: &str = "signing.keys";
const VERSION: u32 = 1;
/// `{"alg":"HS256"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiJ9";

/// A token that somebody may present instead of a password.
pub struct SignedToken {
    /// The token.
    pub token: Secret,
    /// Seconds until it ends.
    pub ttl_s: u64,
}

/// Signs and verifies.
pub(crate) struct Signer {
    /// Where the keys are kept; in memory alone without.
    path: Option<PathBuf>,
    /// Newest last.
    keys: RwLock<Vec<Key>>,
}

#[derive(Clone)]
struct Key {
    secret: Zeroizing<[u8; 32]>,
    made_s: u64,
    /// When another took its place.
    retired_s: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKeys {
    version: u32,
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    secret: String,
    made_s: u64,
    retired_s: Option<u64>,
}

impl Drop for StoredKey {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    sub: std::borrow::Cow<'a, str>,
    exp: u64,
}

impl Signer {
    /// Opens the keys of a data folder, or makes the first one. Times are in seconds since 1970.
    pub(crate) fn open(dir: Option<&Path>, now_s: u64) -> Result<Self, Error> {
        let path = dir.map(|dir| dir.join(FILE));
        let keys = match &path {
            Some(path) => load(path)?,
            None => Vec::new(),
        };
        let signer = Self { path, keys: RwLock::new(keys) };
        signer.renew(now_s)?;
        Ok(signer)
    }

    /// A token for a user.
    pub(crate) fn sign(&self, user: &Known, now_s: u64) -> Result<SignedToken, Error> {
        self.renew(now_s)?;
        let claims = Claims { sub: (&*user.identity.name).into(), exp: now_s + SIGNED_TTL_S };
        let claims = serde_json::to_vec(&claims).expect("a text and a number become JSON");
        let mut token = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
        let keys = self.keys.read();
        let newest = keys.last().ok_or(Error::NoRandomness)?;
        let tag = hmac::sign(&newest.of(user), token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(tag.as_ref(), &mut token);
        Ok(SignedToken { token: Secret::new(token), ttl_s: SIGNED_TTL_S })
    }

    /// Whether a text has the shape of a signed token, and so is not one of the other kind.
    pub(crate) fn is_one(text: &str) -> bool {
        text.len() <= TOKEN_BYTES_MAX && text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// The user that a token speaks for, found by name with `find`, which gives somebody in any
    /// case so that a name nobody has costs the same; `None` when the token does not hold.
    pub(crate) fn verify<U: AsRef<Known>>(
        &self,
        token: &str,
        now_s: u64,
        find: impl FnOnce(&str) -> U,
    ) -> Option<U> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, tag) = token.rsplit_once('.')?;
        let claims = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let claims: Claims<'_> = serde_json::from_slice(&claims).ok()?;
        let user = find(&claims.sub);
        let holds = (self.keys.read().iter().rev())
            .filter(|key| !key.is_spent(now_s))
            .any(|key| hmac::verify(&key.of(user.as_ref()), signed.as_bytes(), &tag).is_ok());
        (holds && now_s < claims.exp).then_some(user)
    }

    /// Makes a new key at once; the one before it stays until its tokens have run out.
    pub(crate) fn rotate(&self, now_s: u64) -> Result<(), Error> {
        let mut keys = self.keys.write();
        self.replace(&mut keys, now_s)
    }

    /// Makes a new key when the newest is old.
    fn renew(&self, now_s: u64) -> Result<(), Error> {
        let fresh = |keys: &[Key]| {
            keys.last().is_some_and(|key| now_s.saturating_sub(key.made_s) < SIGNING_KEY_AGE_MAX_S)
        };
        if fresh(&self.keys.read()) {
            return Ok(());
        }
        let mut keys = self.keys.write();
        if fresh(&keys) { Ok(()) } else { self.replace(&mut keys, now_s) }
    }

    fn replace(&self, keys: &mut Vec<Key>, now_s: u64) -> Result<(), Error> {
        let mut next: Vec<Key> = keys.iter().filter(|key| !key.is_spent(now_s)).cloned().collect();
        if let Some(newest) = next.last_mut() {
            newest.retired_s.get_or_insert(now_s);
        }
        let secret = Zeroizing::new(random_bytes()?);
        next.push(Key { secret, made_s: now_s, retired_s: None });
        let beyond = next.len().saturating_sub(SIGNING_KEYS_MAX);
        next.drain(..beyond);
        if let Some(path) = &self.path {
            save(path, &next)?;
        }
        *keys = next;
        Ok(())
    }
}

impl Key {
    /// The key of one user's tokens.
    fn of(&self, user: &Known) -> hmac::Key {
        let own = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_slice());
        let mut context = hmac::Context::with_key(&own);
        context.update(b"rialto signed token");
        context.update(&user.changes.to_be_bytes());
        context.update(user.password.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref())
    }

    /// Whether everything that it signed has run out.
    fn is_spent(&self, now_s: u64) -> bool {
        self.retired_s.is_some_and(|retired_s| now_s >= retired_s.saturating_add(SIGNED_TTL_S))
    }
}

fn load(path: &Path) -> Result<Vec<Key>, Error> {
    let Some(text) = read_bounded(path, SIGNING_FILE_BYTES_MAX)?.map(Zeroizing::new) else {
        return Ok(Vec::new());
    };
    protect(path)?;
    let corrupt = |reason: &str| Error::Corrupt { path: path.to_owned(), reason: reason.into() };
    // What is wrong is not quoted: it would be part of a key.
    let stored: StoredKeys = serde_json::from_str(&text).map_err(|_| corrupt("not its form"))?;
    if stored.version != VERSION || stored.keys.len() > SIGNING_KEYS_MAX {
        return Err(corrupt("another version"));
    }
    let key = |key: &StoredKey| {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(&key.secret).ok()?);
        let secret = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?);
        Some(Key { secret, made_s: key.made_s, retired_s: key.retired_s })
    };
    let keys: Option<Vec<Key>> = stored.keys.iter().map(key).collect();
    keys.ok_or_else(|| corrupt("a key that is not 256 bits"))
}

fn save(path: &Path, keys: &[Key]) -> Result<(), Error> {
    let key = |key: &Key| StoredKey {
        secret: URL_SAFE_NO_PAD.encode(key.secret.as_slice()),
        made_s: key.made_s,
        retired_s: key.retired_s,
    };
    let stored = StoredKeys { version: VERSION, keys: keys.iter().map(key).collect() };
    let text = serde_json::to_vec_pretty(&stored).expect("texts and numbers become JSON");
    write_private(path, &Zeroizing::new(text))
}

#[cfg(test)]
mod tests;
