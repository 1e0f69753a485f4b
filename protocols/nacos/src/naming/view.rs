//! A service as its subscribers see it, written once after each change for all of them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use rialto_catalog::{Instance, Revision, ServiceKey};

use super::Naming;
use super::select::{Wanted, select};
use super::write::{self, About};
use crate::limits::VIEWS_BYTES_MAX;

const SHARDS: usize = 64;
/// Different questions about one service that are kept: clusters and health.
const QUESTIONS_MAX: usize = 16;

/// A service as JSON. Clones share it.
#[derive(Debug, Clone)]
pub struct ServiceView {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    key: ServiceKey,
    body: Bytes,
    info: Range<usize>,
    hosts: Range<usize>,
    name: Range<usize>,
    grouped: OnceLock<Bytes>,
    last_ref_ms: u64,
    hosts_len: usize,
}

/// What was written, by service. What is asked for again before the next change is not written
/// again.
pub(super) struct Views {
    shards: Vec<Mutex<HashMap<ServiceKey, Arc<Mutex<Slot>>>>>,
    bytes: AtomicUsize,
    /// No `lastRefTime` of a service without a slot was later than this.
    floor_ms: AtomicU64,
    /// The shard that is emptied next when there is too much.
    hand: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    /// What was written is of this revision and these settings.
    version: (Revision, u64),
    views: Vec<Kept>,
    bytes: usize,
    last_ref_ms: u64,
    /// Taken out of its shard: look for the new one.
    dead: bool,
}

struct Kept {
    clusters: Box<str>,
    healthy_only: bool,
    view: ServiceView,
}

impl ServiceView {
    /// `ServiceInfo` with the bare name, as gRPC carries it.
    #[must_use]
    pub fn bare(&self) -> Bytes {
        self.inner.body.slice(self.inner.info.clone())
    }

    /// `ServiceInfo` with `GROUP@@name` for a name, as v1 and v2 carry it.
    #[must_use]
    pub fn grouped(&self) -> Bytes {
        let inner = &self.inner;
        let written = inner.grouped.get_or_init(|| {
            let mut out = Vec::with_capacity(inner.info.len() + 130);
            out.extend_from_slice(&inner.body[inner.info.start..inner.name.start]);
            write::grouped(&mut out, &inner.key);
            out.extend_from_slice(&inner.body[inner.name.end..inner.info.end]);
            out.into()
        });
        written.clone()
    }

    /// The array of its instances alone, as v3 carries it.
    #[must_use]
    pub fn hosts(&self) -> Bytes {
        self.inner.body.slice(self.inner.hosts.clone())
    }

    /// A push's body after its `requestId`.
    #[must_use]
    pub fn push(&self) -> Bytes {
        self.inner.body.clone()
    }

    /// Its `lastRefTime`: later than that of every list of this service that was written before.
    #[must_use]
    pub fn last_ref_ms(&self) -> u64 {
        self.inner.last_ref_ms
    }

    /// Number of instances in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.hosts_len
    }

    /// Whether there is no instance in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Naming {
    /// Instances of a service in the clusters of a comma-separated list, or in all; what is not
    /// enabled is left out. Shared with everybody who asks the same.
    #[must_use]
    pub fn view(&self, key: &ServiceKey, clusters: &str, healthy_only: bool) -> ServiceView {
        let views = &self.shared.views;
        loop {
            let slot = match views.find(key) {
                Some(slot) => slot,
                None if self.shared.engine.read(|state| state.service(key).is_some()) => {
                    views.slot(key)
                }
                None => return self.view_of_none(key, clusters),
            };
            let mut slot = slot.lock();
            if slot.dead {
                continue;
            }
            let before = slot.bytes;
            let view = self.view_in(&mut slot, key, clusters, healthy_only);
            let after = slot.bytes;
            drop(slot);
            let Some(view) = view else { return self.view_of_none(key, clusters) };
            views.weigh(before, after);
            return view;
        }
    }

    /// `None` when the service went meanwhile.
    fn view_in(
        &self,
        slot: &mut Slot,
        key: &ServiceKey,
        clusters: &str,
        healthy_only: bool,
    ) -> Option<ServiceView> {
        let settings = self.shared.settings.get(key);
        let settings_version = settings.as_ref().map_or(0, |settings| settings.version);
        let found = self.shared.engine.read(|state| {
            let service = state.service(key)?;
            let version = (service.revision(), settings_version);
            if slot.version != version {
                slot.views.clear();
                (slot.version, slot.bytes) = (version, 0);
            }
            let asked =
                |kept: &&Kept| kept.healthy_only == healthy_only && *kept.clusters == *clusters;
            if let Some(kept) = slot.views.iter().find(asked) {
                return Some(Err(kept.view.clone()));
            }
            Some(Ok(Arc::clone(service.instances())))
        })?;
        let instances: Arc<[Arc<Instance>]> = match found {
            Ok(instances) => instances,
            Err(view) => return Some(view),
        };
        let now_ms = self.shared.engine.now().0;
        slot.last_ref_ms = now_ms.max(slot.last_ref_ms + 1);
        let wanted = Wanted { clusters, healthy_only, enabled_only: true };
        let (seen, protected) = select(&instances, wanted, settings.as_deref());
        let about = About { key, clusters, last_ref_ms: slot.last_ref_ms, protected };
        let view = ServiceView::new(about, write::service(about, &seen), seen.len());
        if slot.views.len() < QUESTIONS_MAX {
            slot.bytes += view.inner.body.len();
            slot.views.push(Kept { clusters: clusters.into(), healthy_only, view: view.clone() });
        }
        Some(view)
    }

    /// Forgets what was written of services that are gone.
    pub(super) fn forget_views_of_none(&self) {
        let views = &self.shared.views;
        for shard in &views.shards {
            let mut gone: Vec<ServiceKey> = shard.lock().keys().cloned().collect();
            self.shared.engine.read(|state| gone.retain(|key| state.service(key).is_none()));
            gone.iter().for_each(|key| views.forget(key));
        }
    }

    /// Number of services of which something that was written is kept.
    #[must_use]
    pub fn views_len(&self) -> usize {
        self.shared.views.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// The empty list of a service that is not there; nothing is kept of it.
    fn view_of_none(&self, key: &ServiceKey, clusters: &str) -> ServiceView {
        let views = &self.shared.views;
        views.forget(key);
        let now_ms = self.shared.engine.now().0;
        let last_ref_ms = views.later_than_floor(now_ms);
        let about = About { key, clusters, last_ref_ms, protected: false };
        ServiceView::new(about, write::service(about, &[]), 0)
    }
}

