//! A data directory: who has it, and which version wrote it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// Format of a data directory that this version reads and writes.
pub const FORMAT: &str = "rialto 1";

/// No format is longer; a longer file is something else.
const FORMAT_BYTES_MAX: usize = 64;

/// A data directory that this process has for itself, until it is dropped.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Locked; the system gives it free when the process ends, however it ends.
    _lock: File,
}

impl Directory {
    /// Takes a directory, and makes it first if it is not there.
    ///
    /// # Errors
    /// When another process has it, another version wrote it, or it cannot be read and written.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        make(path).map_err(|source| OpenError::from_io(path, source))?;
        let lock_path = path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|source| OpenError::from_io(&lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { dir: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::from_io(&lock_path, source)),
        }
        check_format(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Only its owner may look into a directory that this process made.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn check_format(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join("format");
    let found = match fs::read(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if dir.join(crate::store::FILE).exists() {
                let reason = "the file 'format' beside it is missing".to_owned();
                return Err(OpenError::Damaged { path: dir.join(crate::store::FILE), reason });
            }
            let text = format!("{FORMAT}\n");
            return replace(&path, text.as_bytes())
                .map_err(|source| OpenError::from_io(&path, source));
        }
        Err(source) => return Err(OpenError::from_io(&path, source)),
    };
    let shown = &found[..found.len().min(FORMAT_BYTES_MAX)];
    let found = String::from_utf8_lossy(shown).trim().to_owned();
    if found == FORMAT {
        return Ok(());
    }
    Err(OpenError::OtherVersion { dir: dir.to_owned(), found, known: FORMAT.to_owned() })
}

/// Writes a file such that after a crash it is either there whole or not at all.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_dir(path)
}

/// Makes the name of a file durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if cfg!(unix) => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}
