//! What can go wrong, named by what the caller can do.

use rialto_catalog::Refused;

/// Why a proposal was not answered with an outcome.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProposeError {
    /// The catalog refused it; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refused),
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
