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
    /// The administrator password given is too short or too long.
    #[error(
        "the administrator password must have at least {min} characters and at most {max} bytes"
    )]
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
