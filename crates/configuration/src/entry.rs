//! A published configuration with its gray versions, and which of them somebody sees.

use std::sync::Arc;

use crate::command::{Meta, Origin};
use crate::content::{Content, Kind, Md5};
use crate::key::ConfigKey;

/// Name and priority of the version for listed addresses.
const BETA: &str = "beta";

/// A configuration: what all see, and what only some see.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Never used again, also after removal.
    pub id: u64,
    /// What it is called.
    pub key: ConfigKey,
    /// What all see; absent when only gray versions are published.
    pub formal: Option<Formal>,
    /// By descending priority, then by name.
    pub grays: Vec<Gray>,
}

/// What all see, with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Formal {
    /// What a reader gets.
    pub effective: Arc<Effective>,
    /// What else was said about it.
    pub meta: Meta,
    /// When it was first published, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Who published it last.
    pub origin: Origin,
    /// Kept encrypted on disk, and shown only to those who may.
    pub secret: bool,
}

/// A version that only some see.
#[derive(Debug, Clone, PartialEq)]
pub struct Gray {
    /// Who sees it.
    pub rule: Rule,
    /// What they get.
    pub effective: Arc<Effective>,
    /// The application's name.
    pub app_name: String,
    /// Who published it last.
    pub origin: Origin,
    /// As of [`Formal::secret`].
    pub secret: bool,
}

/// What one reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The text and its digest.
    pub content: Content,
    /// The type, which is that of the formal version also for gray ones.
    pub kind: Kind,
    /// The key that an encrypted text comes with; empty when there is none.
    pub encrypted_data_key: Box<str>,
    /// When it was last published, in milliseconds since the epoch.
    pub modified_ms: u64,
    /// The rule by which the reader sees it; absent for the formal version.
    pub rule: Option<Arc<Rule>>,
}

/// Who sees a gray version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Clients with one of these addresses, before all other rules.
    Beta {
        /// Separated by commas, as given.
        ips: String,
    },
    /// Clients that say this tag.
    Tag {
        /// The tag.
        tag: String,
    },
}

/// What is known of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labels<'a> {
    /// The address that the client says it has, or that it comes from.
    pub client_ip: &'a str,
    /// The tag that it says; blank for none.
    pub tag: &'a str,
}

// === impl Entry ===

impl Entry {
    /// What a reader with these labels gets.
    #[must_use]
    pub fn effective(&self, labels: &Labels<'_>) -> Option<&Arc<Effective>> {
        let gray = self.grays.iter().find(|gray| gray.rule.is_for(labels));
        let gray = gray.map(|gray| &gray.effective);
        gray.or_else(|| self.formal.as_ref().map(|formal| &formal.effective))
    }

    /// A gray version by its name.
    #[must_use]
    pub fn gray(&self, name: &str) -> Option<&Gray> {
        self.grays.iter().find(|gray| gray.rule.is_named(name))
    }

    /// The version for listed addresses.
    #[must_use]
    pub fn beta(&self) -> Option<&Gray> {
        self.gray(BETA)
    }

    /// Whether any version of it is a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.formal.as_ref().is_some_and(|formal| formal.secret)
            || self.grays.iter().any(|gray| gray.secret)
    }

    /// Whether every reader gets the same of both.
    pub(crate) fn reads_as(&self, other: &Self) -> bool {
        let formal = |entry: &Self| entry.formal.as_ref().map(|one| one.effective.shows());
        let grays = |entry: &Self| {
            let shows = |gray: &Gray| (gray.rule.clone(), gray.effective.shows());
            entry.grays.iter().map(shows).collect::<Vec<_>>()
        };
        formal(self) == formal(other) && grays(self) == grays(other)
    }

    /// Whether nothing is published any more.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.formal.is_none() && self.grays.is_empty()
    }

    /// Puts gray versions into the order in which they are asked, with the type of the formal one.
    pub(crate) fn arrange(&mut self) {
        let kind = self.formal.as_ref().map(|formal| formal.effective.kind).unwrap_or_default();
        for gray in self.grays.iter_mut().filter(|gray| gray.effective.kind != kind) {
            gray.effective = Arc::new(Effective { kind, ..(*gray.effective).clone() });
        }
        self.grays.sort_by(|a, b| a.rule.cmp(&b.rule));
    }
}

impl Effective {
    /// What decides whether a reader sees a difference.
    fn shows(&self) -> (Md5, Box<str>) {
        (self.content.md5(), self.encrypted_data_key.clone())
    }
}

// === impl Rule ===

impl Rule {
    /// The name of the version in Nacos's words: `beta` or `tag_<tag>`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Beta { .. } => BETA.to_owned(),
            Self::Tag { tag } => format!("tag_{tag}"),
        }
    }

    /// The kind of rule in Nacos's words.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Beta { .. } => BETA,
            Self::Tag { .. } => "tag",
        }
    }

    /// What decides: the addresses, or the tag.
    #[must_use]
    pub fn expression(&self) -> &str {
        match self {
            Self::Beta { ips } => ips,
            Self::Tag { tag } => tag,
        }
    }

    /// Nacos's number: larger is asked earlier.
    #[must_use]
    pub const fn priority(&self) -> i32 {
        match self {
            Self::Beta { .. } => i32::MAX,
            Self::Tag { .. } => i32::MAX - 1,
        }
    }

    /// Whether a reader with these labels sees it.
    #[must_use]
    pub fn is_for(&self, labels: &Labels<'_>) -> bool {
        match self {
            Self::Beta { ips } => {
                !labels.client_ip.is_empty()
                    && ips.split(',').any(|ip| ip.trim() == labels.client_ip)
            }
            Self::Tag { tag } => tag == labels.tag,
        }
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        match self {
            Self::Beta { .. } => name == BETA,
            Self::Tag { tag } => name.strip_prefix("tag_") == Some(tag),
        }
    }

    /// Whether both are names of the same version.
    pub(crate) fn is_same_version(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Beta { .. }, Self::Beta { .. }) => true,
            (Self::Tag { tag }, Self::Tag { tag: other }) => tag == other,
            _ => false,
        }
    }
}
