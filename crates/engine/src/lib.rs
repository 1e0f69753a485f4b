//! Owns the one catalog of a node: applies commands, makes agreed ones durable, wakes watchers.
//!
//! Doors receive an [`Engine`] and nothing else: they read under a shared lock, decide and change
//! ephemeral records in one step ([`Engine::own`]), propose agreed ones ([`Engine::propose`]),
//! renew leases ([`Engine::renew`]) and watch ([`Engine::watch`]).
//!
//! [`Configurations`] are a state of their own beside the catalog, in the same data directory.

#![forbid(unsafe_code)]

mod clock;
mod configurations;
mod core;
mod engine;
mod error;
mod group;
pub mod limits;
mod namespaces;
mod operate;
mod proposer;
mod record;
mod report;
mod restart;
mod watch;

pub use clock::{Clock, ManualClock, SystemClock};
pub use configurations::{Configurations, Observer, PublishError};
pub use engine::{Engine, EngineConfig, Renewal};
pub use error::ProposeError;
pub use namespaces::{Namespace, NamespaceError};
pub use rialto_storage::{OpenError, ReadError};
pub use watch::{Watch, WatchBatch};
