//! What is only nice to have after a restart: written now and then, thrown away when it is damaged.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
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
    /// Opens the file of a data directory with what is in it: nothing when it was not there, or was
    /// damaged and is begun anew.
    #[must_use]
    pub fn open(directory: &Directory) -> (Self, Vec<Record>) {
        let path = directory.path().join(FILE);
        let opened = open(&path).or_else(|error| {
            tracing::warn!(%error, "the records of the last run are not used");
            fs::remove_file(&path).map_err(|source| OpenError::from_io(&path, source))?;
            open(&path)
        });
        match opened {
            Ok((store, records)) => (Self { path, store: Some(store) }, records),
            Err(error) => {
                tracing::warn!(%error, "records for the next start are not kept");
                (Self { path, store: None }, Vec::new())
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

    /// Stores `writes` instead of everything that was there.
    ///
    /// # Errors
    /// As [`Warm::save`].
    pub fn replace(&mut self, writes: &[Write]) -> Result<(), CommitError> {
        if self.store.take().is_none() {
            return Ok(());
        }
        let anew = fs::remove_file(&self.path)
            .map_err(|source| OpenError::from_io(&self.path, source))
            .and_then(|()| open(&self.path));
        match anew {
            Ok((store, _)) => self.store = Some(store),
            Err(error) => return Err(CommitError::Failed { reason: error.to_string() }),
        }
        self.save(writes)
    }
}

fn open(path: &PathBuf) -> Result<(Store, Vec<Record>), OpenError> {
    let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
    let disk: io::Result<RealDisk> = file.and_then(RealDisk::new);
    let disk = disk.map_err(|source| OpenError::from_io(path, source))?;
    let store = Store::open_disk(Arc::new(disk), path.clone())?;
    let records = store.load()?;
    Ok((store, records))
}
