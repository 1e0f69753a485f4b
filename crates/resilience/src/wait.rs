//! Waiting in the queues, by tokio's timer.

use std::time::Duration;

use crate::{Blocked, ConcurrencyLimit, Deadline, Entry, LeakyQueue, Nanos, Permit};

impl ConcurrencyLimit {
    /// Enters, waiting for a place until the longest wait or the deadline is over. Dropping the
    /// future leaves the queue.
    ///
    /// # Errors
    /// As [`ConcurrencyLimit::enter`], and [`Blocked::QueueTimeout`] or [`Blocked::Deadline`] when
    /// the wait was in vain.
    pub async fn acquire(&self, now: Nanos, deadline: Option<Deadline>) -> Result<Permit, Blocked> {
        let mut waiter = match self.enter(now, deadline)? {
            Entry::Admitted(permit) => return Ok(permit),
            Entry::Queued(waiter) => waiter,
        };
        let patience = Duration::from_nanos(waiter.until().since(now).0);
        match tokio::time::timeout(patience, &mut waiter).await {
            Ok(turn) => turn,
            Err(_) => Err(waiter.give_up()),
        }
    }
}

impl LeakyQueue {
    /// Waits for the turn of a call that counts as `count`. Dropping the future gives the turn back
    /// if nobody came after.
    ///
    /// # Errors
    /// As [`LeakyQueue::reserve`], at once: nobody waits in vain.
    pub async fn pass(
        &self,
        now: Nanos,
        count: u32,
        deadline: Option<Deadline>,
    ) -> Result<(), Blocked> {
        let turn = self.reserve(now, count, deadline)?;
        if turn.wait() > Nanos(0) {
            tokio::time::sleep(Duration::from_nanos(turn.wait().0)).await;
        }
        turn.go();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConcurrencySettings;

    fn now(start: tokio::time::Instant) -> Nanos {
        Nanos::from(start.elapsed())
    }

    fn one_at_a_time(queue_max: usize) -> ConcurrencyLimit {
        let wait_max_ms = 100;
        ConcurrencyLimit::new(&ConcurrencySettings {
            in_flight_max: 1,
            queue_max,
            wait_max_ms,
            ..ConcurrencySettings::default()
        })
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_wait_ends_with_a_place_or_with_a_reason() {
        let start = tokio::time::Instant::now();
        let limit = one_at_a_time(2);
        let held = limit.acquire(now(start), None).await.expect("there is room");
        let soon = Deadline::after(now(start), Nanos::from_millis(30));
        let (first, second) =
            tokio::join!(limit.acquire(now(start), None), limit.acquire(now(start), Some(soon)),);
        assert_eq!(second.expect_err("the deadline is first"), Blocked::Deadline);
        let waited = Blocked::QueueTimeout { retry_after: Nanos::from_millis(100) };
        assert_eq!(first.expect_err("nobody leaves"), waited);
        assert_eq!(now(start), Nanos::from_millis(100));
        assert_eq!((limit.in_flight(), limit.queued()), (1, 0));
        let (third, ()) = tokio::join!(limit.acquire(now(start), None), async { drop(held) });
        drop(third.expect("somebody left"));
        assert_eq!((limit.in_flight(), limit.queued()), (0, 0));
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn turns_come_at_an_even_pace() {
        let start = tokio::time::Instant::now();
        let queue = LeakyQueue::new(10.0, Nanos::from_millis(500));
        for expected_ms in [0, 100, 200] {
            queue.pass(now(start), 1, None).await.expect("the wait is short");
            assert_eq!(now(start).as_millis(), expected_ms);
        }
        let given_up =
            tokio::time::timeout(Duration::from_millis(1), queue.pass(now(start), 1, None));
        assert!(given_up.await.is_err());
        assert_eq!(queue.backlog(now(start)), Nanos(0), "its turn is given back");
    }
}
