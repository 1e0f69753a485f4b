//! What can be asked for, and what came of it.

use crate::content::{Content, Kind};
use crate::import::{ImportItem, ImportOutcome, ImportPolicy};
use crate::key::ConfigKey;
use crate::quota::{Capacity, Scope};

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Publishes one version.
    Publish(Box<Publish>),
    /// Removes one version, or all.
    Remove(Remove),
    /// Removes all versions of many.
    RemoveMany {
        /// Which.
        keys: Vec<ConfigKey>,
        /// Who asks.
        origin: Origin,
    },
    /// Publishes many, by a policy for those that are there already.
    Import {
        /// What to publish.
        items: Vec<ImportItem>,
        /// What to do about those that are there.
        policy: ImportPolicy,
        /// Who asks.
        origin: Origin,
    },
    /// Sets what a namespace or group may hold; `None` returns to the defaults.
    SetCapacity {
        /// Whose.
        scope: Scope,
        /// What it may hold.
        capacity: Option<Capacity>,
    },
}

/// One version to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// What it is called.
    pub key: ConfigKey,
    /// The text.
    pub content: Content,
    /// Who is to see it.
    pub target: Target,
    /// The digest that must be published now; blank asks nothing, and what is missing is inserted.
    pub cas: String,
    /// The type; absent is text. Only of formal versions.
    pub kind: Option<Kind>,
    /// What else is said about it.
    pub meta: PublishMeta,
    /// The key that an encrypted text comes with.
    pub encrypted_data_key: String,
    /// Whether it is kept encrypted on disk; absent leaves it as it is. A dataId that begins with
    /// `cipher-` is a secret whatever is said here.
    pub secret: Option<bool>,
    /// Who asks.
    pub origin: Origin,
}

/// What else is said about a configuration when it is published: absent parts of `app_name` and
/// `tags` stay as they are, of all others are cleared, as Nacos does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublishMeta {
    /// The application's name.
    pub app_name: Option<String>,
    /// Tags, separated by commas.
    pub tags: Option<String>,
    /// Description.
    pub desc: Option<String>,
    /// What it is for.
    pub used_for: Option<String>,
    /// What it does.
    pub effect: Option<String>,
    /// A schema of the text.
    pub schema: Option<String>,
}

/// What is known about a configuration. Empty texts were not said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// The application's name.
    pub app_name: String,
    /// Tags, separated by commas.
    pub tags: String,
    /// Description.
    pub desc: String,
    /// What it is for.
    pub used_for: String,
    /// What it does.
    pub effect: String,
    /// A schema of the text.
    pub schema: String,
}

/// Versions to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remove {
    /// Of which configuration.
    pub key: ConfigKey,
    /// Which: all versions for [`Target::Formal`].
    pub target: Target,
    /// Who asks.
    pub origin: Origin,
}

/// Which version is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Target {
    /// What all see.
    #[default]
    Formal,
    /// What listed addresses see; the list is of no matter for removal.
    Beta {
        /// Separated by commas.
        ips: String,
    },
    /// What clients with a tag see.
    Tag(String),
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The user; empty when nobody signed in.
    pub user: String,
    /// The address.
    pub ip: String,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Published, with the configuration's identifier.
    Published {
        /// The identifier.
        id: u64,
        /// Whether this version was not there before.
        inserted: bool,
    },
    /// Removed, or not there to begin with.
    Removed {
        /// Whether it was there.
        existed: bool,
    },
    /// Removed, of many.
    RemovedMany {
        /// How many were there.
        count: usize,
    },
    /// Imported.
    Imported(ImportOutcome),
    /// Set.
    CapacitySet,
}
