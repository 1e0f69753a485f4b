//! Where bytes go: the one door to the disk, so that tests can put a faulty one behind it.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::error::is_full;

/// One growing run of bytes. What was written is durable after [`Disk::sync`], not before.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// When the disk fails.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// When the disk fails.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// When the disk fails or has fewer bytes.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `data` from `offset` on.
    ///
    /// # Errors
    /// When the disk fails or is full; some of it may have been written.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Cuts off, or adds zeros.
    ///
    /// # Errors
    /// When the disk fails or is full.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes durable what was written.
    ///
    /// # Errors
    /// When the disk fails: nothing is known then about what was written since the last success.
    fn sync(&self) -> io::Result<()>;
}

/// A file.
#[derive(Debug)]
pub struct RealDisk(FileBackend);

impl RealDisk {
    /// Takes an open file.
    ///
    /// # Errors
    /// When it cannot be used as a store.
    pub fn new(file: File) -> io::Result<Self> {
        FileBackend::new(file).map(Self).map_err(io::Error::other)
    }
}

impl Disk for RealDisk {
    fn len(&self) -> io::Result<u64> {
        StorageBackend::len(&self.0)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        StorageBackend::read(&self.0, offset, out)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        StorageBackend::write(&self.0, offset, data)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        StorageBackend::set_len(&self.0, len)
    }

    fn sync(&self) -> io::Result<()> {
        StorageBackend::sync_data(&self.0)
    }
}

/// What went wrong on a disk since somebody looked.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The first failed sync.
    pub(crate) sync_failed: Option<String>,
    /// Whether the last failure said that there is no room.
    pub(crate) full: bool,
}

/// Hands a disk to the database and remembers what failed, which the database does not tell apart.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) health: Arc<Mutex<Health>>,
}

impl Watched {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.health.lock().full = is_full(error);
        }
        result
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.note(self.disk.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.note(self.disk.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.note(self.disk.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        // Once a sync has failed, a later one that succeeds says nothing about what was lost.
        if let Some(reason) = &self.health.lock().sync_failed {
            return Err(io::Error::other(reason.clone()));
        }
        let result = self.disk.sync();
        if let Err(error) = &result {
            self.health.lock().sync_failed = Some(error.to_string());
        }
        result
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.health.lock().sync_failed.is_some() {
            return Err(io::Error::other("the disk is out of service"));
        }
        self.note(self.disk.write(offset, data))
    }
}
