//! Sign-in sessions of browsers, in memory.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::limits::{SESSION_ABSOLUTE_MS, SESSION_IDLE_MS, SESSIONS_MAX};
use crate::{Error, Identity, Secret};

/// What a successful sign-in hands to the browser.
pub struct NewSession {
    /// Value of the session cookie: send it HttpOnly and SameSite=Strict.
    pub cookie: Secret,
    /// Value that each form must send back.
    pub csrf: Secret,
    /// Who signed in.
    pub identity: Identity,
}

/// A session that a request belongs to.
#[derive(Clone)]
pub struct Session {
    /// Who signed in.
    pub identity: Identity,
    /// Value that each form must send back; compare with [`Secret::matches`].
    pub csrf: Secret,
    /// When it ends whatever happens, on the clock of [`crate::Security`].
    pub ends_ms: u64,
}

/// Keyed by the digest of the cookie: memory holds nothing that signs anybody in, and a look-up's
/// duration says nothing about the cookie.
#[derive(Default)]
pub(crate) struct Sessions {
    table: HashMap<[u8; 32], Entry>,
}

struct Entry {
    session: Session,
    used_ms: u64,
}

impl Sessions {
    pub(crate) fn begin(&mut self, identity: Identity, now_ms: u64) -> Result<NewSession, Error> {
        let cookie = Secret::random()?;
        let csrf = Secret::random()?;
        self.table.retain(|_, entry| entry.lives(now_ms));
        if self.table.len() >= SESSIONS_MAX
            && let Some(oldest) =
                self.table.iter().min_by_key(|(_, entry)| entry.used_ms).map(|(key, _)| *key)
        {
            self.table.remove(&oldest);
        }
        let ends_ms = now_ms + SESSION_ABSOLUTE_MS;
        let session = Session { identity: identity.clone(), csrf: csrf.clone(), ends_ms };
        self.table.insert(digest(cookie.reveal()), Entry { session, used_ms: now_ms });
        Ok(NewSession { cookie, csrf, identity })
    }

    /// The session, if it lives. `touch` counts as use.
    pub(crate) fn find(&mut self, cookie: &str, now_ms: u64, touch: bool) -> Option<Session> {
        let key = digest(cookie);
        let entry = self.table.get_mut(&key)?;
        if !entry.lives(now_ms) {
            self.table.remove(&key);
            return None;
        }
        if touch {
            entry.used_ms = now_ms;
        }
        Some(entry.session.clone())
    }

    pub(crate) fn end(&mut self, cookie: &str) -> Option<Identity> {
        self.table.remove(&digest(cookie)).map(|entry| entry.session.identity)
    }

    pub(crate) fn count(&self, now_ms: u64) -> usize {
        self.table.values().filter(|entry| entry.lives(now_ms)).count()
    }
}

impl Entry {
    fn lives(&self, now_ms: u64) -> bool {
        now_ms < self.session.ends_ms
            && now_ms.saturating_sub(self.used_ms) < SESSION_IDLE_MS
            && !self.session.identity.has_ended()
    }
}

fn digest(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn begin(sessions: &mut Sessions, now_ms: u64) -> NewSession {
        sessions.begin(Identity::new("admin", Role::Admin), now_ms).unwrap()
    }

    #[test]
    fn ends_when_idle() {
        let mut sessions = Sessions::default();
        let cookie = begin(&mut sessions, 0).cookie;
        let just_before = SESSION_IDLE_MS - 1;
        assert!(sessions.find(cookie.reveal(), just_before, true).is_some());
        assert!(sessions.find(cookie.reveal(), just_before * 2, false).is_some());
        assert!(sessions.find(cookie.reveal(), just_before + SESSION_IDLE_MS, true).is_none());
        assert!(sessions.table.is_empty());
    }

    #[test]
    fn ends_after_its_longest_life_however_busy() {
        let mut sessions = Sessions::default();
        let cookie = begin(&mut sessions, 0).cookie;
        let mut now_ms = 0;
        while now_ms + SESSION_IDLE_MS / 2 < SESSION_ABSOLUTE_MS {
            now_ms += SESSION_IDLE_MS / 2;
            assert!(sessions.find(cookie.reveal(), now_ms, true).is_some());
        }
        assert!(sessions.find(cookie.reveal(), SESSION_ABSOLUTE_MS, true).is_none());
    }

    #[test]
    fn is_bounded_and_drops_the_one_unused_longest() {
        let mut sessions = Sessions::default();
        let first = begin(&mut sessions, 0).cookie;
        let second = begin(&mut sessions, 1).cookie;
        for _ in 2..SESSIONS_MAX {
            begin(&mut sessions, 2);
        }
        assert!(sessions.find(first.reveal(), 3, true).is_some());
        begin(&mut sessions, 4);
        assert_eq!(sessions.count(4), SESSIONS_MAX);
        assert!(sessions.find(second.reveal(), 4, true).is_none());
        assert!(sessions.find(first.reveal(), 4, true).is_some());
    }

    #[test]
    fn signing_out_ends_it_and_a_guess_finds_nothing() {
        let mut sessions = Sessions::default();
        let new = begin(&mut sessions, 0);
        assert!(sessions.find("", 0, true).is_none());
        assert!(sessions.find(new.csrf.reveal(), 0, true).is_none());
        assert!(sessions.end(new.cookie.reveal()).is_some());
        assert!(sessions.find(new.cookie.reveal(), 0, true).is_none());
    }
}
