//! The state file `security.json`: hashes and digests, replaced atomically, readable by its owner
//! only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::grants::Grant;
use crate::limits::STATE_FILE_BYTES_MAX;
use crate::{Error, Role};

const FILE: &str = "security.json";
/// What is written. The first version knew no roles of one's own; it is still read.
const VERSION: u32 = 2;

/// What is kept about who may sign in.
#[derive(Serialize, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    pub(crate) version: u32,
    pub(crate) users: Vec<StoredUser>,
    pub(crate) tokens: Vec<StoredToken>,
    #[serde(default)]
    pub(crate) roles: Vec<StoredRole>,
}

#[derive(Serialize, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredUser {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) password: String,
    /// Roles of one's own that the user has.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    /// Counts changes, so that what was signed before one does not hold after it.
    #[serde(default)]
    pub(crate) changes: u64,
}

#[derive(Serialize, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredToken {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) sha256: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    /// The user with whom it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
}

/// A role of one's own.
#[derive(Serialize, Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredRole {
    pub(crate) name: String,
    pub(crate) grants: Vec<Grant>,
}

impl Default for Stored {
    fn default() -> Self {
        Self { version: VERSION, users: Vec::new(), tokens: Vec::new(), roles: Vec::new() }
    }
}

impl Stored {
    /// Reads the file; `None` when there is none yet.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE);
        let corrupt = |reason: String| Error::Corrupt { path: path.clone(), reason };
        let Some(text) = read_bounded(&path, STATE_FILE_BYTES_MAX)? else { return Ok(None) };
        let mut stored: Self =
            serde_json::from_str(&text).map_err(|error| corrupt(error.to_string()))?;
        if !(1..=VERSION).contains(&stored.version) {
            return Err(corrupt(format!("version {}, not 1 to {VERSION}", stored.version)));
        }
        stored.version = VERSION;
        Ok(Some(stored))
    }

    /// What these roles grant together.
    pub(crate) fn grants_of(&self, roles: &[String]) -> Vec<Grant> {
        let mut grants: Vec<Grant> = (self.roles.iter())
            .filter(|role| roles.contains(&role.name))
            .flat_map(|role| role.grants.iter().cloned())
            .collect();
        grants.sort_unstable();
        grants.dedup();
        grants
    }

    pub(crate) fn save(&self, dir: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(self).expect("plain strings become JSON");
        text.push('\n');
        let path = dir.join(FILE);
        if text.len() as u64 > STATE_FILE_BYTES_MAX {
            // It could not be read again.
            let source = io::Error::other(format!("more than {STATE_FILE_BYTES_MAX} bytes"));
            return Err(Error::File { doing: "write", path, source });
        }
        write_private(&path, text.as_bytes())
    }
}

/// A whole text file of at most `max` bytes; `None` when it does not exist.
pub(crate) fn read_bounded(path: &Path, max: u64) -> Result<Option<String>, Error> {
    let fail = |source| Error::File { doing: "read", path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(fail)?;
    let reason = if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        format!("longer than {max} bytes")
    } else {
        match String::from_utf8(bytes) {
            Ok(text) => return Ok(Some(text)),
            Err(_) => "not UTF-8".to_owned(),
        }
    };
    Err(Error::Corrupt { path: path.to_owned(), reason })
}

/// Writes beside the target, syncs, renames: a crash leaves the old file or the new one, whole.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fail = |source| Error::File { doing: "write", path: path.to_owned(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
    fs::rename(&beside, path).map_err(fail)?;
    // The rename itself is durable once the directory is.
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(fail)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Stored {
        let user = StoredUser {
            name: "admin".into(),
            role: Role::Admin,
            password: "$x".into(),
            roles: Vec::new(),
            changes: 0,
        };
        Stored { users: vec![user], ..Stored::default() }
    }

    #[test]
    fn survives_a_round_trip_and_a_left_over_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Stored::load(dir.path()).unwrap().is_none());
        fs::write(dir.path().join("security.json.new"), "half").unwrap();
        stored().save(dir.path()).unwrap();
        let loaded = Stored::load(dir.path()).unwrap().unwrap();
        assert_eq!(loaded.users[0].name, "admin");
        assert!(!dir.path().join("security.json.new").exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        stored().save(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_the_first_version_still_opens() {
        let dir = tempfile::tempdir().unwrap();
        let text = r#"{"version":1,
            "users":[{"name":"admin","role":"admin","password":"$x"}],
            "tokens":[{"name":"service","role":"service","sha256":"00"}]}"#;
        fs::write(dir.path().join(FILE), text).unwrap();
        let loaded = Stored::load(dir.path()).unwrap().unwrap();
        assert_eq!((loaded.version, loaded.users[0].changes), (VERSION, 0));
        assert!(loaded.roles.is_empty() && loaded.tokens[0].owner.is_none());
        loaded.save(dir.path()).unwrap();
        assert_eq!(Stored::load(dir.path()).unwrap().unwrap().version, VERSION);
    }

    #[test]
    fn what_is_not_ours_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let other = r#"{"version":3,"users":[],"tokens":[]}"#;
        for text in ["", "{", "[]", other, r#"{"version":1,"users":[],"tokens":[],"x":1}"#] {
            fs::write(&path, text).unwrap();
            let Err(error) = Stored::load(dir.path()) else { panic!("{text:?} was accepted") };
            assert!(error.to_string().contains("restore it"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, vec![b' '; usize::try_from(STATE_FILE_BYTES_MAX).unwrap() + 1]).unwrap();
        assert!(Stored::load(dir.path()).is_err());
    }
}
