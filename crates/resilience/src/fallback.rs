//! What to answer when a call is refused or fails: described here, done by whoever makes the call.

use serde::{Deserialize, Serialize};

/// A substitute for an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Fallback {
    /// None: the caller learns why.
    #[default]
    None,
    /// A fixed answer.
    Static {
        /// HTTP status, 200 to 599.
        status: u16,
        /// Media type of the body.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The same call to another service.
    Service {
        /// Its name.
        name: String,
    },
}

impl Fallback {
    /// Whether there is a substitute.
    pub fn is_some(&self) -> bool {
        *self != Self::None
    }
}
