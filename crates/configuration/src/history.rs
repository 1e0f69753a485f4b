//! What was there before a change, and who changed it.

use crate::command::Origin;
use crate::content::{Content, Kind};
use crate::entry::Rule;
use crate::key::ConfigKey;

/// One change of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// What is shown in lists.
    pub line: HistoryLine,
    /// What was published until then; for an insert, what was inserted.
    pub content: Content,
    /// The key that came with it.
    pub encrypted_data_key: String,
}

/// A change without what was published: all that a list of changes needs. Identifiers grow with
/// time and never repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryLine {
    /// Its number.
    pub id: u64,
    /// Which configuration.
    pub key: ConfigKey,
    /// What was done.
    pub op: Op,
    /// The type of the content.
    pub kind: Kind,
    /// The application's name.
    pub app_name: String,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
    /// When the configuration was first published, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Who.
    pub origin: Origin,
    /// The gray version; absent for the formal one.
    pub rule: Option<Rule>,
    /// Whether the content is a secret.
    pub secret: bool,
}

/// What was done to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It was not there before.
    Insert,
    /// It was another.
    Update,
    /// It is not there any more.
    Delete,
}

impl HistoryLine {
    /// `formal` or `gray`.
    #[must_use]
    pub const fn publish_type(&self) -> &'static str {
        if self.rule.is_some() { "gray" } else { "formal" }
    }

    /// Name of the gray version; empty for the formal one.
    #[must_use]
    pub fn gray_name(&self) -> String {
        self.rule.as_ref().map(Rule::name).unwrap_or_default()
    }
}

impl Op {
    /// Nacos's letter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "I",
            Self::Update => "U",
            Self::Delete => "D",
        }
    }

    /// Reads the letter, with or without the blanks that some databases add.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Insert, Self::Update, Self::Delete].into_iter().find(|op| op.as_str() == text.trim())
    }
}
