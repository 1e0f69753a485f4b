//! How much may be published: defaults for all, and exceptions for one namespace or group.

/// What may be published where nothing else was set. Off unless enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Whether quotas are enforced at all.
    pub enabled: bool,
    /// Configurations of the server.
    pub cluster_max: u64,
    /// Configurations of one namespace.
    pub namespace_max: u64,
    /// Configurations of one group of the public namespace.
    pub group_max: u64,
    /// Bytes of one configuration.
    pub bytes_max: u64,
}

/// Whose exception.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A namespace's.
    Namespace(String),
    /// A group's, within the public namespace.
    Group(String),
}

/// An exception; zero is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// Configurations.
    pub configs_max: u64,
    /// Bytes of one.
    pub bytes_max: u64,
}

/// How much is used of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Configurations that are there.
    pub used: u64,
    /// What applies, with the defaults filled in.
    pub capacity: Capacity,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            enabled: false,
            cluster_max: 100_000,
            namespace_max: 200,
            group_max: 200,
            bytes_max: 100 * 1024,
        }
    }
}

impl Quotas {
    /// What applies to a scope, given its exception.
    pub(crate) fn of(&self, scope: &Scope, exception: Option<Capacity>) -> Capacity {
        let exception = exception.unwrap_or_default();
        let configs_max = match scope {
            Scope::Namespace(_) => self.namespace_max,
            Scope::Group(_) => self.group_max,
        };
        let or = |set: u64, default| if set == 0 { default } else { set };
        Capacity {
            configs_max: or(exception.configs_max, configs_max),
            bytes_max: or(exception.bytes_max, self.bytes_max),
        }
    }
}
