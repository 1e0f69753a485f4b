//! One stop signal for a process, and the wait for what is still under way.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TrackedFuture;

/// Tells everybody to stop, and knows when they have. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Shutdown {
    /// Nobody has been told to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells everybody to stop. Later calls change nothing.
    pub fn begin(&self) {
        self.token.cancel();
        self.tracker.close();
    }

    /// Resolves once [`Shutdown::begin`] was called; at once if it was already.
    pub fn begun(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// Whether [`Shutdown::begin`] was called.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Makes [`Shutdown::drained`] wait for `work`, until it ends or is dropped.
    pub fn track<F: Future>(&self, work: F) -> TrackedFuture<F> {
        self.tracker.track_future(work)
    }

    /// Spawns `work` on the current runtime, tracked.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(work)
    }

    /// Waits for everything tracked, at most `grace`. True when nothing was left.
    pub async fn drained(&self, grace: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }

    /// How many tracked futures are still alive.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.tracker.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn waits_for_tracked_work() {
        let shutdown = Shutdown::new();
        let begun = shutdown.begun();
        let worker = shutdown.clone();
        let work = tokio::spawn(shutdown.track(async move { worker.begun().await }));
        assert!(!shutdown.is_begun());
        assert!(!shutdown.drained(Duration::from_secs(1)).await, "the work is not done yet");
        shutdown.begin();
        begun.await;
        assert!(shutdown.drained(Duration::from_secs(1)).await);
        work.await.expect("the work ends with the signal");
        assert_eq!(shutdown.pending(), 0);
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn grace_is_bounded() {
        let shutdown = Shutdown::new();
        let stuck = shutdown.spawn(std::future::pending::<()>());
        shutdown.begin();
        assert!(!shutdown.drained(Duration::from_secs(5)).await);
        stuck.abort();
        assert!(shutdown.drained(Duration::from_secs(5)).await);
    }
}
