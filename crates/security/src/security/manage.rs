//! Changes of users, roles, permissions and tokens while the server runs: each is on disk before it
//! counts, and none is half made.

use super::Security;
use crate::limits::{
    GRANTS_PER_ROLE_MAX, ROLES_MAX, ROLES_PER_USER_MAX, TOKENS_MAX, USER_BYTES_MAX, USERS_MAX,
};
use crate::store::{Stored, StoredRole, StoredToken, StoredUser};
use crate::{ChangeError, Grant, Identity, Role, Secret, password, tokens};

/// A user as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// Name.
    pub name: String,
    /// What the user may do whatever their own roles say.
    pub role: Role,
    /// Their roles, by name.
    pub roles: Vec<String>,
}

/// A role of one's own as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleInfo {
    /// Name.
    pub name: String,
    /// What it grants.
    pub grants: Vec<Grant>,
    /// Users who have it.
    pub users: Vec<String>,
}

/// A token as a list shows it: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Name, for the audit.
    pub name: String,
    /// What its holder may do whatever its own roles say.
    pub role: Role,
    /// Its roles, by name.
    pub roles: Vec<String>,
    /// The user with whom it ends.
    pub owner: Option<String>,
    /// First characters of its SHA-256, to tell tokens apart.
    pub fingerprint: String,
    /// Whether it is kept in a file of the data folder; such a token is replaced by removing the
    /// file and starting again.
    pub in_file: bool,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Name, for the audit.
    pub name: String,
    /// What its holder may do whatever its own roles say.
    pub role: Role,
    /// Its roles, by name.
    pub roles: Vec<String>,
    /// The user with whom it ends, if any.
    pub owner: Option<String>,
}

impl Security {
    /// Users, by name.
    #[must_use]
    pub fn users(&self) -> Vec<UserInfo> {
        let info = |user: &StoredUser| UserInfo {
            name: user.name.clone(),
            role: user.role,
            roles: user.roles.clone(),
        };
        let mut users: Vec<_> = self.0.directory.read().stored.users.iter().map(info).collect();
        users.sort_unstable_by(|one, two| one.name.cmp(&two.name));
        users
    }

