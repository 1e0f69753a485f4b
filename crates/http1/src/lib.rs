//! HTTP/1.1 heads, framing and bodies over byte slices.
//!
//! Strict by construction: a message whose end two readers could see in different places is
//! refused, never repaired, and what goes out is generated anew from what was understood. Nothing
//! here reads a socket, a clock or a configuration.

#![forbid(unsafe_code)]

mod body;
mod chunked;
mod field;
pub mod fuzz;
pub mod limits;
mod refusal;
mod request;
mod response;
mod target;
pub mod write;

pub use body::{Body, Framing, Piece};
pub use field::{Field, Fields, Kind, Kinds, Slots, kinds, slots};
pub use refusal::Refusal;
pub use request::{PREFACE, Request, check_host, head_may_be_complete, parse_request};
pub use response::{Response, parse_response};
pub use target::{SlashPolicy, Target, normalise};
