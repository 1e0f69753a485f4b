//! Access tokens: 256 random bits, kept by their SHA-256 only. A slow hash would protect nothing
//! here, because nobody can guess 256 bits, and it would cost each request.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::limits::TOKEN_BYTES_MAX;
use crate::store::{StoredToken, read_bounded, write_private};
use crate::{Error, Role, Secret};

/// Begins every token, so that scanners find one that leaked.
const PREFIX: &str = "rialto_";

/// Tokens that a first start writes for programs on the same machine.
const FILES: [(&str, Role); 2] = [("service", Role::Service), ("admin", Role::Admin)];

/// A new token, and how it is kept.
pub(crate) fn make() -> Result<(Secret, String), Error> {
    let token = Secret::new(format!("{PREFIX}{}", Secret::random()?.reveal()));
    let sha256 = hex::encode(digest(token.reveal()));
    Ok((token, sha256))
}

/// Whether a text looks like a token of ours.
pub(crate) fn is_one(text: &str) -> bool {
    text.starts_with(PREFIX) && text.len() <= TOKEN_BYTES_MAX
}

/// Whether the token is one that a first start writes to a file.
pub(crate) fn has_file(name: &str) -> bool {
    FILES.iter().any(|(file, _)| *file == name)
}

/// Makes sure that `service.token` and `admin.token` exist and are known; returns whether anything
/// changed. Removing a file and starting again is how a token is replaced.
pub(crate) fn ensure_files(dir: &Path, stored: &mut Vec<StoredToken>) -> Result<bool, Error> {
    let mut changed = false;
    for (name, role) in FILES {
        let path = dir.join(format!("{name}.token"));
        let sha256 = match read_bounded(&path, 2 * TOKEN_BYTES_MAX as u64)? {
            Some(text) if text.trim().len() > PREFIX.len() => {
                protect(&path)?;
                hex::encode(digest(text.trim()))
            }
            _ => String::new(),
        };
        let known = stored.iter().any(|token| token.name == name && token.sha256 == sha256);
        if known {
            continue;
        }
        // A file that the state does not know is replaced, never adopted: a text that somebody else
        // put there must not become a key.
        let (token, sha256) = make()?;
        write_private(&path, format!("{}\n", token.reveal()).as_bytes())?;
        stored.retain(|token| token.name != name);
        let (name, roles) = (name.to_owned(), Vec::new());
        stored.push(StoredToken { name, role, sha256, roles, owner: None });
        changed = true;
    }
    Ok(changed)
}

#[cfg(unix)]
/// Takes a file of secrets away from others who could read it.
pub(crate) fn protect(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let fail = |source| Error::File { doing: "protect", path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(fail)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others could read this file; made it private");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, private).map_err(fail)?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn protect(_path: &Path) -> Result<(), Error> {
    Ok(())
}

/// What a token is kept and found by.
pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn token(dir: &Path, name: &str) -> String {
        fs::read_to_string(dir.join(name)).unwrap().trim().to_owned()
    }

    fn role_of(stored: &[StoredToken], text: &str) -> Option<Role> {
        let sha256 = hex::encode(digest(text));
        stored.iter().find(|token| token.sha256 == sha256).map(|token| token.role)
    }

    #[test]
    fn files_are_made_once_and_known() {
        let dir = tempfile::tempdir().unwrap();
        let mut stored = Vec::new();
        assert!(ensure_files(dir.path(), &mut stored).unwrap());
        let service = token(dir.path(), "service.token");
        assert!(service.starts_with(PREFIX) && service.len() == PREFIX.len() + 43);
        assert!(!ensure_files(dir.path(), &mut stored).unwrap());
        assert_eq!(token(dir.path(), "service.token"), service);
        let known = |text: &str| role_of(&stored, text);
        assert_eq!(known(&service), Some(Role::Service));
        assert_eq!(known(&token(dir.path(), "admin.token")), Some(Role::Admin));
        assert!(known("rialto_").is_none() && known("").is_none());
        assert!(stored.iter().all(|token| token.sha256.len() == 64));
    }

    #[test]
    fn removing_a_file_replaces_the_token_and_planting_one_grants_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut stored = Vec::new();
        ensure_files(dir.path(), &mut stored).unwrap();
        let old = token(dir.path(), "admin.token");
        fs::remove_file(dir.path().join("admin.token")).unwrap();
        fs::write(dir.path().join("service.token"), "rialto_planted").unwrap();
        assert!(ensure_files(dir.path(), &mut stored).unwrap());
        let known = |text: &str| role_of(&stored, text);
        assert!(known(&old).is_none() && known("rialto_planted").is_none());
        assert_eq!(stored.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private_and_made_private_again() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mut stored = Vec::new();
        ensure_files(dir.path(), &mut stored).unwrap();
        let path = dir.path().join("admin.token");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        ensure_files(dir.path(), &mut stored).unwrap();
        assert_eq!(mode(), 0o600);
    }
}
