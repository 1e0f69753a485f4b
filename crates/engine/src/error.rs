//! What can go wrong, named by what the caller can do.

use std::error::Error;

use rialto_catalog::Refused;
use rialto_storage::CommitError;

use crate::group::Unanswered;

/// Why a proposal was not answered with an outcome. `R` is what the state says that it was proposed
/// to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProposeError<R: Error + 'static = Refused> {
    /// It was refused; nothing changed.
    #[error(transparent)]
    Refused(R),
    /// Too many proposals wait; nothing changed, try again.
    #[error("too many changes wait to be stored; try again")]
    Busy,
    /// The disk is full; nothing changed.
    #[error("the disk of the data directory is full; free some space and try again")]
    DiskFull,
    /// Nothing can be stored any more; nothing changed.
    #[error("storage is out of service: {reason}; repair the disk and restart")]
    Unavailable {
        /// What happened to the storage.
        reason: String,
    },
    /// It may or may not have been stored: ask for the record's state before trying again.
    #[error("it is not known whether the change was stored: {reason}; look before trying again")]
    Indeterminate {
        /// What happened.
        reason: String,
    },
}

impl From<Refused> for ProposeError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<rialto_configuration::Refused> for ProposeError<rialto_configuration::Refused> {
    fn from(refused: rialto_configuration::Refused) -> Self {
        Self::Refused(refused)
    }
}

impl<R: Error + 'static> From<CommitError> for ProposeError<R> {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::DiskFull => Self::DiskFull,
            CommitError::Failed { reason } | CommitError::Poisoned { reason } => {
                Self::Unavailable { reason }
            }
            CommitError::Indeterminate { reason } => Self::Indeterminate { reason },
        }
    }
}

impl<R: Error + 'static> From<Unanswered> for ProposeError<R> {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Busy => Self::Busy,
            Unanswered::Closed => Self::Unavailable { reason: "it is closed".to_owned() },
            Unanswered::Ended => {
                Self::Indeterminate { reason: "the storing thread ended".to_owned() }
            }
        }
    }
}
