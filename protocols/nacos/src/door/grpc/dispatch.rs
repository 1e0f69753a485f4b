//! The one table of requests: which types there are, what each asks of its caller, and who answers.

use super::request::{Answer, Peer, Request};
use crate::access::Rule;
use crate::door::Parts;

/// A type of request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The payload's type.
    pub(crate) kind: &'static str,
    /// The type of its answer, which a refusal of the caller carries too.
    pub(crate) answer: &'static str,
    /// What it asks of its caller.
    pub(crate) rule: Rule,
    /// Answers it, on the spot unless something has to be waited for.
    pub(crate) handler: Handler,
}

/// Answers a request.
pub(crate) type Handler = fn(&Parts, &Peer<'_>, &Request<'_>) -> Answer;

/// Every type of request that is answered, but for those of the connection itself.
pub(crate) fn entries() -> impl Iterator<Item = &'static Entry> {
    super::naming::ENTRIES.iter().chain(super::config::ENTRIES)
}
