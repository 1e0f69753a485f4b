//! The handle that doors hold: authenticates, authorizes, and keeps sign-in sessions.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::failures::Failures;
use crate::limits::{PASSWORD_FAILURES_FREE, TOKEN_FAILURES_FREE, USER_BYTES_MAX};
use crate::password::{self, Hasher};
use crate::recent::Recent;
use crate::sessions::Sessions;
use crate::store::{Stored, StoredUser};
use crate::tokens::{self, Tokens};
use crate::{
    Action, AuthError, Credentials, Decision, Error, GeneratedPassword, Identity, NewSession,
    Resource, Role, Session, SignInError,
};

const ADMIN: &str = "admin";

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Security(Arc<Inner>);

/// A token as a list shows it: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Name, for the audit.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// First characters of its SHA-256, to tell tokens apart.
    pub fingerprint: String,
}

struct Inner {
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
    hasher: Hasher,
    users: Vec<StoredUser>,
    /// Hash of nobody's password: an unknown user costs as much time as a known one.
    nobody: String,
    tokens: Tokens,
    token_list: Vec<TokenInfo>,
    recent: Mutex<Recent>,
    sessions: Mutex<Sessions>,
    password_failures: Mutex<Failures>,
    token_failures: Mutex<Failures>,
}

impl Security {
    /// Opens the credentials of a data directory, or makes them at the first start; without a
    /// directory they live in memory and there are no tokens.
    ///
    /// A given administrator password replaces the stored one. Without one, the first start
    /// generates it and returns it, to be shown once.
    ///
    /// # Errors
    /// When files cannot be read, written or understood, or the password given is too short.
    pub fn open(
        dir: Option<&Path>,
        admin_password: Option<String>,
    ) -> Result<(Self, Option<GeneratedPassword>), Error> {
        let start = Instant::now();
        let elapsed_ms = move || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self::open_with_clock(dir, admin_password, elapsed_ms)
    }

