//! What changed and has not been told yet. Filled on the thread that stores, which never waits.

use std::collections::BTreeSet;
use std::future::pending;

use parking_lot::Mutex;
use rialto_configuration::{Change, ConfigKey};
use rialto_engine::Observer;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Each configuration is in it once, however often it changes: whoever is told reads the newest.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    changed: Mutex<BTreeSet<ConfigKey>>,
    wake: Notify,
}

impl Inbox {
    /// Waits until something changed, somebody calls [`Inbox::wake`], or a moment is reached.
    pub(super) async fn wait(&self, until: Option<Instant>) -> BTreeSet<ConfigKey> {
        let due = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = self.wake.notified() => {}
            () = due => {}
        }
        std::mem::take(&mut *self.changed.lock())
    }

    /// Ends a wait: there is something to look at.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

impl Observer for Inbox {
    fn changed(&self, changes: &[Change]) {
        let differ = changes.iter().filter(|change| change.differs);
        self.changed.lock().extend(differ.map(|change| change.key.clone()));
        self.wake();
    }
}
