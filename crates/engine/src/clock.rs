//! Where time comes from.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rialto_catalog::{Millis, Timestamp};

/// Tells the time; never goes back.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The wall clock at the start, from then on the monotonic clock: setting the machine's clock moves
/// no lease.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    started_wall: Timestamp,
}

/// A clock that stands still until told otherwise, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl SystemClock {
    /// Looks at the wall clock once.
    #[must_use]
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self { started: Instant::now(), started_wall: Timestamp(millis) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started_wall.plus(Millis(since))
    }
}

impl ManualClock {
    /// A clock that shows a moment.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.0))
    }

    /// Lets time pass.
    pub fn advance(&self, millis: Millis) {
        self.0.fetch_add(millis.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_shows_the_wall_clock_and_never_goes_back() {
        let clock = SystemClock::new();
        let first = clock.now();
        assert!(first > Timestamp(1_700_000_000_000), "{first}");
        assert!(clock.now() >= first);
    }

    #[test]
    fn manual_clock_stands_still() {
        let clock = ManualClock::new(Timestamp(5));
        assert_eq!(clock.now(), Timestamp(5));
        clock.advance(Millis(7));
        assert_eq!(clock.now(), Timestamp(12));
    }
}
