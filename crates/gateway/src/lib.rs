//! Moves requests from clients to instances.
//!
//! Each worker is a thread with a listener, a runtime and connections of its own. HTTP/1.1 is read
//! by the project's own strict parser and rewritten in place; HTTP/2 is left to hyper. Routes and
//! endpoints are snapshots that a control thread replaces; a request asks the catalog nothing, and
//! takes no lock but those of limits that workers must share.

#![forbid(unsafe_code)]

mod accesslog;
mod auth;
mod call;
mod clock;
mod config;
mod connection;
mod control;
mod deadline;
mod ejected;
mod error;
mod gateway;
mod h2;
pub mod limits;
mod local;
mod peer;
mod pool;
mod prepare;
mod protect;
mod reach;
mod reply;
mod table;
mod trace;
mod upstream;
mod worker;

pub use config::{AccessLog, GatewayConfig, Limits, LogFormat, Network};
pub use error::{RouteError, StartError};
pub use gateway::{Gateway, check_route, start};
pub use table::Origin;
