//! What an import has finished, so that the next run of it goes on from there.
//!
//! One line of JSON for each finished item: what it is, and a digest of what was carried. An item
//! whose digest is another now is carried again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// The form of the file; another form is another number.
const FORM: u32 = 1;

/// The file, open for more.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    finished: HashMap<String, String>,
}

/// The first line: a journal of another import must not be taken for this one's.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    rialto_import: u32,
    from: String,
    into: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    item: String,
    digest: String,
}

impl Journal {
    /// Opens the journal of an import from there into here, new or begun.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is another import's.
    pub(super) fn open(path: &Path, from: &str, into: &str) -> Result<Self, Failure> {
        let refuse = |why: String| {
            let message = format!("journal {}: {why}", path.display());
            Failure::new(Exit::Usage, message)
        };
        let head = Head { rialto_import: FORM, from: from.to_owned(), into: into.to_owned() };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(refuse(error.to_string())),
        };
        let finished = read(&text, &head).map_err(&refuse)?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| refuse(error.to_string()))?;
        let begun = match finished {
            None => write_line(&mut file, &head),
            // Cut off in the middle of a line by whatever ended the last run.
            Some(_) if !text.ends_with('\n') => file.write_all(b"\n"),
            Some(_) => Ok(()),
        };
        begun.map_err(|error| refuse(error.to_string()))?;
        Ok(Self { path: path.to_owned(), file, finished: finished.unwrap_or_default() })
    }

    /// Whether this was carried as it is now.
    pub(super) fn has(&self, item: &str, digest: &str) -> bool {
        self.finished.get(item).is_some_and(|known| known == digest)
    }

    /// Notes that an item is carried.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(super) fn add(&mut self, item: &str, digest: &str) -> Result<(), Failure> {
        let line = Line { item: item.to_owned(), digest: digest.to_owned() };
        write_line(&mut self.file, &line).map_err(|error| {
            let full = error.kind() == std::io::ErrorKind::StorageFull;
            let exit = if full { Exit::DiskFull } else { Exit::Failed };
            Failure::new(exit, format!("journal {}: {error}", self.path.display()))
        })?;
        self.finished.insert(line.item, line.digest);
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// `None` for an empty file, which a run that was killed at once has left.
fn read(text: &str, expected: &Head) -> Result<Option<HashMap<String, String>>, String> {
    let mut lines = text.lines();
    let Some(first) = lines.next() else { return Ok(None) };
    let head: Head = serde_json::from_str(first)
        .map_err(|_| "it is no journal of an import; give another with --journal".to_owned())?;
    if head != *expected {
        let Head { from, into, .. } = head;
        return Err(format!("it belongs to the import from {from} into {into}; give --journal"));
    }
    // A line that was cut is no item; what it spoke of is carried once more.
    let finished = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
    Ok(Some(finished.map(|Line { item, digest }| (item, digest)).collect()))
}

fn write_line(file: &mut File, line: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_knows_what_the_first_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut first = Journal::open(&path, "a", "b").unwrap();
        first.add("config x", "1").unwrap();
        first.add("config x", "2").unwrap();
        drop(first);
        // Killed while it wrote.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"item\":\"config y").unwrap();
        let mut second = Journal::open(&path, "a", "b").unwrap();
        second.add("config z", "1").unwrap();
        assert!(Journal::open(&path, "a", "b").unwrap().has("config z", "1"));
        assert!(second.has("config x", "2") && !second.has("config x", "1"));
        assert!(!second.has("config y", ""));
    }

    #[test]
    fn another_imports_journal_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(Journal::open(&path, "a", "b").unwrap());
        let failure = Journal::open(&path, "a", "c").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.message().contains("from a into b"), "{failure:?}");
        std::fs::write(&path, "something else\n").unwrap();
        assert!(Journal::open(&path, "a", "b").is_err());
    }
}
