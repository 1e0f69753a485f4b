//! The configuration centre as a pure state machine: what is published, gray versions, history,
//! quotas, and who hears of a change.
//!
//! A [`Batch`] over a [`State`] takes commands and the time and gives outcomes; what it decided
//! is a [`Plan`]: writes to make durable, then changes to [`State::install`]. Nothing here reads a
//! clock, a random number, a file or a socket, and identical calls give identical bytes.

#![forbid(unsafe_code)]

mod batch;
mod check;
mod command;
mod content;
mod entry;
mod history;
mod import;
mod key;
pub mod limits;
mod pattern;
mod quota;
mod refused;
mod search;
mod state;

pub use batch::{Batch, Change, Plan, Write};
pub use command::{Command, Meta, Origin, Outcome, Publish, PublishMeta, Remove, Target};
pub use content::{Content, Kind, Md5};
pub use entry::{Effective, Entry, Formal, Gray, Labels, Rule};
pub use history::{HistoryEntry, HistoryLine, Op};
pub use import::{ImportItem, ImportOutcome, ImportPolicy};
pub use key::{ConfigKey, GroupKeyError, KeyRef, PUBLIC};
pub use pattern::{Pattern, PatternError};
pub use quota::{Capacity, Quotas, Scope, Usage};
pub use refused::{QuotaKind, Refused};
pub use search::{Page, Search, Text};
pub use state::{Counters, Policy, State};
