//! Seals what must not lie on a disk as it is. The key is a file of its own beside the data, which
//! only the owner may read: a copy of the data without it says nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use crate::directory::{Directory, sync_dir};
use crate::error::OpenError;

const KEY_BYTES: usize = 32;

/// Seals and opens by one key. Never shows the key.
pub struct Vault {
    key: LessSafeKey,
    random: SystemRandom,
}

/// Something that was not sealed by this key, for this place, or was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed record cannot be opened with the key of this data directory; restore that key")]
pub struct Unsealed;

impl Vault {
    /// Opens the key of a data directory by the name of its file, and makes one if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, is not a key, or others may read it.
    pub fn open(directory: &Directory, file: &str) -> Result<Self, OpenError> {
        let path = directory.path().join(file);
        match fs::read(&path) {
            Ok(key) => {
                check_private(&path)?;
                Self::of(&key).ok_or_else(|| damaged(&path, "it is not a key of 32 bytes"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (vault, key) = Self::new();
                write_private(&path, &key).map_err(|source| OpenError::from_io(&path, source))?;
                Ok(vault)
            }
            Err(source) => Err(OpenError::from_io(&path, source)),
        }
    }

    /// A key that is kept nowhere.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new().0
    }

    /// Seals a text for one place: it opens nowhere else.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    #[must_use]
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).expect("the system gives randomness");
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place),
            &mut sealed[NONCE_LEN..],
        );
        sealed.extend_from_slice(tag.expect("contents are shorter than what a key seals").as_ref());
        sealed
    }

    /// Opens what was sealed for a place.
    ///
    /// # Errors
    /// When it was not, or not by this key, or is not what it was.
    pub fn open_sealed(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unsealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealed)?;
        let mut text = text.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(place), &mut text);
        let bytes = plain.map_err(|_| Unsealed)?.len();
        text.truncate(bytes);
        Ok(text)
    }

    fn new() -> (Self, [u8; KEY_BYTES]) {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).expect("the system gives randomness");
        (Self::of(&key).expect("it has the right length"), key)
    }

    fn of(key: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        Some(Self { key: LessSafeKey::new(key), random: SystemRandom::new() })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

fn damaged(path: &Path, reason: &str) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

/// Whole and durable before anything is sealed with it, or not there.
fn write_private(path: &Path, key: &[u8]) -> io::Result<()> {
    let new: PathBuf = path.with_extension("new");
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options.open(&new)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_dir(path)
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).map_err(|source| OpenError::from_io(path, source))?;
    if metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(damaged(path, "others than its owner may read it, so it is a key no more (chmod 600)"))
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<(), OpenError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_place_with_its_key_and_not_otherwise() {
        let vault = Vault::in_memory();
        let sealed = vault.seal(b"here", b"secret");
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(vault.open_sealed(b"here", &sealed).unwrap(), b"secret");
        assert_eq!(vault.open_sealed(b"there", &sealed), Err(Unsealed));
        assert_eq!(Vault::in_memory().open_sealed(b"here", &sealed), Err(Unsealed));
        for cut in 0..sealed.len() {
            assert_eq!(vault.open_sealed(b"here", &sealed[..cut]), Err(Unsealed));
            let mut changed = sealed.clone();
            changed[cut] ^= 1;
            assert_eq!(vault.open_sealed(b"here", &changed), Err(Unsealed));
        }
        assert_ne!(vault.seal(b"here", b"secret"), sealed, "each time with another nonce");
        assert_eq!(format!("{vault:?}"), "Vault");
    }

    #[test]
    fn the_key_is_a_private_file_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::open(dir.path()).unwrap();
        let sealed = Vault::open(&directory, "secret.key").unwrap().seal(b"", b"x");
        let again = Vault::open(&directory, "secret.key").unwrap();
        assert_eq!(again.open_sealed(b"", &sealed).unwrap(), b"x");
        let path = dir.path().join("secret.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            let error = Vault::open(&directory, "secret.key").unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(&path, b"short").unwrap();
        assert!(Vault::open(&directory, "secret.key").is_err());
    }
}