impl ServiceView {
    fn new(about: About<'_>, written: write::Written, hosts_len: usize) -> Self {
        let inner = Inner {
            key: about.key.clone(),
            body: written.body.into(),
            info: written.info,
            hosts: written.hosts,
            name: written.name,
            grouped: OnceLock::new(),
            last_ref_ms: about.last_ref_ms,
            hosts_len,
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Views {
    /// With a moment that every `lastRefTime` of earlier runs lies before.
    pub(super) fn new(floor_ms: u64) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            bytes: AtomicUsize::new(0),
            floor_ms: AtomicU64::new(floor_ms),
            hand: AtomicUsize::new(0),
        }
    }

    fn find(&self, key: &ServiceKey) -> Option<Arc<Mutex<Slot>>> {
        self.shard(key).lock().get(key).cloned()
    }

    fn slot(&self, key: &ServiceKey) -> Arc<Mutex<Slot>> {
        let mut shard = self.shard(key).lock();
        if let Some(slot) = shard.get(key) {
            return Arc::clone(slot);
        }
        let last_ref_ms = self.floor_ms.load(Ordering::SeqCst);
        let slot = Arc::new(Mutex::new(Slot { last_ref_ms, ..Slot::default() }));
        shard.insert(key.clone(), Arc::clone(&slot));
        slot
    }

    fn forget(&self, key: &ServiceKey) {
        let removed = self.shard(key).lock().remove(key);
        if let Some(slot) = removed {
            self.bury(&slot);
        }
    }

    /// Counts what is kept; above the limit, a part of all is forgotten.
    fn weigh(&self, before: usize, after: usize) {
        if after < before {
            self.bytes.fetch_sub(before - after, Ordering::Relaxed);
            return;
        }
        let bytes = self.bytes.fetch_add(after - before, Ordering::Relaxed) + (after - before);
        if bytes <= VIEWS_BYTES_MAX {
            return;
        }
        let hand = self.hand.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let slots = std::mem::take(&mut *self.shards[hand].lock());
        slots.values().for_each(|slot| self.bury(slot));
    }

    fn bury(&self, slot: &Mutex<Slot>) {
        let mut slot = slot.lock();
        slot.dead = true;
        slot.views = Vec::new();
        self.bytes.fetch_sub(std::mem::take(&mut slot.bytes), Ordering::Relaxed);
        self.floor_ms.fetch_max(slot.last_ref_ms, Ordering::SeqCst);
    }

    fn later_than_floor(&self, now_ms: u64) -> u64 {
        let later = |floor: u64| now_ms.max(floor + 1);
        let before = self
            .floor_ms
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |floor| Some(later(floor)));
        later(before.unwrap_or(now_ms))
    }

    fn shard(&self, key: &ServiceKey) -> &Mutex<HashMap<ServiceKey, Arc<Mutex<Slot>>>> {
        // A cheap sum is enough: it only spreads.
        let text: &str = std::borrow::Borrow::borrow(key);
        let sum = text.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        &self.shards[sum % SHARDS]
    }
}
