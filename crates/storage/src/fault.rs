//! A disk in memory that fails on order, for tests of everything that stores.
//!
//! It keeps two images: what was written, and what survives a loss of power. It records all
//! operations, so that a test can build the disk that a crash at any of them would have left.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::Disk;

/// One operation that changed the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Bytes were written.
    Write {
        /// Where.
        offset: u64,
        /// What.
        data: Vec<u8>,
    },
    /// The length was set.
    SetLen(u64),
    /// All before became durable.
    Sync,
    /// The test was told that something is stored.
    Acknowledge(u64),
}

/// How the disk fails from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Growing beyond so many bytes fails: no room.
    FullAt(u64),
    /// Growing is promised, but writing beyond so many bytes fails: no room.
    FullWhenWritten(u64),
    /// The next sync fails, and what was written since the last one is lost.
    SyncOnce,
    /// So many writes succeed, then one is cut in half and fails, then all succeed again.
    ShortWriteAfter(u32),
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct FaultDisk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    written: Vec<u8>,
    durable: Vec<u8>,
    fault: Fault,
    recording: bool,
    operations: Vec<Operation>,
    syncs: u64,
}

impl FaultDisk {
    /// A disk that holds something, durably.
    #[must_use]
    pub fn with_image(image: Vec<u8>) -> Self {
        let inner = Inner { written: image.clone(), durable: image, ..Inner::default() };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// Fails like this from now on.
    pub fn set_fault(&self, fault: Fault) {
        self.0.lock().fault = fault;
    }

    /// What would be there after a loss of power.
    #[must_use]
    pub fn durable_image(&self) -> Vec<u8> {
        self.0.lock().durable.clone()
    }

    /// Successful syncs so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// Records operations from now on.
    pub fn record(&self) {
        self.0.lock().recording = true;
    }

    /// Puts an acknowledgement into the record.
    pub fn acknowledge(&self, number: u64) {
        self.0.lock().note(Operation::Acknowledge(number));
    }

    /// Everything recorded.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.0.lock().operations.clone()
    }
}

impl Operation {
    /// Does to an image what was done to the disk; only half of a write when `torn`.
    pub fn replay(&self, image: &mut Vec<u8>, torn: bool) {
        match self {
            Self::Write { offset, data } => {
                let bytes = if torn { data.len() / 2 } else { data.len() };
                put(image, *offset, &data[..bytes]);
            }
            Self::SetLen(len) => image.resize(index(*len), 0),
            Self::Sync | Self::Acknowledge(_) => {}
        }
    }
}

impl Disk for FaultDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.0.lock();
        let start = index(offset);
        let bytes = inner.written.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.0.lock();
        let end = offset + data.len() as u64;
        match &mut inner.fault {
            Fault::FullAt(bytes_max) | Fault::FullWhenWritten(bytes_max) if end > *bytes_max => {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Fault::ShortWriteAfter(0) => {
                inner.fault = Fault::None;
                inner.write(offset, &data[..data.len() / 2]);
                return Err(io::Error::other("the write was cut short"));
            }
            Fault::ShortWriteAfter(left) => *left -= 1,
            _ => {}
        }
        inner.write(offset, data);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.0.lock();
        if matches!(inner.fault, Fault::FullAt(bytes_max) if len > bytes_max) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inner.written.resize(index(len), 0);
        inner.note(Operation::SetLen(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.0.lock();
        if inner.fault == Fault::SyncOnce {
            inner.fault = Fault::None;
            inner.written = inner.durable.clone();
            return Err(io::Error::other("the disk lost what it was to make durable"));
        }
        inner.durable = inner.written.clone();
        inner.syncs += 1;
        inner.note(Operation::Sync);
        Ok(())
    }
}

impl Inner {
    fn write(&mut self, offset: u64, data: &[u8]) {
        put(&mut self.written, offset, data);
        if self.recording {
            self.operations.push(Operation::Write { offset, data: data.to_vec() });
        }
    }

    fn note(&mut self, operation: Operation) {
        if self.recording {
            self.operations.push(operation);
        }
    }
}

fn put(image: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let start = index(offset);
    if image.len() < start + data.len() {
        image.resize(start + data.len(), 0);
    }
    image[start..start + data.len()].copy_from_slice(data);
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a disk in memory is smaller than memory")
}
