//! Follows the instances of one service: from the cache file first, then from the server, change by
//! change, resuming where the last stream broke.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_api::proto::watch_reply::Kind;
use rialto_api::proto::{Change, Delta, ServiceName, Snapshot, WatchRequest, change};
use tokio::time::{Instant, sleep_until};

use super::pause::Pause;
use super::server::Server;
use crate::cache::CacheFile;
use crate::limits::EMPTY_VIEW_DOUBT;
use crate::view::{Endpoint, Key, View};

/// The task that follows one service.
pub(crate) struct Follow {
    pub(crate) server: Server,
    pub(crate) service: Arc<str>,
    pub(crate) view: Arc<View>,
    pub(crate) cache: Option<CacheFile>,
}

/// What is known of the service: pure, so that its rules can be tested without a server.
#[derive(Debug, Default)]
struct Known {
    endpoints: BTreeMap<Key, Arc<Endpoint>>,
    /// The last revision that the server told in this process.
    revision: Option<u64>,
    /// The server came back with an empty list: until then the old one is believed.
    doubted: Option<Instant>,
}

impl Follow {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut known = Known::default();
        if let Some(saved) = self.cache.as_ref().and_then(|cache| cache.load(&self.service)) {
            tracing::debug!(service = &*self.service, instances = saved.len(), "read from cache");
            known.endpoints = saved.into_iter().map(|one| (one.key(), Arc::new(one))).collect();
            self.publish(&known);
        }
        let mut pause = Pause::new();
        loop {
            if let Err(status) = self.stream(&mut known, &mut pause).await
                && pause.is_first()
            {
                let reason = status.message();
                tracing::warn!(service = &*self.service, reason, "cannot watch; still trying");
            }
            pause.wait().await;
        }
    }

    async fn stream(&self, known: &mut Known, pause: &mut Pause) -> Result<(), tonic::Status> {
        let name = ServiceName { name: self.service.to_string(), ..ServiceName::default() };
        let request = WatchRequest { service: Some(name), after: known.revision };
        let mut stream = self.server.client().watch(self.server.request(request)).await?;
        let stream = stream.get_mut();
        loop {
            let doubted = known.doubted;
            let reply = tokio::select! {
                reply = stream.message() => reply?,
                () = sleep_until(doubted.unwrap_or_else(Instant::now)), if doubted.is_some() => {
                    known.believe();
                    self.publish_and_save(known).await;
                    continue;
                }
            };
            let Some(reply) = reply else { return Ok(()) };
            pause.reset();
            let changed = match reply.kind {
                Some(Kind::Snapshot(snapshot)) => known.replace(snapshot, Instant::now()),
                Some(Kind::Delta(delta)) => known.change(delta),
                None => false,
            };
            if changed {
                self.publish_and_save(known).await;
            }
        }
    }

    fn publish(&self, known: &Known) {
        let callable = known.endpoints.values().filter(|endpoint| endpoint.available);
        self.view.publish(callable.cloned().collect());
    }

    async fn publish_and_save(&self, known: &Known) {
        self.publish(known);
        let Some(cache) = self.cache.clone() else { return };
        let service = self.service.clone();
        let endpoints = self.view.listed();
        let save = move || cache.save(&service, endpoints.endpoints.iter().map(|one| &**one));
        if let Ok(Err(error)) = tokio::task::spawn_blocking(save).await {
            tracing::warn!(%error, service = &*self.service, "the cache cannot be written");
        }
    }
}

impl Known {
    /// Takes a snapshot; whether the list is a new one.
    fn replace(&mut self, snapshot: Snapshot, now: Instant) -> bool {
        let told_before = self.revision.replace(snapshot.revision).is_some();
        if snapshot.instances.is_empty() && !self.endpoints.is_empty() && told_before {
            let ends = now + EMPTY_VIEW_DOUBT;
            self.doubted.get_or_insert(ends);
            return false;
        }
        self.doubted = None;
        self.endpoints = snapshot
            .instances
            .into_iter()
            .filter_map(Endpoint::read)
            .map(|endpoint| (endpoint.key(), Arc::new(endpoint)))
            .collect();
        true
    }

