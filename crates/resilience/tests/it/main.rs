//! Limits, breakers and retries as their users see them.

mod breaker;
mod concurrency;
mod properties;
mod retry;

use rialto_resilience::Nanos;

const fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}
