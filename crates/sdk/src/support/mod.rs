//! What the code of `#[client]` calls. Not for people: it changes together with the macro.

mod request;
mod values;

pub(crate) use request::Parts;
pub use request::{Request, Verb};

/// Points at an argument whose type cannot move between threads.
pub const fn assert_send<T: Send>() {}
