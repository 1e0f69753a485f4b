//! What every door shares: listeners with clear errors, an HTTP/1.1 server, TLS, a graceful stop.

#![forbid(unsafe_code)]

mod access;
mod bind;
pub mod http;
mod limits;
mod shutdown;
mod tls;

pub use access::Access;
pub use bind::{BindError, bind, bind_reuse_port, listen};
pub use limits::{BACKLOG_MAX, LISTENERS_MAX, PEM_BYTES_MAX, TLS_RELOAD_CHECK_MS};
pub use shutdown::Shutdown;
pub use tls::{Tls, TlsError};
