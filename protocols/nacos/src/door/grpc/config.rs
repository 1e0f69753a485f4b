//! Requests of module `config`.

use super::dispatch::Entry;

/// The requests and their answers.
pub(super) const ENTRIES: &[Entry] = &[];
