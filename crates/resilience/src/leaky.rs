//! A leaky bucket: calls pass one by one at an even pace, and wait their turn for a bounded time.
//!
//! Sentinel's flow behaviour 2, as one compare-and-swap: callers that come together cannot pass
//! together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::keyed::Idle;
use crate::limits::{RATE_PER_SEC_MAX, RATE_PER_SEC_MIN};
use crate::{Blocked, Deadline, Nanos};

/// Nobody passed yet.
const NEVER: u64 = u64::MAX;

/// Spaces calls evenly. Clones share the queue.
#[derive(Debug, Clone)]
pub struct LeakyQueue {
    latest: Arc<AtomicU64>,
    rate_per_sec: f64,
    wait_max: Nanos,
}

impl LeakyQueue {
    /// A queue with nobody in it. The rate is in calls a second and brought into the limits
    /// [`RATE_PER_SEC_MIN`] to [`RATE_PER_SEC_MAX`].
    pub fn new(rate_per_sec: f64, wait_max: Nanos) -> Self {
        let rate = if rate_per_sec.is_nan() { RATE_PER_SEC_MIN } else { rate_per_sec };
        Self {
            latest: Arc::new(AtomicU64::new(NEVER)),
            rate_per_sec: rate.clamp(RATE_PER_SEC_MIN, RATE_PER_SEC_MAX),
            wait_max,
        }
    }

    /// Reserves a turn for a call that counts as `count`. The caller waits [`Reservation::wait`]
    /// and then goes; dropping the reservation before gives the turn back if nobody came after.
    ///
    /// # Errors
    /// [`Blocked::QueueTimeout`] when the turn is too far off, [`Blocked::Deadline`] when it comes
    /// after the caller's deadline.
    pub fn reserve(
        &self,
        now: Nanos,
        count: u32,
        deadline: Option<Deadline>,
    ) -> Result<Reservation, Blocked> {
        let cost_ns = (f64::from(count) * 1e9 / self.rate_per_sec).round() as u64;
        let mut latest = self.latest.load(Relaxed);
        loop {
            let turn = match latest {
                NEVER => now,
                _ => Nanos(latest.saturating_add(cost_ns)).max(now),
            };
            let wait = turn.since(now);
            if wait > self.wait_max {
                return Err(Blocked::QueueTimeout { retry_after: wait.since(self.wait_max) });
            }
            if deadline.is_some_and(|deadline| deadline.at() < turn) {
                return Err(Blocked::Deadline);
            }
            match self.latest.compare_exchange_weak(latest, turn.0, Relaxed, Relaxed) {
                Ok(_) => {
                    return Ok(Reservation {
                        latest: Arc::clone(&self.latest),
                        before: latest,
                        turn,
                        wait,
                        used: wait == Nanos(0),
                    });
                }
                Err(changed) => latest = changed,
            }
        }
    }

    /// The time until a call would have its turn.
    pub fn backlog(&self, now: Nanos) -> Nanos {
        match self.latest.load(Relaxed) {
            NEVER => Nanos(0),
            latest => Nanos(latest).since(now),
        }
    }
}

impl Idle for LeakyQueue {
    fn idle(&self, now: Nanos) -> bool {
        let latest = self.latest.load(Relaxed);
        latest == NEVER || latest.saturating_add((1e9 / self.rate_per_sec) as u64) <= now.0
    }
}

/// A turn. One with no wait is used from the start.
#[derive(Debug)]
#[must_use = "a dropped reservation gives its turn back"]
pub struct Reservation {
    latest: Arc<AtomicU64>,
    before: u64,
    turn: Nanos,
    wait: Nanos,
    used: bool,
}

impl Reservation {
    /// How long to wait, counted from the reservation.
    pub fn wait(&self) -> Nanos {
        self.wait
    }

    /// The time of the turn.
    pub fn turn(&self) -> Nanos {
        self.turn
    }

    /// The wait is over and the call goes.
    pub fn go(mut self) {
        self.used = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.used {
            // Only the last turn can be given back: later ones were promised with it in mind.
            let _ = self.latest.compare_exchange(self.turn.0, self.before, Relaxed, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_vector() {
        let queue = LeakyQueue::new(10.0, Nanos::from_millis(500));
        let mut waits = Vec::new();
        let mut refused = 0;
        for _ in 0..10 {
            match queue.reserve(Nanos(0), 1, None) {
                Ok(turn) => {
                    waits.push(turn.wait().as_millis());
                    turn.go();
                }
                Err(blocked) => {
                    assert_eq!(
                        blocked,
                        Blocked::QueueTimeout { retry_after: Nanos::from_millis(100) }
                    );
                    refused += 1;
                }
            }
        }
        assert_eq!((waits.as_slice(), refused), (&[0, 100, 200, 300, 400, 500][..], 4));
    }

    #[test]
    fn a_turn_given_up_goes_to_the_next() {
        let queue = LeakyQueue::new(10.0, Nanos::from_millis(500));
        queue.reserve(Nanos(0), 1, None).expect("the first passes").go();
        let second = queue.reserve(Nanos(0), 1, None).expect("the second waits");
        let third = queue.reserve(Nanos(0), 1, None).expect("the third waits");
        drop(second);
        assert_eq!(queue.backlog(Nanos(0)).as_millis(), 200, "a turn in the middle is lost");
        drop(third);
        assert_eq!(queue.backlog(Nanos(0)).as_millis(), 100);
    }

    #[test]
    fn the_deadline_counts() {
        let queue = LeakyQueue::new(10.0, Nanos::from_millis(500));
        let deadline = Deadline::after(Nanos(0), Nanos::from_millis(150));
        for _ in 0..2 {
            queue.reserve(Nanos(0), 1, Some(deadline)).expect("in time").go();
        }
        let late = queue.reserve(Nanos(0), 1, Some(deadline));
        assert_eq!(late.expect_err("too late"), Blocked::Deadline);
        assert!(!queue.idle(Nanos::from_millis(199)));
        assert!(queue.idle(Nanos::from_millis(200)));
    }
}
