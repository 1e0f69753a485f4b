//! Password hashing with argon2id, bounded in memory and in how many run at the same time.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parking_lot::{Condvar, Mutex};

use crate::limits::{
    HASH_MEMORY_KIB, HASH_PASSES, HASHES_AT_ONCE_MAX, HASHES_WAITING_MAX, PASSWORD_BYTES_MAX,
    PASSWORD_CHARS_MIN,
};
use crate::secret::random_bytes;
use crate::{Error, Secret};

/// Letters and digits that cannot be mistaken for one another when read from a screen.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Computes hashes, a few at a time.
#[derive(Default)]
pub(crate) struct Hasher {
    turn: Mutex<Turns>,
    freed: Condvar,
}

#[derive(Default)]
struct Turns {
    running: usize,
    waiting: usize,
}

/// So many checks wait already that another would not help anybody.
pub(crate) struct Busy;

impl Hasher {
    /// The PHC string of a password.
    pub(crate) fn hash(&self, password: &str) -> Result<String, Error> {
        let salt = random_bytes::<16>()?;
        let salt = SaltString::encode_b64(&salt).expect("sixteen bytes make a salt");
        let phc = argon2()
            .hash_password(password.as_bytes(), &salt)
            .expect("fixed parameters and a bounded password can be hashed");
        Ok(phc.to_string())
    }

    /// Whether the password is the one that was hashed. Blocks for tens of milliseconds.
    pub(crate) fn verify(&self, password: &str, phc: &str) -> Result<bool, Busy> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let Ok(hash) = PasswordHash::new(phc) else { return Ok(false) };
        self.take_turn()?;
        let verified = argon2().verify_password(password.as_bytes(), &hash).is_ok();
        self.turn.lock().running -= 1;
        self.freed.notify_one();
        Ok(verified)
    }

    fn take_turn(&self) -> Result<(), Busy> {
        let mut turns = self.turn.lock();
        if turns.running >= HASHES_AT_ONCE_MAX {
            if turns.waiting >= HASHES_WAITING_MAX {
                return Err(Busy);
            }
            turns.waiting += 1;
            while turns.running >= HASHES_AT_ONCE_MAX {
                self.freed.wait(&mut turns);
            }
            turns.waiting -= 1;
        }
        turns.running += 1;
        Ok(())
    }
}

/// A password of 20 characters, 100 random bits, in groups of five.
pub(crate) fn generate() -> Result<Secret, Error> {
    let bytes = random_bytes::<20>()?;
    let mut text = String::with_capacity(23);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    Ok(Secret::new(text))
}

/// A hash that no password has: checking against it costs what checking against a real one costs.
pub(crate) fn nobody() -> Result<String, Error> {
    let (salt, output) = (random_bytes::<16>()?, random_bytes::<32>()?);
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    Ok(format!("$argon2id$v=19$m={HASH_MEMORY_KIB},t={HASH_PASSES},p=1${salt}${output}"))
}

/// Whether a password may be used at all.
pub(crate) fn check(password: &str) -> Result<(), Error> {
    let long_enough = password.chars().count() >= PASSWORD_CHARS_MIN;
    if long_enough && password.len() <= PASSWORD_BYTES_MAX {
        return Ok(());
    }
    Err(Error::Password { min: PASSWORD_CHARS_MIN, max: PASSWORD_BYTES_MAX })
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(HASH_MEMORY_KIB, HASH_PASSES, 1, None)
        .expect("the constants are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_argon2id_salted_and_verify() {
        let hasher = Hasher::default();
        let (one, two) = (hasher.hash("secret-1").unwrap(), hasher.hash("secret-1").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != two);
        assert!(matches!(hasher.verify("secret-1", &one), Ok(true)));
        assert!(matches!(hasher.verify("secret-2", &one), Ok(false)));
        assert!(matches!(hasher.verify("secret-1", "not a hash"), Ok(false)));
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert!(matches!(hasher.verify(&long, &one), Ok(false)));
    }

    #[test]
    fn nobodys_hash_is_computed_and_never_right() {
        let nobody = nobody().unwrap();
        assert!(PasswordHash::new(&nobody).is_ok());
        assert!(matches!(Hasher::default().verify("", &nobody), Ok(false)));
    }

    #[test]
    fn too_many_waiting_are_refused() {
        let hasher = Hasher::default();
        let mut turns = hasher.turn.lock();
        turns.running = HASHES_AT_ONCE_MAX;
        turns.waiting = HASHES_WAITING_MAX;
        drop(turns);
        assert!(hasher.take_turn().is_err());
        hasher.turn.lock().running = 0;
        assert!(hasher.take_turn().is_ok());
    }

    #[test]
    fn generated_passwords_are_long_and_differ() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_eq!(one.reveal().len(), 23);
        assert!(!one.matches(two.reveal()) && check(one.reveal()).is_ok());
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert!(check("1234567").is_err() && check("").is_err());
        assert!(check("\u{5bc6}\u{7801}\u{5bc6}\u{7801}\u{5bc6}\u{7801}\u{5bc6}\u{7801}").is_ok());
        assert!(check(&"x".repeat(PASSWORD_BYTES_MAX + 1)).is_err());
    }
}
