//! Identities, and the one table of who may do what.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User or token name.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Reads everything but access, changes instances and services, no routes.
    Operator,
    /// A program: reads the catalog and routes, registers itself, reports its calls.
    Service,
    /// Reads everything but access.
    Reader,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look.
    Read,
    /// Register, renew, update or deregister an instance as its owner.
    Register,
    /// Change what others registered: take out of service, deregister.
    Operate,
    /// Change routes, services' agreed records, users and tokens.
    Administer,
}

/// What it is done to, after routing and normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// The list of services, and changes of all of them.
    Services,
    /// One service and its instances.
    Service {
        /// Namespace.
        namespace: &'a str,
        /// Group.
        group: &'a str,
        /// Name.
        name: &'a str,
    },
    /// The list of gateway routes.
    Routes,
    /// One gateway route.
    Route(&'a str),
    /// The event stream.
    Events,
    /// Who calls whom.
    Topology,
    /// The node at a glance.
    Overview,
    /// Prometheus metrics.
    Metrics,
    /// Users, tokens and sessions.
    Access,
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

impl Identity {
    /// An identity with this name and role; only a door that has verified somebody may make one.
    #[must_use]
    pub fn new(name: &str, role: Role) -> Self {
        Self { name: name.into(), role }
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
pub(crate) fn decide(role: Role, action: Action, resource: &Resource<'_>) -> Decision {
    use {Action as A, Resource as R, Role as O};
    let catalog = matches!(resource, R::Services | R::Service { .. });
    let routes = matches!(resource, R::Routes | R::Route(_));
    let access = matches!(resource, R::Access);
    let allowed = match (role, action) {
        (O::Admin, A::Read | A::Register | A::Operate | A::Administer) => true,
        (O::Operator | O::Reader, A::Read) => !access,
        (O::Operator, A::Register | A::Operate) => catalog,
        (O::Service, A::Read) => catalog || routes || matches!(resource, R::Topology),
        (O::Service, A::Register) => matches!(resource, R::Service { .. } | R::Topology),
        (O::Operator | O::Service | O::Reader, _) => false,
    };
    if allowed { Decision::Allowed } else { Decision::Denied }
}

impl Role {
    /// `admin`, `operator`, `service` or `reader`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Service => "service",
            Self::Reader => "reader",
        }
    }
}

impl Action {
    /// `read`, `register`, `operate` or `administer`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Register => "register",
            Self::Operate => "operate",
            Self::Administer => "administer",
        }
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Services => f.write_str("services"),
            Self::Service { namespace, group, name } => {
                write!(f, "service {namespace}/{group}/{name}")
            }
            Self::Routes => f.write_str("routes"),
            Self::Route(id) => write!(f, "route {id}"),
            Self::Events => f.write_str("events"),
            Self::Topology => f.write_str("topology"),
            Self::Overview => f.write_str("overview"),
            Self::Metrics => f.write_str("metrics"),
            Self::Access => f.write_str("access"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Resource<'_> =
        Resource::Service { namespace: "public", group: "default", name: "stock" };
    const ALL: [Resource<'_>; 9] = [
        Resource::Services,
        SERVICE,
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
        for action in [Action::Read, Action::Register, Action::Operate, Action::Administer] {
            assert_eq!(allowed(Role::Admin, action).len(), ALL.len());
        }
        for role in [Role::Operator, Role::Reader] {
            assert_eq!(allowed(role, Action::Read).len(), ALL.len() - 1);
            assert!(!decide(role, Action::Read, &Resource::Access).is_allowed());
            assert!(allowed(role, Action::Administer).is_empty());
        }
        assert_eq!(allowed(Role::Operator, Action::Operate), ["services", STOCK]);
        assert!(allowed(Role::Reader, Action::Register).is_empty());
        assert!(allowed(Role::Reader, Action::Operate).is_empty());
        let read = ["services", STOCK, "routes", "route shop", "topology"];
        assert_eq!(allowed(Role::Service, Action::Read), read);
        assert_eq!(allowed(Role::Service, Action::Register), [STOCK, "topology"]);
        assert!(allowed(Role::Service, Action::Operate).is_empty());
        assert!(allowed(Role::Service, Action::Administer).is_empty());
    }
}