    /// [`Security::open`] with a clock in milliseconds from any origin that never goes back.
    ///
    /// # Errors
    /// As [`Security::open`].
    pub fn open_with_clock(
        dir: Option<&Path>,
        admin_password: Option<String>,
        now_ms: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(Self, Option<GeneratedPassword>), Error> {
        let hasher = Hasher::default();
        let loaded = dir.map(Stored::load).transpose()?.flatten();
        let mut stored = loaded.unwrap_or_default();
        let (mut changed, generated) = ensure_admin(&hasher, &mut stored, admin_password)?;
        if let Some(dir) = dir {
            changed |= tokens::ensure_files(dir, &mut stored.tokens)?;
            if changed {
                stored.save(dir)?;
            }
        }
        let nobody = password::nobody()?;
        let info = |token: &crate::store::StoredToken| TokenInfo {
            name: token.name.clone(),
            role: token.role,
            fingerprint: token.sha256.chars().take(8).collect(),
        };
        let inner = Inner {
            now_ms: Box::new(now_ms),
            hasher,
            nobody,
            tokens: Tokens::new(&stored.tokens),
            token_list: stored.tokens.iter().map(info).collect(),
            users: stored.users,
            recent: Mutex::new(Recent::new()?),
            sessions: Mutex::default(),
            password_failures: Mutex::new(Failures::new(PASSWORD_FAILURES_FREE)),
            token_failures: Mutex::new(Failures::new(TOKEN_FAILURES_FREE)),
        };
        Ok((Self(Arc::new(inner)), generated))
    }

    /// Who sends these credentials. A password not seen in the last minute takes tens of
    /// milliseconds and blocks: call it off an asynchronous thread when that matters.
    ///
    /// # Errors
    /// Wrong credentials, or too many wrong ones from this peer lately.
    pub fn authenticate(
        &self,
        credentials: &Credentials,
        peer: IpAddr,
    ) -> Result<Identity, AuthError> {
        match credentials {
            Credentials::Basic { user, password } => {
                self.check_password(user, password.reveal(), peer)
            }
            Credentials::Bearer(token) => self.check_token(token.reveal(), peer),
        }
    }

    /// [`Security::authenticate`] where that takes no password hash; `None` where it would.
    #[must_use]
    pub fn authenticate_now(
        &self,
        credentials: &Credentials,
        peer: IpAddr,
    ) -> Option<Result<Identity, AuthError>> {
        match credentials {
            Credentials::Basic { user, password } => self.remembered(user, password.reveal(), peer),
            Credentials::Bearer(token) => Some(self.check_token(token.reveal(), peer)),
        }
    }

    /// What [`Security::authorize`] would say, without a word in the audit log: for leaving out of
    /// a list what its reader may not see.
    #[must_use]
    pub fn allows(&self, identity: &Identity, action: Action, resource: &Resource<'_>) -> bool {
        identity.decide(action, resource).is_allowed()
    }

    /// Whether the identity may do this. What is not allowed by name is denied. Writes and refusals
    /// go to the audit log (tracing target `rialto::audit`).
    pub fn authorize(
        &self,
        identity: &Identity,
        action: Action,
        resource: &Resource<'_>,
    ) -> Decision {
        let decision = identity.decide(action, resource);
        let changes = matches!(action, Action::Operate | Action::Administer);
        if decision == Decision::Denied || changes && !identity.is_anonymous() {
            tracing::info!(
                target: "rialto::audit",
                identity = %identity.name,
                role = identity.role.as_str(),
                action = action.as_str(),
                %resource,
                allowed = decision.is_allowed(),
            );
        }
        decision
    }

    /// Starts a session for a browser. Blocks as [`Security::authenticate`] does.
    ///
    /// # Errors
    /// Wrong user or password, or too many wrong ones; then with the seconds to wait.
    pub fn sign_in(
        &self,
        user: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<NewSession, SignInError> {
        let identity = self.check_password(user, password, peer)?;
        let now_ms = (self.0.now_ms)();
        let session = self.0.sessions.lock().begin(identity, now_ms).map_err(|error| {
            tracing::error!(%error, "no session can be made");
            AuthError::TooMany { retry_after_s: 1 }
        })?;
        let identity = &session.identity.name;
        tracing::info!(target: "rialto::audit", %identity, %peer, "signed in");
        Ok(session)
    }

    /// The session of a cookie; counts as use of it.
    #[must_use]
    pub fn session(&self, cookie: &str) -> Option<Session> {
        let now_ms = (self.0.now_ms)();
        self.0.sessions.lock().find(cookie, now_ms, true)
    }

    /// Like [`Security::session`] without counting as use: for live streams of a page that nobody
    /// may be looking at.
    #[must_use]
    pub fn peek_session(&self, cookie: &str) -> Option<Session> {
        let now_ms = (self.0.now_ms)();
        self.0.sessions.lock().find(cookie, now_ms, false)
    }

    /// Ends a session.
    pub fn sign_out(&self, cookie: &str) {
        if let Some(identity) = self.0.sessions.lock().end(cookie) {
            tracing::info!(target: "rialto::audit", identity = %identity.name, "signed out");
        }
    }

    /// Sessions at present.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.0.sessions.lock().count((self.0.now_ms)())
    }

    /// Tokens, without their secrets.
    #[must_use]
    pub fn tokens(&self) -> &[TokenInfo] {
        &self.0.token_list
    }

    fn check_token(&self, token: &str, peer: IpAddr) -> Result<Identity, AuthError> {
        // A right token passes whatever its peer did before: nobody finds one by trying, and a
        // program with a stale token must not lock out its neighbours on the same machine.
        if let Some(identity) = self.0.tokens.find(token) {
            return Ok(identity);
        }
        let now_ms = (self.0.now_ms)();
        let mut failures = self.0.token_failures.lock();
        if let Some(retry_after_s) = failures.wait_s(peer, now_ms) {
            return Err(AuthError::TooMany { retry_after_s });
        }
        failures.failed(peer, now_ms);
        tracing::info!(target: "rialto::audit", %peer, "unknown token");
        Err(AuthError::Invalid)
    }

    /// What can be said of a password without hashing it.
    fn remembered(
        &self,
        user: &str,
        password: &str,
        peer: IpAddr,
    ) -> Option<Result<Identity, AuthError>> {
        let now_ms = (self.0.now_ms)();
        if let Some(retry_after_s) = self.0.password_failures.lock().wait_s(peer, now_ms) {
            return Some(Err(AuthError::TooMany { retry_after_s }));
        }
        self.0.recent.lock().find(user, password, now_ms).map(Ok)
    }

    fn check_password(
        &self,
        user: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<Identity, AuthError> {
        if let Some(known) = self.remembered(user, password, peer) {
            return known;
        }
        let now_ms = (self.0.now_ms)();
        let known = self.0.users.iter().find(|known| known.name == user);
        let hash = known.map_or(self.0.nobody.as_str(), |known| known.password.as_str());
        let verified = self
            .0
            .hasher
            .verify(password, hash)
            .map_err(|_busy| AuthError::TooMany { retry_after_s: 1 })?;
        let Some(known) = known.filter(|_| verified) else {
            self.0.password_failures.lock().failed(peer, now_ms);
            let user: String = user.chars().take(USER_BYTES_MAX).collect();
            tracing::warn!(target: "rialto::audit", %user, %peer, "wrong user or password");
            return Err(AuthError::Invalid);
        };
        let identity = Identity::new(&known.name, known.role);
        self.0.password_failures.lock().succeeded(peer);
        self.0.recent.lock().put(user, password, identity.clone(), now_ms);
        Ok(identity)
    }
}

/// Sets the administrator's password from outside, or makes one when there is none.
fn ensure_admin(
    hasher: &Hasher,
    stored: &mut Stored,
    given: Option<String>,
) -> Result<(bool, Option<GeneratedPassword>), Error> {
    let existing = stored.users.iter_mut().find(|user| user.name == ADMIN);
    let (password, generated) = match (given, &existing) {
        (None, Some(_)) => return Ok((false, None)),
        (None, None) => {
            let secret = password::generate()?;
            (secret.clone(), Some(GeneratedPassword(secret)))
        }
        (Some(given), existing) => {
            password::check(&given)?;
            if existing
                .as_ref()
                .is_some_and(|user| matches!(hasher.verify(&given, &user.password), Ok(true)))
            {
                return Ok((false, None));
            }
            (crate::Secret::new(given), None)
        }
    };
    let hash = hasher.hash(password.reveal())?;
    match existing {
        Some(user) => user.password = hash,
        None => stored.users.push(StoredUser {
            name: ADMIN.to_owned(),
            role: Role::Admin,
            password: hash,
        }),
    }
    Ok((true, generated))
}

#[cfg(test)]
mod tests;
