//! The ready file: says to scripts that everything serves, and where.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Doors;

/// The file while it tells the truth: dropping this removes it.
#[derive(Debug)]
pub(crate) struct ReadyFile {
    path: PathBuf,
}

impl ReadyFile {
    /// Removes what an earlier run may have left, so that nobody reads it as ours.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub(crate) fn clear(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the doors' addresses. Whoever sees the file sees all of it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn write(path: &Path, doors: &Doors) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let draft = path.with_file_name(name);
        let text = serde_json::to_string(doors).map_err(io::Error::other)?;
        let written = fs::File::create(&draft).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            fs::rename(&draft, path)
        });
        if written.is_err() {
            // What is left of the draft is of no use to anybody.
            let _ = fs::remove_file(&draft);
        }
        written.map(|()| Self { path: path.to_owned() })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Nobody can be told at this point, and the process ends anyway.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_there_while_it_is_true() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let doors = Doors::from([("api".to_owned(), "127.0.0.1:7000".to_owned())]);
        ReadyFile::clear(&path).unwrap();
        let file = ReadyFile::write(&path, &doors).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"api\":\"127.0.0.1:7000\"}\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        drop(file);
        assert!(!path.exists());
        assert!(ReadyFile::write(&folder.path().join("none/x"), &doors).is_err());
    }
}
