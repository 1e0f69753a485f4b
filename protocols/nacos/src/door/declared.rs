//! Everything that can be called, and what it asks of its caller: for documents, and for the test
//! that makes every call without credentials.

use super::{grpc, http};
use crate::access::Rule;

/// Something that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// A route over HTTP.
    Http {
        /// GET, POST, PUT, DELETE or PATCH.
        method: &'static str,
        /// Below `/nacos`; a segment `*` stands for any.
        path: &'static str,
        /// What it asks of its caller.
        rule: Rule,
    },
    /// A type of request over gRPC.
    Grpc {
        /// The payload's type.
        kind: &'static str,
        /// The type of its answer.
        answer: &'static str,
        /// What it asks of its caller.
        rule: Rule,
    },
}

/// All of it: there is no other way to reach anything.
#[must_use]
pub fn declared() -> Vec<Declared> {
    let routes =
        http::routes().map(|it| Declared::Http { method: it.method, path: it.path, rule: it.rule });
    let requests = grpc::entries().map(|it| Declared::Grpc {
        kind: it.kind,
        answer: it.answer,
        rule: it.rule,
    });
    routes.chain(requests).collect()
}
