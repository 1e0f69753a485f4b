//! What can go wrong, named by what the caller can do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a data directory or a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "data directory {} is in use by another process; \
         stop that process, or choose another directory",
        .dir.display()
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// Another version wrote it.
    #[error(
        "data directory {} has format {found:?}, and this version reads format {known:?}; \
         use the version that wrote it, or choose another directory",
        .dir.display()
    )]
    OtherVersion {
        /// The directory.
        dir: PathBuf,
        /// What it says of itself.
        found: String,
        /// What this version reads.
        known: String,
    },
    /// The system refuses to read or write it.
    #[error(
        "{} cannot be read and written; check that it exists, who owns it, and the disk",
        .path.display()
    )]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is in it makes no sense.
    #[error(
        "{} is damaged: {reason}; restore it from a backup, or move it away to start anew",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// There is no room.
    #[error("the disk that holds {} is full; free some space and start again", .path.display())]
    DiskFull {
        /// The file or directory.
        path: PathBuf,
    },
}

/// Why a commit did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// There is no room. Nothing of the commit was stored; later ones may succeed.
    #[error("the disk is full; free some space and try again")]
    DiskFull,
    /// The disk failed. Nothing of the commit was stored; later ones may succeed.
    #[error("the disk failed: {reason}; try again, and look after the disk")]
    Failed {
        /// What the system said.
        reason: String,
    },
    /// The disk failed such that the commit may or may not have been stored, and nothing will be
    /// stored any more.
    #[error("the disk failed while storing: {reason}; look after the disk and restart")]
    Indeterminate {
        /// What the system said.
        reason: String,
    },
    /// An earlier failure put the store out of service. Nothing of this commit was stored.
    #[error("storage is out of service since the disk failed: {reason}; look after it and restart")]
    Poisoned {
        /// What the system said then.
        reason: String,
    },
}

/// Why something that is stored cannot be read now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is stored cannot be read: {reason}; look after the disk and try again")]
pub struct ReadError {
    /// What was found.
    pub reason: String,
}

impl OpenError {
    /// Sorts an error of the system by what can be done.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) { Self::DiskFull { path } } else { Self::Unreadable { path, source } }
    }

    /// Sorts an error of the database.
    pub(crate) fn from_redb(path: &Path, error: redb::Error) -> Self {
        match error {
            redb::Error::Io(source) if source.kind() != io::ErrorKind::InvalidData => {
                Self::from_io(path, source)
            }
            error => Self::Damaged { path: path.to_owned(), reason: error.to_string() },
        }
    }
}

/// Whether an error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
