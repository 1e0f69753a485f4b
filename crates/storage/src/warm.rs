//! What is only nice to have after a restart: written now and then, thrown away when it is damaged.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::directory::Directory;
use crate::disk::RealDisk;
use crate::error::{CommitError, OpenError};
use crate::store::{Record, Store, Write};

/// Name of the file in the data directory.
const FILE: &str = "warm.redb";

/// Records that may be lost.
#[derive(Debug)]
pub struct Warm {
    path: PathBuf,
    /// Absent when even a new file could not be made.
    store: Option<Store>,
}

impl Warm {
    /// Opens the file of a data directory and shows what is in it: nothing when it was not there,
    /// or was damaged and is begun anew. When the damage is found late, some records were shown.
    #[must_use]
    pub fn open(directory: &Directory, mut show: impl FnMut(Record)) -> Self {
        let path = directory.path().join(FILE);
        let opened = open(&path).and_then(|store| store.visit(&mut show).map(|()| store));
        let opened = opened.or_else(|error| {
            tracing::warn!(%error, "the records of the last run are not used");
            fs::remove_file(&path).map_err(|source| OpenError::from_io(&path, source))?;
            open(&path)
        });
        match opened {
            Ok(store) => Self { path, store: Some(store) },
            Err(error) => {
                tracing::warn!(%error, "records for the next start are not kept");
                Self { path, store: None }
            }
        }
    }

    /// Stores changes. After a failure nothing more is stored, and what is there is removed,
    /// because it would be older than the truth.
    ///
    /// # Errors
    /// The failure, once.
    pub fn save(&mut self, writes: &[Write]) -> Result<(), CommitError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let result = store.commit(writes);
        if result.is_err() {
            self.store = None;
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!(%error, path = %self.path.display(), "cannot remove old records");
            }
        }
        result.map(|_| ())
    }

    /// Forgets everything that was there.
    ///
    /// # Errors
    /// As [`Warm::save`].
    pub fn clear(&mut self) -> Result<(), CommitError> {
        if self.store.take().is_none() {
            return Ok(());
        }
        let anew = fs::remove_file(&self.path)
            .map_err(|source| OpenError::from_io(&self.path, source))
            .and_then(|()| open(&self.path));
        match anew {
            Ok(store) => {
                self.store = Some(store);
                Ok(())
            }
            Err(error) => Err(CommitError::Failed { reason: error.to_string() }),
        }
    }
}

fn open(path: &Path) -> Result<Store, OpenError> {
    let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
    let disk: io::Result<RealDisk> = file.and_then(RealDisk::new);
    let disk = disk.map_err(|source| OpenError::from_io(path, source))?;
    Store::open_disk(Arc::new(disk), path.to_owned())
}
