//! What can go wrong, by what the caller can do about it.

use std::path::PathBuf;

/// The credentials could not be opened or saved; the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("cannot {doing} {path:?}; check that the data directory is writable")]
    File {
        /// `read`, `write`, `protect`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The state file is not one of ours.
    #[error(
        "{path:?} is not readable as credentials ({reason}); restore it, or remove it to start \
         with a new administrator password and new tokens"
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The password given is too short or too long.
    #[error("the password must have at least {min} characters and at most {max} bytes")]
    Password {
        /// Characters.
        min: usize,
        /// Bytes.
        max: usize,
    },
    /// The operating system gives no random numbers.
    #[error(
        "the operating system gives no random numbers; nothing secret can be made without them"
    )]
    NoRandomness,
}

/// Why a change of users, roles, permissions or tokens was not made. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The name cannot be one.
    #[error(
        "{0:?} cannot be a name; use 1 to {max} bytes without spaces at the ends, control \
         characters or colons",
        max = crate::limits::USER_BYTES_MAX
    )]
    Name(String),
    /// There is one of that name.
    #[error("{what} '{name}' already exist!")]
    Exists {
        /// `user`, `role`, `token`, `permission`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// There is none of that name.
    #[error("{what} '{name}' not found!")]
    Unknown {
        /// `user`, `role`, `token`, `permission`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// It must not be changed in this way.
    #[error("{name:?} stays as it is: {why}")]
    Protected {
        /// What.
        name: String,
        /// Why, and what to do instead.
        why: &'static str,
    },
    /// No more fit.
    #[error("there are {max} {what} already, and no more fit; delete some first")]
    TooMany {
        /// `users`, `roles`, ….
        what: &'static str,
        /// How many fit.
        max: usize,
    },
    /// Not a password that may be used, or not saved.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Why a request has no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Unknown user, wrong password or unknown token: deliberately one answer.
    #[error("the credentials are not valid")]
    Invalid,
    /// Too many failures from this peer; answer 429 with Retry-After.
    #[error("too many failed attempts; try again in {retry_after_s} s")]
    TooMany {
        /// Seconds to wait, at least 1.
        retry_after_s: u64,
    },
}

/// Why a sign-in was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct SignInError {
    /// What is wrong.
    pub kind: AuthError,
    /// Seconds to wait before the next attempt, when there is a wait.
    pub retry_after: Option<u64>,
}

impl From<AuthError> for SignInError {
    fn from(kind: AuthError) -> Self {
        let retry_after = match kind {
            AuthError::TooMany { retry_after_s } => Some(retry_after_s),
            AuthError::Invalid => None,
        };
        Self { kind, retry_after }
    }
}
