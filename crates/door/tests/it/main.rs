//! The shared HTTP server and TLS, over real sockets.

mod door;
mod http;
mod tls;
