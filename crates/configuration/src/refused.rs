//! Why a command is refused, by what the caller can do.

/// A command that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A field that must be there.
    #[error("the {what} is missing or blank; give one")]
    Missing {
        /// Which field.
        what: &'static str,
    },
    /// A field with characters that it may not have.
    #[error("the {what} has characters that it may not have; leave them out")]
    Characters {
        /// Which field.
        what: &'static str,
    },
    /// A field that is too long.
    #[error("the {what} is too long; shorten it to at most {max}")]
    TooLong {
        /// Which field.
        what: &'static str,
        /// How long it may be: bytes of contents and keys, characters of all else.
        max: usize,
    },
    /// Too many of something.
    #[error("too many of {what}; at most {max} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// What is published is not what the caller last saw.
    #[error("the configuration was changed by somebody else; read it and try again")]
    Conflict,
    /// The configuration has as many gray versions as it may have.
    #[error("the configuration has {max} gray versions; stop one of them first")]
    GraysTooMany {
        /// How many there may be.
        max: usize,
    },
    /// A quota is used up.
    #[error("{kind} allows {max}; remove something, or raise the quota")]
    Quota {
        /// Which one.
        kind: QuotaKind,
        /// What it allows: configurations, or bytes of one.
        max: u64,
    },
    /// Not there.
    #[error("no such {what}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
}

/// Whose quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaKind {
    /// Configurations of the whole server.
    Cluster,
    /// Configurations of a group.
    Group,
    /// Configurations of a namespace.
    Namespace,
    /// Bytes of one configuration.
    Size,
}

impl std::fmt::Display for QuotaKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cluster => "the quota of the server",
            Self::Group => "the quota of the group",
            Self::Namespace => "the quota of the namespace",
            Self::Size => "the quota for one configuration's bytes",
        })
    }
}