    /// Takes changes; whether there were any.
    fn change(&mut self, delta: Delta) -> bool {
        self.revision = Some(delta.revision);
        if delta.changes.is_empty() {
            return false;
        }
        if self.doubted.take().is_some() {
            // The list was empty, and this is how it begins anew.
            self.endpoints.clear();
        }
        for Change { kind } in delta.changes {
            match kind {
                Some(change::Kind::Put(instance)) => {
                    let key = (instance.protocol.clone(), instance.id.clone());
                    match Endpoint::read(instance) {
                        Some(endpoint) => _ = self.endpoints.insert(key, Arc::new(endpoint)),
                        None => _ = self.endpoints.remove(&key),
                    }
                }
                Some(change::Kind::Removed(removal)) => {
                    self.endpoints.remove(&(removal.protocol, removal.id));
                }
                None => {}
            }
        }
        true
    }

    /// The doubt has lasted long enough.
    fn believe(&mut self) {
        self.doubted = None;
        self.endpoints.clear();
    }
}

#[cfg(test)]
mod tests {
    use rialto_api::proto::{Change, Delta, Instance, Removal, Snapshot, change};
    use tokio::time::Instant;

    use super::Known;

    fn instance(id: &str) -> Instance {
        Instance {
            id: id.into(),
            host: "h".into(),
            port: 1,
            available: true,
            protocol: "sdk".into(),
            ..Instance::default()
        }
    }

    fn snapshot(revision: u64, ids: &[&str]) -> Snapshot {
        let instances = ids.iter().map(|id| instance(id)).collect();
        Snapshot { revision, instances, compacted: false }
    }

    fn delta(revision: u64, kind: change::Kind) -> Delta {
        Delta { revision, changes: vec![Change { kind: Some(kind) }] }
    }

    fn ids(known: &Known) -> Vec<&str> {
        known.endpoints.keys().map(|(_, id)| id.as_str()).collect()
    }

    #[test]
    fn follows_changes() {
        let mut known = Known::default();
        assert!(known.replace(snapshot(5, &["a", "b"]), Instant::now()));
        assert!(known.change(delta(6, change::Kind::Put(instance("c")))));
        let removal = Removal { protocol: "sdk".into(), id: "a".into() };
        assert!(known.change(delta(7, change::Kind::Removed(removal))));
        assert!(!known.change(Delta { revision: 9, changes: Vec::new() }));
        assert_eq!((ids(&known), known.revision), (vec!["b", "c"], Some(9)));
        let unusable = Instance { port: 0, ..instance("b") };
        known.change(delta(10, change::Kind::Put(unusable)));
        assert_eq!(ids(&known), ["c"]);
    }

    #[test]
    fn a_server_that_comes_back_empty_is_doubted() {
        let mut known = Known::default();
        known.replace(snapshot(5, &["a"]), Instant::now());
        assert!(!known.replace(snapshot(0, &[]), Instant::now()));
        assert_eq!(ids(&known), ["a"]);
        assert!(known.doubted.is_some());
        known.change(delta(1, change::Kind::Put(instance("b"))));
        assert_eq!(ids(&known), ["b"]);
        assert!(!known.replace(snapshot(0, &[]), Instant::now()));
        known.believe();
        assert!(ids(&known).is_empty());
    }

    #[test]
    fn a_cached_list_yields_to_the_first_answer() {
        let mut known = Known::default();
        let old = crate::view::Endpoint::fixed("h:1");
        known.endpoints.insert(old.key(), old.into());
        assert!(known.replace(snapshot(3, &[]), Instant::now()));
        assert!(ids(&known).is_empty());
    }
}
