//! Remembers agreed records across a crash.
//!
//! [`Store`] holds small records in a few tables. A commit is atomic, and durable when it returns;
//! the caller collects what arrived meanwhile into the next one, so that many changes share one
//! sync. After a failed sync nothing is known about what the disk holds, and a store never writes
//! again.
//!
//! [`Reader`] shows parts of what is committed, beside commits. [`Vault`] seals what must not lie
//! on a disk as it is, by a key in a file that only the owner may read.
//!
//! [`Warm`] holds what is only nice to have after a restart, and forgets it when it cannot be read.

#![forbid(unsafe_code)]

mod directory;
mod disk;
mod error;
pub mod fault;
mod memory;
mod reader;
mod store;
mod vault;
mod warm;

pub use directory::{Directory, FORMAT};
pub use disk::{Disk, RealDisk};
pub use error::{CommitError, OpenError, ReadError};
pub use memory::MemoryDisk;
pub use reader::Reader;
pub use store::{Record, Store, Table, Write};
pub use vault::{Unsealed, Vault};
pub use warm::Warm;
