//! Protects a call: limits, breakers, retries and deadlines.
//!
//! Everything here decides and nothing waits: the time is passed in, a wait is a value that the
//! caller acts on, randomness comes from the caller's generator. What is admitted is a permit that
//! gives everything back when it is dropped, so that a caller that goes away leaves nothing behind.
//!
//! With the feature `tokio` there are also functions that wait, see [`ConcurrencyLimit`] and
//! [`LeakyQueue`].

#![forbid(unsafe_code)]

mod blocked;
mod breaker;
mod bucket;
mod budget;
mod concurrency;
mod deadline;
mod fallback;
mod keyed;
mod leaky;
pub mod limits;
mod retry;
mod retry_after;
#[cfg(feature = "tokio")]
mod wait;
mod window;

pub use blocked::Blocked;
pub use breaker::{
    BreakerChange, BreakerPermit, BreakerSettings, BreakerState, CallResult, CircuitBreaker,
};
pub use bucket::TokenBucket;
pub use budget::{BudgetSettings, RetryBudget};
pub use concurrency::{ConcurrencyLimit, ConcurrencySettings, Entry, Permit, QueueOrder, Waiter};
pub use deadline::{Deadline, InvalidTimeout};
pub use fallback::Fallback;
pub use keyed::{Idle, Keyed};
pub use leaky::{LeakyQueue, Reservation};
pub use retry::{Failure, GiveUp, RetryDecision, RetryPolicy};
pub use retry_after::parse_retry_after;
pub use rialto_time::Nanos;
pub use window::WindowKind;
