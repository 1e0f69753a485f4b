//! Users with new passwords, their roles, and what the roles may do.

use rand::Rng as _;
use rand::distr::Alphanumeric;

use super::copy::Copy;
use super::model::{ADMIN_ROLE, Permission, Role};
use super::report::Kind;
use crate::exit::Failure;

/// Letters and digits of a new password: about 119 bits of chance.
const PASSWORD_CHARS: usize = 20;

impl Copy {
    /// Copies users, roles and permissions.
    pub(super) async fn accounts(&mut self) -> Result<(), Failure> {
        let users = self.source.users().await;
        let Some(Some(users)) = self.unless_refused("users", users)? else {
            self.report.left("users, roles and permissions: the source does not tell them");
            return Ok(());
        };
        for (done, user) in users.iter().enumerate() {
            self.progress.at(Kind::User, done, users.len(), user);
            self.user(user).await?;
        }
        let roles = self.source.roles().await;
        for role in self.unless_refused("roles", roles)?.flatten().unwrap_or_default() {
            self.role(&role).await?;
        }
        let permissions = self.source.permissions().await;
        let permissions = self.unless_refused("permissions", permissions)?.flatten();
        for permission in permissions.unwrap_or_default() {
            self.permission(&permission).await?;
        }
        Ok(())
    }

    async fn user(&mut self, name: &str) -> Result<(), Failure> {
        let item = format!("user {name}");
        let is_there = self.target.has_user(name).await;
        match self.unless_refused(&item, is_there)? {
            Some(true) => self.report.unchanged(Kind::User),
            Some(false) => {
                let password = new_password();
                let result = self.target.add_user(name, &password).await;
                if self.unless_refused(&item, result)?.is_some() {
                    self.report.password(name, password);
                    self.report.carried(Kind::User);
                }
            }
            None => {}
        }
        Ok(())
    }

    async fn role(&mut self, role: &Role) -> Result<(), Failure> {
        let Role { role: name, user } = role;
        let item = format!("role {name} of user {user}");
        if name == ADMIN_ROLE {
            self.report.left(format!("{item}: make an administrator in the console"));
            return Ok(());
        }
        let is_there = self.target.has_role(role).await;
        let Some(is_there) = self.unless_refused(&item, is_there)? else { return Ok(()) };
        if is_there {
            self.report.unchanged(Kind::Role);
            return Ok(());
        }
        let result = self.target.add_role(role).await;
        self.settle(Kind::Role, &item, "", result)
    }

    async fn permission(&mut self, permission: &Permission) -> Result<(), Failure> {
        let Permission { role, resource, action } = permission;
        let item = format!("permission {action} on {resource} of role {role}");
        let is_there = self.target.has_permission(permission).await;
        let Some(is_there) = self.unless_refused(&item, is_there)? else { return Ok(()) };
        if is_there {
            self.report.unchanged(Kind::Permission);
            return Ok(());
        }
        let result = self.target.add_permission(permission).await;
        self.settle(Kind::Permission, &item, "", result)
    }
}

fn new_password() -> String {
    let mut chance = rand::rng();
    (0..PASSWORD_CHARS).map(|_| char::from(chance.sample(Alphanumeric))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_are_long() {
        let (one, other) = (new_password(), new_password());
        assert_eq!(one.len(), PASSWORD_CHARS);
        assert_ne!(one, other);
    }
}