    /// Whether anybody is an administrator. Always true: a server starts with one and keeps one.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        self.0.directory.read().stored.users.iter().any(|user| user.role == Role::Admin)
    }

    /// Roles of one's own, by name.
    #[must_use]
    pub fn roles(&self) -> Vec<RoleInfo> {
        let directory = self.0.directory.read();
        let stored = &directory.stored;
        let info = |role: &StoredRole| {
            let has = |user: &&StoredUser| user.roles.contains(&role.name);
            let mut users: Vec<_> =
                stored.users.iter().filter(has).map(|user| user.name.clone()).collect();
            users.sort_unstable();
            RoleInfo { name: role.name.clone(), grants: role.grants.clone(), users }
        };
        let mut roles: Vec<_> = stored.roles.iter().map(info).collect();
        roles.sort_unstable_by(|one, two| one.name.cmp(&two.name));
        roles
    }

    /// Tokens, without their secrets, in the order in which they were made.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenInfo> {
        let info = |token: &StoredToken| TokenInfo {
            name: token.name.clone(),
            role: token.role,
            roles: token.roles.clone(),
            owner: token.owner.clone(),
            fingerprint: token.sha256.chars().take(8).collect(),
            in_file: tokens::has_file(&token.name),
        };
        self.0.directory.read().stored.tokens.iter().map(info).collect()
    }

    /// Adds a user. Blocks for the time of a password hash.
    ///
    /// # Errors
    /// When the name or password cannot be used, the name is taken, or it cannot be saved.
    pub fn create_user(
        &self,
        by: &Identity,
        name: &str,
        password: &str,
        role: Role,
    ) -> Result<(), ChangeError> {
        check_name(name)?;
        let password = self.hashed(password)?;
        self.change(by, "create user", name, |stored| {
            if stored.users.iter().any(|user| user.name == name) {
                return Err(exists("user", name));
            }
            room("users", stored.users.len(), USERS_MAX)?;
            let (name, roles) = (name.to_owned(), Vec::new());
            stored.users.push(StoredUser { name, role, password, roles, changes: 0 });
            Ok(())
        })
    }

    /// Gives a user another password, which ends their sessions and signed tokens.
    ///
    /// # Errors
    /// When there is no such user, the password cannot be used, or it cannot be saved.
    pub fn set_password(
        &self,
        by: &Identity,
        name: &str,
        password: &str,
    ) -> Result<(), ChangeError> {
        let password = self.hashed(password)?;
        self.change(by, "set password", name, |stored| {
            let user = user_in(stored, name)?;
            user.password = password;
            user.changes += 1;
            Ok(())
        })
    }

    /// Gives a user another built-in role, which ends their sessions and signed tokens.
    ///
    /// # Errors
    /// When there is no such user, no administrator would be left, or it cannot be saved.
    pub fn set_role(&self, by: &Identity, name: &str, role: Role) -> Result<(), ChangeError> {
        self.change(by, "set role", name, |stored| {
            if role != Role::Admin {
                not_the_last_admin(stored, name)?;
            }
            let user = user_in(stored, name)?;
            user.role = role;
            user.changes += 1;
            Ok(())
        })
    }

    /// Removes a user, and ends their sessions, signed tokens and the access tokens they own.
    ///
    /// # Errors
    /// When there is no such user, no administrator would be left, or it cannot be saved.
    pub fn delete_user(&self, by: &Identity, name: &str) -> Result<(), ChangeError> {
        self.change(by, "delete user", name, |stored| {
            user_in(stored, name)?;
            not_the_last_admin(stored, name)?;
            stored.users.retain(|user| user.name != name);
            stored.tokens.retain(|token| token.owner.as_deref() != Some(name));
            Ok(())
        })
    }

    /// Adds a role without permissions.
    ///
    /// # Errors
    /// When the name cannot be used or is taken, or it cannot be saved.
    pub fn create_role(&self, by: &Identity, role: &str) -> Result<(), ChangeError> {
        check_name(role)?;
        self.change(by, "create role", role, |stored| {
            if stored.roles.iter().any(|known| known.name == role) {
                return Err(exists("role", role));
            }
            add_role(stored, role)
        })
    }

    /// Removes a role from everybody who has it.
    ///
    /// # Errors
    /// When there is no such role, or it cannot be saved.
    pub fn delete_role(&self, by: &Identity, role: &str) -> Result<(), ChangeError> {
        self.change(by, "delete role", role, |stored| {
            role_in(stored, role)?;
            stored.roles.retain(|known| known.name != role);
            stored.users.iter_mut().for_each(|user| user.roles.retain(|has| has != role));
            stored.tokens.iter_mut().for_each(|token| token.roles.retain(|has| has != role));
            Ok(())
        })
    }

    /// Gives a user a role, which is made if there is none of that name.
    ///
    /// # Errors
    /// When there is no such user, the user has it already, or it cannot be saved.
    pub fn bind_role(&self, by: &Identity, role: &str, name: &str) -> Result<(), ChangeError> {
        check_name(role)?;
        self.change(by, "give role", &format!("{role} to {name}"), |stored| {
            user_in(stored, name)?;
            if !stored.roles.iter().any(|known| known.name == role) {
                add_role(stored, role)?;
            }
            let user = user_in(stored, name)?;
            if user.roles.iter().any(|has| has == role) {
                return Err(exists("role", role));
            }
            room("roles of one user", user.roles.len(), ROLES_PER_USER_MAX)?;
            user.roles.push(role.to_owned());
            Ok(())
        })
    }

    /// Takes a role from a user.
    ///
    /// # Errors
    /// When the user does not have it, or it cannot be saved.
    pub fn unbind_role(&self, by: &Identity, role: &str, name: &str) -> Result<(), ChangeError> {
        self.change(by, "take role", &format!("{role} from {name}"), |stored| {
            let user = user_in(stored, name)?;
            if !user.roles.iter().any(|has| has == role) {
                return Err(unknown("role", role));
            }
            user.roles.retain(|has| has != role);
            Ok(())
        })
    }

    /// Adds a permission to a role.
    ///
    /// # Errors
    /// When there is no such role, it has that permission, or it cannot be saved.
    pub fn grant(&self, by: &Identity, role: &str, grant: Grant) -> Result<(), ChangeError> {
        self.change(by, "grant", &told(role, &grant), |stored| {
            let grants = &mut role_in(stored, role)?.grants;
            if grants.contains(&grant) {
                return Err(exists("permission", &grant.resource.to_string()));
            }
            room("permissions of one role", grants.len(), GRANTS_PER_ROLE_MAX)?;
            grants.push(grant);
            Ok(())
        })
    }

    /// Takes a permission from a role.
    ///
    /// # Errors
    /// When the role does not have it, or it cannot be saved.
    pub fn revoke(&self, by: &Identity, role: &str, grant: &Grant) -> Result<(), ChangeError> {
        self.change(by, "revoke", &told(role, grant), |stored| {
            let grants = &mut role_in(stored, role)?.grants;
            let before = grants.len();
            grants.retain(|known| known != grant);
            if grants.len() == before {
                return Err(unknown("permission", &grant.resource.to_string()));
            }
            Ok(())
        })
    }

    /// Makes an access token: the only time that it can be seen.
    ///
    /// # Errors
    /// When the name cannot be used or is taken, there is no such role or owner, or it cannot be
    /// saved.
    pub fn create_token(&self, by: &Identity, token: NewToken) -> Result<Secret, ChangeError> {
        check_name(&token.name)?;
        let (secret, sha256) = tokens::make()?;
        let told = format!("{} ({})", token.name, token.role.as_str());
        self.change(by, "create token", &told, |stored| {
            let NewToken { name, role, roles, owner } = token;
            if stored.tokens.iter().any(|known| known.name == name) || tokens::has_file(&name) {
                return Err(exists("token", &name));
            }
            room("tokens", stored.tokens.len(), TOKENS_MAX)?;
            room("roles of one token", roles.len(), ROLES_PER_USER_MAX + 1)?;
            for role in &roles {
                role_in(stored, role)?;
            }
            if let Some(owner) = &owner {
                user_in(stored, owner)?;
            }
            stored.tokens.push(StoredToken { name, role, sha256, roles, owner });
            Ok(())
        })?;
        Ok(secret)
    }

    /// Ends an access token.
    ///
    /// # Errors
    /// When there is no such token, it is kept in a file, or it cannot be saved.
    pub fn revoke_token(&self, by: &Identity, name: &str) -> Result<(), ChangeError> {
        self.change(by, "revoke token", name, |stored| {
            if tokens::has_file(name) {
                let why = "it is kept in a file; remove the file and start again to replace it";
                return Err(ChangeError::Protected { name: name.to_owned(), why });
            }
            let before = stored.tokens.len();
            stored.tokens.retain(|token| token.name != name);
            if stored.tokens.len() == before { Err(unknown("token", name)) } else { Ok(()) }
        })
    }

    fn hashed(&self, password: &str) -> Result<String, ChangeError> {
        password::check(password)?;
        Ok(self.0.hasher.hash(password)?)
    }

    /// Makes a change: whole, saved, then in force, then in the audit log.
    fn change(
        &self,
        by: &Identity,
        what: &str,
        which: &str,
        make: impl FnOnce(&mut Stored) -> Result<(), ChangeError>,
    ) -> Result<(), ChangeError> {
        let changing = self.0.changing.lock();
        let mut next = self.0.directory.read().stored.clone();
        make(&mut next)?;
        if let Some(dir) = &self.0.dir {
            next.save(dir)?;
        }
        let mut directory = self.0.directory.write();
        let after = directory.followed_by(next);
        directory.end_all_but(&after);
        *directory = after;
        drop(directory);
        drop(changing);
        tracing::info!(target: "rialto::audit", identity = %by.name, ?which, "{what}");
        Ok(())
    }
}

