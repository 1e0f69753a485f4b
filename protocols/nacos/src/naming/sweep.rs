//! Forgets what nobody needs any more: services that were made by hand and stayed empty, an
//! operator's changes of instances that are gone, and what was written of services that are gone.

use std::collections::HashMap;
use std::time::Duration;

use rialto_catalog::{Command, DocumentKey, DocumentKind, Protocol, ServiceKey, Timestamp};

use super::Naming;
use crate::limits::{EMPTY_SERVICE_TTL_MS, OVERLAY_TTL_MS, SWEEP_MS};
use crate::map::Overlay;

/// How often it is asked whether it is time to sweep.
const LOOK: Duration = Duration::from_secs(1);

/// What was found without use, and since when.
pub(super) struct Sweep {
    swept: Timestamp,
    services: HashMap<ServiceKey, Timestamp>,
    overlays: HashMap<DocumentKey, Timestamp>,
}

impl Sweep {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { swept: now, services: HashMap::new(), overlays: HashMap::new() }
    }
}

impl Naming {
    /// Looks for what is empty or expired, when it is time to. [`Naming::run`] does this all the
    /// time; tests with a clock of their own call it themselves.
    pub async fn sweep(&self) {
        let now = self.shared.engine.now();
        let (services, overlays) = {
            let mut sweep = self.shared.sweep.lock();
            if now.since(sweep.swept).0 < SWEEP_MS {
                return;
            }
            sweep.swept = now;
            let services = due(&mut sweep.services, self.empty(), now, EMPTY_SERVICE_TTL_MS);
            let overlays = due(&mut sweep.overlays, self.unused(), now, OVERLAY_TTL_MS);
            self.forget_views_of_none();
            (services, overlays)
        };
        for service in services {
            // An instance may have come meanwhile: then the catalog refuses, and rightly.
            if let Err(problem) = self.forget_service(&service).await {
                tracing::debug!(%service, %problem, "an empty service stays");
            }
        }
        for key in overlays {
            if let Err(problem) = self.propose(Command::RemoveDocument { key }).await {
                tracing::warn!(%problem, "changes of an instance that is gone stay");
            }
        }
    }

    /// Sweeps for ever.
    pub(super) async fn keep_sweeping(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.sweep().await;
        }
    }

    /// Services with settings and no instances.
    fn empty(&self) -> Vec<ServiceKey> {
        let mut keys = self.shared.settings.keys();
        self.shared.engine.read(|state| {
            keys.retain(|key| state.service(key).is_none_or(|service| service.is_empty()));
        });
        keys
    }

    /// Changes of instances that are not there.
    fn unused(&self) -> Vec<DocumentKey> {
        self.shared.engine.read(|state| {
            let unused = |key: &&DocumentKey| {
                Overlay::subject(key).is_none_or(|(service, id)| {
                    state.instance(&service, Protocol::Nacos, id).is_none()
                })
            };
            let all = state.documents(DocumentKind::NacosInstance).map(|(key, _)| key);
            all.filter(unused).cloned().collect()
        })
    }
}

/// Remembers since when something is without use; gives what has been for long enough.
fn due<K: Clone + Eq + std::hash::Hash>(
    since: &mut HashMap<K, Timestamp>,
    found: Vec<K>,
    now: Timestamp,
    ttl_ms: u64,
) -> Vec<K> {
    let mut next = HashMap::with_capacity(found.len());
    let mut due = Vec::new();
    for key in found {
        let first = since.get(&key).copied().unwrap_or(now);
        if now.since(first).0 >= ttl_ms {
            due.push(key);
        } else {
            next.insert(key, first);
        }
    }
    *since = next;
    due
}
