//! gRPC over `h2` itself: one task per connection, requests answered on the spot, pushes with
//! acknowledgements.

mod config;
mod dispatch;
mod naming;
mod request;

pub(crate) use dispatch::{Entry, entries};
pub(crate) use request::{Answer, Members, Peer, Request, Response, Setup};
