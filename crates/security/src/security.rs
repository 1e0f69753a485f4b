//! The handle that doors hold: authenticates, authorizes, and keeps sign-in sessions.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};

use crate::directory::{Directory, Known};
use crate::failures::Failures;
use crate::limits::{PASSWORD_FAILURES_FREE, TOKEN_FAILURES_FREE, USER_BYTES_MAX};
use crate::password::{self, Hasher};
use crate::recent::Recent;
use crate::sessions::Sessions;
use crate::signer::Signer;
use crate::store::{Stored, StoredUser};
use crate::tokens;
use crate::{
    Action, AuthError, Credentials, Decision, Error, GeneratedPassword, Identity, NewSession,
    Resource, Role, Session, SignInError, SignedToken,
};

const ADMIN: &str = "admin";

/// Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Security(Arc<Inner>);

struct Inner {
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
    unix_s: Box<dyn Fn() -> u64 + Send + Sync>,
    hasher: Hasher,
    /// Where changes are saved; in memory alone without.
    dir: Option<PathBuf>,
    directory: RwLock<Directory>,
    /// Held by whoever is making a change, from looking to saving.
    changing: Mutex<()>,
    /// In the place of an unknown user, who so costs as much time as a known one.
    nobody: Arc<Known>,
    signer: Signer,
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
        let since = || SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_s = move || since().map_or(0, |since| since.as_secs());
        Self::open_with_clocks(dir, admin_password, now_ms, unix_s)
    }

    /// [`Security::open_with_clock`] with a clock of the seconds since 1970, by which signed tokens
    /// end.
    ///
    /// # Errors
    /// As [`Security::open`].
    pub fn open_with_clocks(
        dir: Option<&Path>,
        admin_password: Option<String>,
        now_ms: impl Fn() -> u64 + Send + Sync + 'static,
        unix_s: impl Fn() -> u64 + Send + Sync + 'static,
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
        let nobody = Known {
            identity: Identity::new("", Role::Member),
            password: password::nobody()?,
            changes: 0,
        };
        let inner = Inner {
            signer: Signer::open(dir, unix_s())?,
            now_ms: Box::new(now_ms),
            unix_s: Box::new(unix_s),
            hasher,
            dir: dir.map(Path::to_owned),
            directory: RwLock::new(Directory::new(stored)),
            changing: Mutex::new(()),
            nobody: Arc::new(nobody),
            recent: Mutex::new(Recent::new()?),
            sessions: Mutex::default(),
            password_failures: Mutex::new(Failures::new(PASSWORD_FAILURES_FREE)),
            token_failures: Mutex::new(Failures::new(TOKEN_FAILURES_FREE)),
        };
        Ok((Self(Arc::new(inner)), generated))
    }

    /// Who sends these credentials. A password not seen in the last minute takes tens of
    /// milliseconds and blocks: call it off an asynchronous thread when that matters. For clients
    /// that know of nothing but passwords, an access token may stand in the place of one, beside
    /// any user name.
    ///
    /// # Errors
    /// Wrong credentials, or too many wrong ones from this peer lately.
    pub fn authenticate(
        &self,
        credentials: &Credentials,
        peer: IpAddr,
    ) -> Result<Identity, AuthError> {
        match credentials {
            Credentials::Basic { password, .. } if tokens::is_one(password.reveal()) => {
                self.check_token(password.reveal(), peer)
            }
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

    /// A token for a user who has signed in with a password, to be presented instead of it for five
    /// hours. It ends with any change of the user.
    ///
    /// # Errors
    /// [`AuthError::Invalid`] when the identity is no user's, or has ended.
    pub fn sign(&self, identity: &Identity) -> Result<SignedToken, AuthError> {
        let user = self.0.directory.read().user(&identity.name);
        let user = user.filter(|known| known.identity.shares(identity) && !identity.has_ended());
        let user = user.ok_or(AuthError::Invalid)?;
        self.0.signer.sign(&user, (self.0.unix_s)()).map_err(|error| {
            tracing::error!(%error, "no token can be signed");
            AuthError::TooMany { retry_after_s: 1 }
        })
    }

    /// Makes a new signing key at once. Tokens signed with the one before it are good until they
    /// run out.
    ///
    /// # Errors
    /// When the key cannot be made or saved.
    pub fn rotate_signing_key(&self) -> Result<(), Error> {
        self.0.signer.rotate((self.0.unix_s)())
    }

    fn signed(&self, token: &str) -> Option<Identity> {
        let directory = self.0.directory.read();
        let find = |name: &str| directory.user(name).unwrap_or_else(|| self.0.nobody.clone());
        let user = self.0.signer.verify(token, (self.0.unix_s)(), find)?;
        (!Arc::ptr_eq(&user, &self.0.nobody)).then(|| user.identity.clone())
    }

    fn check_token(&self, token: &str, peer: IpAddr) -> Result<Identity, AuthError> {
        // A right token passes whatever its peer did before: nobody finds one by trying, and a
        // program with a stale token must not lock out its neighbours on the same machine.
        let known = if Signer::is_one(token) {
            self.signed(token)
        } else {
            self.0.directory.read().token(token)
        };
        if let Some(identity) = known {
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
        let known = self.0.directory.read().user(user);
        let hash = known.as_ref().unwrap_or(&self.0.nobody).password.as_str();
        let verified = self
            .0
            .hasher
            .verify(password, hash)
            .map_err(|_busy| AuthError::TooMany { retry_after_s: 1 })?;
        let Some(known) = known.filter(|_| verified) else {
            self.0.password_failures.lock().failed(peer, now_ms);
            let user: String = user.chars().take(USER_BYTES_MAX).collect();
            tracing::warn!(target: "rialto::audit", ?user, %peer, "wrong user or password");
            return Err(AuthError::Invalid);
        };
        let identity = known.identity.clone();
        self.0.password_failures.lock().succeeded(peer);
        self.0.recent.lock().put(user, password, identity.clone(), now_ms);
        Ok(identity)
    }
}

mod manage;

pub use manage::{NewToken, RoleInfo, TokenInfo, UserInfo};

/// Sets the administrator's password from outside, or makes one when there is none.
fn ensure_admin(
    hasher: &Hasher,
    stored: &mut Stored,
    given: Option<String>,
) -> Result<(bool, Option<GeneratedPassword>), Error> {
    let administered = stored.users.iter().any(|user| user.role == Role::Admin);
    let existing = stored.users.iter_mut().find(|user| user.name == ADMIN);
    let (password, generated) = match (given, &existing) {
        (None, _) if administered => return Ok((false, None)),
        (None, _) => {
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
        Some(user) => {
            user.role = Role::Admin;
            user.password = hash;
            user.changes += 1;
        }
        None => stored.users.push(StoredUser {
            name: ADMIN.to_owned(),
            role: Role::Admin,
            password: hash,
            roles: Vec::new(),
            changes: 0,
        }),
    }
    Ok((true, generated))
}

#[cfg(test)]
mod tests;