/// Names end up in logs, in URLs and before the colon of Basic credentials.
fn check_name(name: &str) -> Result<(), ChangeError> {
    let sound = !name.is_empty()
        && name.len() <= USER_BYTES_MAX
        && name.trim() == name
        && !name.chars().any(|char| char.is_control() || char == ':');
    if sound {
        return Ok(());
    }
    Err(ChangeError::Name(name.chars().take(USER_BYTES_MAX).collect()))
}

/// Words that mean built-in rights are not given to roles of one's own.
fn add_role(stored: &mut Stored, role: &str) -> Result<(), ChangeError> {
    if role.eq_ignore_ascii_case("ROLE_ADMIN") || Role::parse(role).is_some() {
        let why = "the name belongs to a built-in role";
        return Err(ChangeError::Protected { name: role.to_owned(), why });
    }
    room("roles", stored.roles.len(), ROLES_MAX)?;
    stored.roles.push(StoredRole { name: role.to_owned(), grants: Vec::new() });
    Ok(())
}

fn not_the_last_admin(stored: &Stored, name: &str) -> Result<(), ChangeError> {
    let another = stored.users.iter().any(|user| user.role == Role::Admin && user.name != name);
    if another {
        return Ok(());
    }
    let why = "no administrator would be left; make another one first";
    Err(ChangeError::Protected { name: name.to_owned(), why })
}

fn user_in<'a>(stored: &'a mut Stored, name: &str) -> Result<&'a mut StoredUser, ChangeError> {
    let found = stored.users.iter_mut().find(|user| user.name == name);
    found.ok_or_else(|| unknown("user", name))
}

fn role_in<'a>(stored: &'a mut Stored, name: &str) -> Result<&'a mut StoredRole, ChangeError> {
    let found = stored.roles.iter_mut().find(|role| role.name == name);
    found.ok_or_else(|| unknown("role", name))
}

fn room(what: &'static str, used: usize, max: usize) -> Result<(), ChangeError> {
    if used < max { Ok(()) } else { Err(ChangeError::TooMany { what, max }) }
}

fn exists(what: &'static str, name: &str) -> ChangeError {
    ChangeError::Exists { what, name: name.to_owned() }
}

fn unknown(what: &'static str, name: &str) -> ChangeError {
    let name = name.chars().take(USER_BYTES_MAX).collect();
    ChangeError::Unknown { what, name }
}

fn told(role: &str, grant: &Grant) -> String {
    format!("{role}: {} {}", grant.rights.as_str(), grant.resource)
}

#[cfg(test)]
mod tests;
