//! What to do about what is there already when many configurations are brought in.

use crate::command::PublishMeta;
use crate::content::{Content, Kind};
use crate::key::ConfigKey;

/// What happens to an item whose configuration is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImportPolicy {
    /// The import ends there; what came before stays.
    #[default]
    Abort,
    /// What is there stays.
    Skip,
    /// The item takes its place.
    Overwrite,
}

/// One configuration to bring in.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportItem {
    /// What it is called.
    pub key: ConfigKey,
    /// The text.
    pub content: Content,
    /// The type.
    pub kind: Option<Kind>,
    /// What else is known about it.
    pub meta: PublishMeta,
    /// The key that an encrypted text comes with.
    pub encrypted_data_key: String,
    /// Whether it is a secret; otherwise what is there stays what it is.
    pub secret: bool,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOutcome {
    /// Items that are published now.
    pub succeeded: usize,
    /// Items that were left out: there already, or after the one that ended the import.
    pub skipped: Vec<ConfigKey>,
    /// Items that could not be published, or ended the import.
    pub failed: Vec<ConfigKey>,
}

impl ImportPolicy {
    /// Reads Nacos's word, of any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "ABORT" => Some(Self::Abort),
            "SKIP" => Some(Self::Skip),
            "OVERWRITE" => Some(Self::Overwrite),
            _ => None,
        }
    }
}
