//! Identities, and the one table of who may do what.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::grants::Grant;
use crate::{Action, Resource};

/// Somebody who proved who they are. Cheap to clone and safe to keep: what their own roles grant is
/// looked up when it is asked for, and a changed or deleted user's identity is worth nothing from
/// that moment on.
#[derive(Clone)]
pub struct Identity {
    /// User or token name.
    pub name: Arc<str>,
    /// What they may do whatever their own roles say.
    pub role: Role,
    standing: Option<Arc<Standing>>,
    audited: bool,
}

/// A built-in set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Reads everything but access, changes instances, services and configurations, no routes.
    Operator,
    /// A program: reads the catalog, configurations and routes, registers itself, reports its
    /// calls.
    Service,
    /// Reads everything but access.
    Reader,
    /// Nothing but what their own roles grant.
    Member,
}

/// Whether it is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Answer 403.
    Denied,
}

/// What all clones of an identity share, and what changes under them.
#[derive(Default)]
pub(crate) struct Standing {
    ended: AtomicBool,
    grants: RwLock<Arc<[Grant]>>,
}

impl Identity {
    /// An identity with this name and role; only a door that has verified somebody may make one.
    #[must_use]
    pub fn new(name: &str, role: Role) -> Self {
        Self { name: name.into(), role, standing: None, audited: true }
    }

    /// Somebody unnamed, at a door that asks for no sign-in: an operator, whose writes are not
    /// written to the audit log because there is no name to write.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { audited: false, ..Self::new("anonymous", Role::Operator) }
    }

    /// Whether this is [`Identity::anonymous`].
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        !self.audited
    }

    /// Whether its user or token has been changed or deleted since: then sign in again.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| standing.ended.load(Ordering::Acquire))
    }

    /// What its own roles grant at present.
    #[must_use]
    pub fn grants(&self) -> Arc<[Grant]> {
        self.standing.as_ref().map_or_else(Arc::default, |standing| standing.grants.read().clone())
    }

    /// Whether something can no longer be done that could be when its grants were these: then what
    /// was opened on the strength of them must end.
    #[must_use]
    pub fn has_lost_any_of(&self, before: &Arc<[Grant]>) -> bool {
        let now = self.grants();
        let same = Arc::ptr_eq(&now, before);
        self.has_ended() || !same && before.iter().any(|grant| !now.contains(grant))
    }

    pub(crate) fn with_grants(name: &str, role: Role, grants: Arc<[Grant]>) -> Self {
        let standing = Standing { ended: AtomicBool::new(false), grants: RwLock::new(grants) };
        Self { standing: Some(Arc::new(standing)), ..Self::new(name, role) }
    }

    pub(crate) fn grant(&self, grants: Arc<[Grant]>) {
        if let Some(standing) = &self.standing {
            let mut now = standing.grants.write();
            if **now != *grants {
                *now = grants;
            }
        }
    }

    /// Whether both are of one user or token, as it is or was between two changes of it.
    #[must_use]
    pub fn shares(&self, other: &Self) -> bool {
        match (&self.standing, &other.standing) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }

    pub(crate) fn end(&self) {
        if let Some(standing) = &self.standing {
            standing.ended.store(true, Ordering::Release);
        }
    }

    /// The decision itself. What neither the table nor a grant names is denied.
    pub(crate) fn decide(&self, action: Action, resource: &Resource<'_>) -> Decision {
        if self.has_ended() {
            return Decision::Denied;
        }
        if decide(self.role, action, resource).is_allowed() {
            return Decision::Allowed;
        }
        let granted = self.standing.as_ref().is_some_and(|standing| {
            standing.grants.read().iter().any(|grant| grant.allows(action, resource))
        });
        if granted { Decision::Allowed } else { Decision::Denied }
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.role == other.role && self.grants() == other.grants()
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("name", &self.name).field("role", &self.role).finish()
    }
}

impl Decision {
    /// Whether to go on.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// The table. What it does not name is denied.
fn decide(role: Role, action: Action, resource: &Resource<'_>) -> Decision {
    use {Action as A, Resource as R, Role as O};
    let catalog = matches!(resource, R::Services | R::Service { .. });
    let configuration = matches!(resource, R::Configuration { .. });
    let routes = matches!(resource, R::Routes | R::Route(_));
    let access = matches!(resource, R::Access);
    let allowed = match (role, action) {
        (O::Admin, A::Read | A::Register | A::Operate | A::Administer) => true,
        (O::Operator | O::Reader, A::Read) => !access,
        (O::Operator, A::Register) => catalog,
        (O::Operator, A::Operate) => {
            catalog || configuration || matches!(resource, R::Namespaces | R::Node)
        }
        (O::Service, A::Read) => {
            catalog || configuration || routes || matches!(resource, R::Topology)
        }
        (O::Service, A::Register) => matches!(resource, R::Service { .. } | R::Topology),
        (O::Operator | O::Service | O::Reader | O::Member, _) => false,
    };
    if allowed { Decision::Allowed } else { Decision::Denied }
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Admin, Self::Operator, Self::Service, Self::Reader, Self::Member];

