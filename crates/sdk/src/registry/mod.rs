//! The way to the server: one session that registers, renews and reports, and one watch for each
//! service that is called.

pub(crate) mod follow;
pub(crate) mod ledger;
pub(crate) mod link;
pub(crate) mod pause;
pub(crate) mod server;
