//! gRPC over `h2` itself: one task per connection, requests answered on the spot, pushes with
//! acknowledgements.
//!
//! [`link`] is a connection; [`call`] and [`stream`] are the two kinds of streams on it; others
//! reach it through its [`mailbox`]; [`dispatch`] is the table of requests.

mod call;
mod config;
mod connections;
mod dispatch;
mod incoming;
mod link;
mod mailbox;
mod naming;
mod request;
mod stream;
mod text;
mod watched;
mod wire;

pub use connections::{Connected, Connections};
pub(in crate::door) use dispatch::entries;
pub(in crate::door) use link::serve;
