//! Users and tokens in memory, as the state file has them, each with the identity that it gives.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Identity;
use crate::limits::TOKEN_BYTES_MAX;
use crate::store::{Stored, StoredToken, StoredUser};
use crate::tokens::digest;

/// Everybody who may sign in. Replaced as a whole by each change.
pub(crate) struct Directory {
    pub(crate) stored: Stored,
    users: HashMap<String, Arc<Known>>,
    tokens: HashMap<[u8; 32], Identity>,
}

/// A user, with what proves it.
pub(crate) struct Known {
    pub(crate) identity: Identity,
    pub(crate) password: String,
    pub(crate) changes: u64,
}

impl Directory {
    pub(crate) fn new(stored: Stored) -> Self {
        Self { users: HashMap::new(), tokens: HashMap::new(), stored: Stored::default() }
            .followed_by(stored)
    }

    /// The directory after a change. Identities of users and tokens that are the same go on, with
    /// what they are granted now; [`Directory::end_all_but`] ends the others.
    pub(crate) fn followed_by(&self, stored: Stored) -> Self {
        let user = |user: &StoredUser| {
            let grants: Arc<[_]> = stored.grants_of(&user.roles).into();
            let same = self.users.get(&user.name).filter(|known| known.is(user));
            let known = match same {
                Some(known) => {
                    known.identity.grant(grants);
                    known.clone()
                }
                None => Arc::new(Known {
                    identity: Identity::with_grants(&user.name, user.role, grants),
                    password: user.password.clone(),
                    changes: user.changes,
                }),
            };
            (user.name.clone(), known)
        };
        let token = |token: &StoredToken| {
            let digest: [u8; 32] = hex::decode(&token.sha256).ok()?.try_into().ok()?;
            let grants: Arc<[_]> = stored.grants_of(&token.roles).into();
            let same = (self.tokens.get(&digest))
                .filter(|known| known.role == token.role && *known.name == *token.name);
            let identity = match same {
                Some(identity) => {
                    identity.grant(grants);
                    identity.clone()
                }
                None => Identity::with_grants(&token.name, token.role, grants),
            };
            Some((digest, identity))
        };
        let users = stored.users.iter().map(user).collect();
        let tokens = stored.tokens.iter().filter_map(token).collect();
        Self { users, tokens, stored }
    }

    /// Ends every identity that the next directory does not go on with.
    pub(crate) fn end_all_but(&self, next: &Self) {
        for (name, known) in &self.users {
            let goes_on = next.users.get(name).is_some_and(|other| Arc::ptr_eq(known, other));
            if !goes_on {
                known.identity.end();
            }
        }
        for (digest, identity) in &self.tokens {
            let goes_on = next.tokens.get(digest).is_some_and(|other| identity.shares(other));
            if !goes_on {
                identity.end();
            }
        }
    }

    pub(crate) fn user(&self, name: &str) -> Option<Arc<Known>> {
        self.users.get(name).cloned()
    }

    /// Whom the token belongs to. Looked up by digest, so the duration says nothing about the
    /// token.
    pub(crate) fn token(&self, token: &str) -> Option<Identity> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        self.tokens.get(&digest(token)).cloned()
    }
}

impl Known {
    fn is(&self, user: &StoredUser) -> bool {
        self.changes == user.changes
            && self.identity.role == user.role
            && self.password == user.password
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoredRole;
    use crate::{Grant, Rights, Role};

    fn stored(changes: u64, roles: &[&str]) -> Stored {
        let user = StoredUser {
            name: "m".into(),
            role: Role::Member,
            password: "$x".into(),
            roles: roles.iter().map(ToString::to_string).collect(),
            changes,
        };
        let grants = vec![Grant::new("public:*:*", Rights::Read).unwrap()];
        let role = StoredRole { name: "r".into(), grants };
        Stored { users: vec![user], roles: vec![role], ..Stored::default() }
    }

    fn change(from: &Directory, to: Stored) -> Directory {
        let next = from.followed_by(to);
        from.end_all_but(&next);
        next
    }

    #[test]
    fn a_role_given_reaches_identities_in_use_and_a_change_ends_them() {
        let first = Directory::new(stored(0, &[]));
        let identity = first.user("m").unwrap().identity.clone();
        assert!(identity.grants().is_empty());
        let second = change(&first, stored(0, &["r"]));
        assert_eq!(identity.grants().len(), 1);
        let third = change(&second, stored(1, &["r"]));
        assert!(identity.has_ended());
        let identity = third.user("m").unwrap().identity.clone();
        assert!(!identity.has_ended());
        change(&third, Stored::default());
        assert!(identity.has_ended());
    }

    #[test]
    fn a_token_is_found_by_its_digest_until_it_is_revoked() {
        let token = StoredToken {
            name: "ci".into(),
            role: Role::Reader,
            sha256: hex::encode(digest("rialto_ci")),
            roles: Vec::new(),
            owner: None,
        };
        let with = Stored { tokens: vec![token], ..Stored::default() };
        let first = Directory::new(with);
        let identity = first.token("rialto_ci").unwrap();
        assert!(first.token("rialto_c").is_none() && first.token("").is_none());
        assert!(first.token(&"x".repeat(TOKEN_BYTES_MAX + 1)).is_none());
        let second = change(&first, Stored::default());
        assert!(second.token("rialto_ci").is_none() && identity.has_ended());
    }
}
