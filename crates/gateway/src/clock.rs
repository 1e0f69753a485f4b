//! A worker's time: monotonic, with the wall clock of its start for logs and tokens.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rialto_balance::Nanos;

/// Counts from its start. Copies agree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    start_wall: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let start_wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), start_wall }
    }

    pub(crate) fn now(&self) -> Nanos {
        Nanos::from(self.start.elapsed())
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now().as_millis()
    }

    /// Milliseconds since the Unix epoch of a moment of this clock.
    pub(crate) fn wall_ms(&self, at: Nanos) -> u64 {
        let wall = self.start_wall + Duration::from_nanos(at.0);
        u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
    }
}
