//! The shared service catalog: model, indexes, leases and watches, as a deterministic state
//! machine.
//!
//! [`State`] is the whole of it. It has no clock, no randomness, no files and no threads:
//! everything that happens to it comes in as a [`Command`] or a renewal with the time told by the
//! caller, and the same inputs give the same state, byte for byte ([`State::digest`]). Time passes
//! through [`State::tick`], which touches only leases that are due.
//!
//! Every change has a [`Revision`] and an [`Event`]; a watcher that resumes from a revision gets
//! every later change exactly once, or an explicit [`Compacted`].

#![forbid(unsafe_code)]

mod command;
mod digest;
mod document;
mod event;
mod ids;
mod instance;
mod key;
pub mod limits;
mod log;
mod netflix;
mod policy;
mod protection;
mod service;
mod spec;
mod state;
mod table;
mod time;
mod wheel;

pub use command::{Command, Outcome, OutcomeKind, Refused};
pub use document::{Document, DocumentKey, DocumentKind};
pub use event::{Change, Changes, Compacted, Event, Selector, ServiceSnapshot, Snapshot};
pub use instance::{Instance, LeaseInfo};
pub use key::{InvalidName, ServiceKey, fold};
pub use netflix::NetflixView;
pub use policy::{ExactPolicy, ExpiryMode, Limits, NetflixPolicy, Policy};
pub use protection::ProtectionState;
pub use service::ServiceRef;
pub use spec::{InstanceSpec, Promise, Protocol, Status};
pub use state::State;
pub use time::{Millis, Revision, Timestamp};
