//! What somebody may want to do, and to what.

use std::fmt;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look.
    Read,
    /// Register, renew, update or deregister an instance as its owner.
    Register,
    /// Change what others registered: take out of service, deregister; publish or remove a
    /// configuration.
    Operate,
    /// Change routes, services' agreed records, users and tokens.
    Administer,
}

/// What it is done to, after routing and normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// The list of services, and changes of all of them.
    Services,
    /// One service and its instances. An empty group or name means all of them; an empty namespace
    /// is `public`.
    Service {
        /// Namespace.
        namespace: &'a str,
        /// Group.
        group: &'a str,
        /// Name.
        name: &'a str,
    },
    /// One configuration, its gray versions, history and listeners. An empty group or name means
    /// all of them (listings, searches, exports); an empty namespace is `public`.
    Configuration {
        /// Namespace.
        namespace: &'a str,
        /// Group.
        group: &'a str,
        /// Data id.
        name: &'a str,
    },
    /// The list of namespaces, and changes of it.
    Namespaces,
    /// Who is connected, and what each of them listens to or has registered.
    Clients,
    /// This node and its cluster: state, members, switches, load.
    Node,
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
    /// Users, roles, permissions, tokens and sessions.
    Access,
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
            Self::Configuration { namespace, group, name } => {
                write!(f, "configuration {namespace}/{group}/{name}")
            }
            Self::Namespaces => f.write_str("namespaces"),
            Self::Clients => f.write_str("clients"),
            Self::Node => f.write_str("node"),
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
