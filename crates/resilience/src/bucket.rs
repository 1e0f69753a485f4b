//! A token bucket: so many calls a second, with a burst.
//!
//! Kept as one number, the time at which the bucket would be full again (the generic cell rate
//! algorithm), so that several threads share it by one compare-and-swap and none can slip through
//! between a read and a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::keyed::Idle;
use crate::limits::{BURST_MAX, RATE_PER_SEC_MAX, RATE_PER_SEC_MIN};
use crate::{Blocked, Nanos};

/// Admits at most `burst` calls at once and `rate` a second in the long run. Clones share the
/// bucket.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    full_at: Arc<AtomicU64>,
    token_ns: u64,
    burst: u32,
}

impl TokenBucket {
    /// A full bucket. The rate is in calls a second; it and the burst are brought into the limits
    /// [`RATE_PER_SEC_MIN`] to [`RATE_PER_SEC_MAX`] and 1 to [`BURST_MAX`].
    pub fn new(rate_per_sec: f64, burst: u32) -> Self {
        Self {
            full_at: Arc::new(AtomicU64::new(0)),
            token_ns: token_ns(rate_per_sec),
            burst: burst.clamp(1, BURST_MAX),
        }
    }

    /// Takes `count` tokens, all or none.
    ///
    /// # Errors
    /// [`Blocked::Rate`] with the time until enough tokens are there, or [`Blocked::TooLarge`].
    pub fn take(&self, now: Nanos, count: u32) -> Result<(), Blocked> {
        if count > self.burst {
            return Err(Blocked::TooLarge { needed: count, most: self.burst });
        }
        let cost_ns = self.token_ns * u64::from(count);
        let capacity_ns = self.token_ns * u64::from(self.burst);
        let mut full_at = self.full_at.load(Relaxed);
        loop {
            let taken = full_at.max(now.0).saturating_add(cost_ns);
            let empty_ns = taken - now.0;
            if empty_ns > capacity_ns {
                return Err(Blocked::Rate { retry_after: Nanos(empty_ns - capacity_ns) });
            }
            match self.full_at.compare_exchange_weak(full_at, taken, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => full_at = changed,
            }
        }
    }

    /// Tokens there now, for `RateLimit-Remaining`.
    pub fn available(&self, now: Nanos) -> u32 {
        let empty_ns = self.full_at.load(Relaxed).saturating_sub(now.0);
        let taken = u32::try_from(empty_ns.div_ceil(self.token_ns)).unwrap_or(u32::MAX);
        self.burst.saturating_sub(taken)
    }

    /// The burst, for `RateLimit-Limit`.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Time until it is full, for `RateLimit-Reset`.
    pub fn full_after(&self, now: Nanos) -> Nanos {
        Nanos(self.full_at.load(Relaxed)).since(now)
    }
}

impl Idle for TokenBucket {
    fn idle(&self, now: Nanos) -> bool {
        self.full_after(now) == Nanos(0)
    }
}

/// The time between two calls at a rate, rounded up so that the rate is never exceeded.
fn token_ns(rate_per_sec: f64) -> u64 {
    let rate = if rate_per_sec.is_nan() { RATE_PER_SEC_MIN } else { rate_per_sec };
    (1e9 / rate.clamp(RATE_PER_SEC_MIN, RATE_PER_SEC_MAX)).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let bucket = TokenBucket::new(10.0, 3);
        let now = Nanos::from_secs(1);
        for left in [2, 1, 0] {
            assert_eq!(bucket.take(now, 1), Ok(()));
            assert_eq!(bucket.available(now), left);
        }
        let blocked = Err(Blocked::Rate { retry_after: Nanos::from_millis(100) });
        assert_eq!(bucket.take(now, 1), blocked);
        assert!(bucket.take(Nanos::from_millis(1_099), 1).is_err());
        assert_eq!(bucket.take(Nanos::from_millis(1_100), 1), Ok(()));
        assert_eq!(bucket.full_after(Nanos::from_millis(1_100)), Nanos::from_millis(300));
        assert!(bucket.idle(Nanos::from_millis(1_400)));
    }

    #[test]
    fn all_or_none() {
        let bucket = TokenBucket::new(1.0, 5);
        assert_eq!(bucket.take(Nanos(0), 6), Err(Blocked::TooLarge { needed: 6, most: 5 }));
        assert_eq!(bucket.take(Nanos(0), 4), Ok(()));
        let blocked = Err(Blocked::Rate { retry_after: Nanos::from_secs(1) });
        assert_eq!(bucket.take(Nanos(0), 2), blocked);
        assert_eq!(bucket.take(Nanos(0), 1), Ok(()));
    }

    #[test]
    fn senseless_rates_are_brought_into_the_limits() {
        for rate in [f64::NAN, 0.0, -1.0, f64::NEG_INFINITY] {
            assert_eq!(token_ns(rate), 86_400_000_000_000);
        }
        assert_eq!(token_ns(f64::INFINITY), 1_000);
        assert_eq!(TokenBucket::new(1.0, 0).burst(), 1);
        assert_eq!(TokenBucket::new(1.0, u32::MAX).burst(), BURST_MAX);
    }
}