    /// `admin`, `operator`, `service`, `reader` or `member`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Service => "service",
            Self::Reader => "reader",
            Self::Member => "member",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rights;

    const SERVICE: Resource<'_> =
        Resource::Service { namespace: "public", group: "default", name: "stock" };
    const CONFIGURATION: Resource<'_> =
        Resource::Configuration { namespace: "public", group: "G", name: "a" };
    const ALL: [Resource<'_>; 13] = [
        Resource::Services,
        SERVICE,
        CONFIGURATION,
        Resource::Namespaces,
        Resource::Clients,
        Resource::Node,
        Resource::Routes,
        Resource::Route("shop"),
        Resource::Events,
        Resource::Topology,
        Resource::Overview,
        Resource::Metrics,
        Resource::Access,
    ];

    fn allowed(role: Role, action: Action) -> Vec<String> {
        let may = |resource: &&Resource<'_>| decide(role, action, resource).is_allowed();
        ALL.iter().filter(may).map(ToString::to_string).collect()
    }

    #[test]
    fn the_whole_table() {
        const STOCK: &str = "service public/default/stock";
        const PAPER: &str = "configuration public/G/a";
        for action in [Action::Read, Action::Register, Action::Operate, Action::Administer] {
            assert_eq!(allowed(Role::Admin, action).len(), ALL.len());
            assert!(allowed(Role::Member, action).is_empty());
        }
        for role in [Role::Operator, Role::Reader] {
            assert_eq!(allowed(role, Action::Read).len(), ALL.len() - 1);
            assert!(!decide(role, Action::Read, &Resource::Access).is_allowed());
            assert!(allowed(role, Action::Administer).is_empty());
        }
        assert_eq!(allowed(Role::Operator, Action::Register), ["services", STOCK]);
        let operate = ["services", STOCK, PAPER, "namespaces", "node"];
        assert_eq!(allowed(Role::Operator, Action::Operate), operate);
        assert!(allowed(Role::Reader, Action::Register).is_empty());
        assert!(allowed(Role::Reader, Action::Operate).is_empty());
        let read = ["services", STOCK, PAPER, "routes", "route shop", "topology"];
        assert_eq!(allowed(Role::Service, Action::Read), read);
        assert_eq!(allowed(Role::Service, Action::Register), [STOCK, "topology"]);
        assert!(allowed(Role::Service, Action::Operate).is_empty());
        assert!(allowed(Role::Service, Action::Administer).is_empty());
    }

    #[test]
    fn grants_add_to_the_role_and_follow_every_clone() {
        let read: Arc<[Grant]> = [Grant::new("public:*:*", Rights::Read).unwrap()].into();
        let member = Identity::with_grants("m", Role::Member, Arc::default());
        let clone = member.clone();
        assert!(!clone.decide(Action::Read, &SERVICE).is_allowed());
        member.grant(read);
        assert!(clone.decide(Action::Read, &SERVICE).is_allowed());
        assert!(!clone.decide(Action::Register, &SERVICE).is_allowed());
        assert!(!clone.decide(Action::Read, &Resource::Node).is_allowed());
    }

    #[test]
    fn what_was_taken_away_is_noticed_and_what_was_given_is_not_missed() {
        let grant = |text| Grant::new(text, Rights::Read).unwrap();
        let (one, two): (Arc<[_]>, Arc<[_]>) =
            ([grant("a:*:*")].into(), [grant("a:*:*"), grant("b:*:*")].into());
        let member = Identity::with_grants("m", Role::Member, one);
        let before = member.grants();
        member.grant(two.clone());
        assert!(!member.has_lost_any_of(&before));
        member.grant(two.iter().skip(1).cloned().collect());
        assert!(member.has_lost_any_of(&before));
        let now = member.grants();
        assert!(!member.has_lost_any_of(&now));
        member.end();
        assert!(member.has_lost_any_of(&now));
    }

    #[test]
    fn an_ended_identity_may_nothing_whatever_its_role() {
        let admin = Identity::with_grants("a", Role::Admin, Arc::default());
        let clone = admin.clone();
        admin.end();
        assert!(clone.has_ended() && !clone.decide(Action::Read, &SERVICE).is_allowed());
    }

    #[test]
    fn an_unnamed_operator_reaches_no_access() {
        let anonymous = Identity::anonymous();
        for action in [Action::Read, Action::Operate, Action::Administer] {
            assert!(!anonymous.decide(action, &Resource::Access).is_allowed());
        }
        assert!(anonymous.decide(Action::Operate, &CONFIGURATION).is_allowed());
        assert_eq!(Role::ALL.map(|role| Role::parse(role.as_str())), Role::ALL.map(Some));
    }
}
