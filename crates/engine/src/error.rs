//! What can go wrong, named by what the caller can do.

use std::path::PathBuf;

use rialto_catalog::Refused;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "data directory {} is in use by another process; stop that one or choose another with --data",
        .dir.display()
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// Another version wrote it.
    #[error(
        "data directory {} has format {found}, this program reads format {known}; use the program \
         that wrote it, or choose another directory with --data",
        .dir.display()
    )]
    OtherVersion {
        /// The directory.
        dir: PathBuf,
        /// What it says of itself.
        found: String,
        /// What this program reads.
        known: u32,
    },
    /// It cannot be read or written.
    #[error("data directory {} cannot be used: {reason}", .dir.display())]
    Unreadable {
        /// The directory.
        dir: PathBuf,
        /// What was tried, and what to do.
        reason: String,
    },
    /// Its disk is full.
    #[error("the disk of data directory {} is full; free some space", .dir.display())]
    DiskFull {
        /// The directory.
        dir: PathBuf,
    },
}

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
