//! Remembers successful password checks for a minute, so that a program that sends Basic
//! credentials with each request costs one slow hash a minute and not one a request.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits::{RECENT_ENTRIES_MAX, RECENT_TTL_MS};
use crate::secret::random_bytes;
use crate::{Error, Identity};

/// By user: a digest keyed with a random key of this process, never the password.
pub(crate) struct Recent {
    key: [u8; 32],
    entries: HashMap<String, Entry>,
}

struct Entry {
    digest: [u8; 32],
    identity: Identity,
    until_ms: u64,
}

impl Recent {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { key: random_bytes()?, entries: HashMap::new() })
    }

    pub(crate) fn find(&self, user: &str, password: &str, now_ms: u64) -> Option<Identity> {
        let lives = |entry: &&Entry| now_ms < entry.until_ms && !entry.identity.has_ended();
        let entry = self.entries.get(user).filter(lives)?;
        let same = bool::from(entry.digest.ct_eq(&self.digest(user, password)));
        same.then(|| entry.identity.clone())
    }

    pub(crate) fn put(&mut self, user: &str, password: &str, identity: Identity, now_ms: u64) {
        if self.entries.len() >= RECENT_ENTRIES_MAX {
            self.entries.retain(|_, entry| now_ms < entry.until_ms);
        }
        if self.entries.len() >= RECENT_ENTRIES_MAX {
            return;
        }
        let digest = self.digest(user, password);
        let entry = Entry { digest, identity, until_ms: now_ms + RECENT_TTL_MS };
        self.entries.insert(user.to_owned(), entry);
    }

    fn digest(&self, user: &str, password: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(user.len().to_be_bytes());
        hash.update(user.as_bytes());
        hash.update(password.as_bytes());
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn remembers_for_a_minute_and_only_the_same_pair() {
        let mut recent = Recent::new().unwrap();
        recent.put("admin", "right", Identity::new("admin", Role::Admin), 0);
        assert!(recent.find("admin", "right", RECENT_TTL_MS - 1).is_some());
        assert!(recent.find("admin", "right", RECENT_TTL_MS).is_none());
        assert!(recent.find("admin", "wrong", 0).is_none());
        assert!(recent.find("admi", "nright", 0).is_none());
    }

    #[test]
    fn is_bounded() {
        let mut recent = Recent::new().unwrap();
        for user in 0..RECENT_ENTRIES_MAX + 10 {
            recent.put(&user.to_string(), "x", Identity::new("x", Role::Reader), 0);
        }
        assert_eq!(recent.entries.len(), RECENT_ENTRIES_MAX);
        recent.put("late", "x", Identity::new("x", Role::Reader), RECENT_TTL_MS);
        assert_eq!(recent.entries.len(), 1);
    }
}
