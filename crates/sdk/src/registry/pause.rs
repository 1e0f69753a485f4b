//! The growing, jittered pause between tries to reach the server.

use std::time::Duration;

use rand::Rng as _;

use crate::limits::{RECONNECT_PAUSE_MAX, RECONNECT_PAUSE_MIN};

/// Doubles with each failure and starts again after a success.
#[derive(Debug)]
pub(crate) struct Pause {
    next: Duration,
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self { next: RECONNECT_PAUSE_MIN }
    }

    pub(crate) fn reset(&mut self) {
        self.next = RECONNECT_PAUSE_MIN;
    }

    /// Whether this is the first failure since a success, which is worth telling.
    pub(crate) fn is_first(&self) -> bool {
        self.next == RECONNECT_PAUSE_MIN
    }

    /// Between half of the present pause and all of it: clients of a server that comes back do not
    /// arrive all at once.
    pub(crate) async fn wait(&mut self) {
        let pause = self.next.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.next = (self.next * 2).min(RECONNECT_PAUSE_MAX);
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::Pause;
    use crate::limits::{RECONNECT_PAUSE_MAX, RECONNECT_PAUSE_MIN};

    #[tokio::test(start_paused = true)]
    async fn grows_to_its_limit_and_starts_again() {
        let mut pause = Pause::new();
        assert!(pause.is_first());
        for _ in 0..20 {
            let began = Instant::now();
            pause.wait().await;
            assert!(began.elapsed() >= RECONNECT_PAUSE_MIN / 2);
            // The timer's own grain is a millisecond.
            assert!(began.elapsed() <= RECONNECT_PAUSE_MAX + RECONNECT_PAUSE_MIN);
            assert!(!pause.is_first());
        }
        pause.reset();
        assert!(pause.is_first());
    }
}
