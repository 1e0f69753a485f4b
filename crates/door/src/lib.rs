//! What every door shares: listeners with clear errors, and a graceful stop.

#![forbid(unsafe_code)]

mod access;
mod bind;
mod limits;
mod shutdown;

pub use access::Access;
pub use bind::{BindError, bind, bind_reuse_port, listen};
pub use limits::{BACKLOG_MAX, LISTENERS_MAX};
pub use shutdown::Shutdown;
