//! The way of a call: context, protections, choice of an instance, tries, answer.

mod attempt;
mod channel;
pub(crate) mod guard;
pub(crate) mod service;
pub(crate) mod transport;

pub use channel::Channel;
