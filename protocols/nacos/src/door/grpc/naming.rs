//! Requests of module `naming`.

use super::dispatch::Entry;

/// The requests and their answers.
pub(super) const ENTRIES: &[Entry] = &[];
