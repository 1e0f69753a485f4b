//! What Nacos keeps of a service beside its instances: protect threshold, kind, clusters with their
//! health checks. A document of the catalog, with a copy at hand because every view asks for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use rialto_catalog::{DocumentKey, DocumentKind, ServiceKey, State};
use serde::{Deserialize, Serialize};

use super::words::Checker;
use crate::map::{group_of, key};
use crate::{Code, Problem};

/// The port of checks of those who say none.
const CHECK_PORT: u16 = 80;

/// What is kept of one service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Settings {
    /// Share of healthy instances at or below which all are given as healthy.
    pub(super) protect_threshold: f32,
    /// Whether instances are ephemeral.
    pub(super) ephemeral: bool,
    /// By name; those that nobody changed are not here.
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// What the service carries itself, in the given order.
    pub(super) metadata: Vec<(String, String)>,
    /// Tells this version from others while this process runs.
    #[serde(skip)]
    pub(super) version: u64,
}

/// What is kept of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cluster {
    pub(super) check_port: u16,
    pub(super) use_instance_port: bool,
    pub(super) checker: Checker,
    pub(super) metadata: Vec<(String, String)>,
}

/// All settings, by service.
pub(super) struct SettingsTable {
    inner: RwLock<(HashMap<ServiceKey, Arc<Settings>>, u64)>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            check_port: CHECK_PORT,
            use_instance_port: true,
            checker: Checker::default(),
            metadata: Vec::new(),
        }
    }
}

impl Settings {
    /// The document that keeps those of a service.
    pub(super) fn document(service: &ServiceKey) -> Result<DocumentKey, Problem> {
        let (namespace, group, name) = (service.namespace(), group_of(service), service.name());
        DocumentKey::new(DocumentKind::NacosService, &format!("{namespace}@@{group}@@{name}"))
            .map_err(|error| Problem::new(400, Code::ServiceName, error.to_string()))
    }

    pub(super) fn body(&self) -> Bytes {
        serde_json::to_vec(self).expect("settings have no type that JSON cannot write").into()
    }

    /// The checker of a cluster with its port, `None` for the instance's own.
    pub(super) fn cluster(&self, name: &str) -> Cluster {
        self.clusters.get(name).cloned().unwrap_or_default()
    }
}

impl SettingsTable {
    /// Those that the catalog keeps.
    pub(super) fn load(state: &State) -> Self {
        let table = Self { inner: RwLock::new((HashMap::new(), 0)) };
        for (document, content) in state.documents(DocumentKind::NacosService) {
            let mut parts = document.name.splitn(3, "@@");
            let names = (parts.next(), parts.next(), parts.next());
            let (Some(namespace), Some(group), Some(name)) = names else { continue };
            let settings = serde_json::from_slice(&content.body);
            if let (Ok(key), Ok(settings)) = (key(namespace, group, name), settings) {
                table.put(&key, settings);
            }
        }
        table
    }

    pub(super) fn get(&self, key: &ServiceKey) -> Option<Arc<Settings>> {
        self.inner.read().0.get(key).cloned()
    }

    pub(super) fn put(&self, key: &ServiceKey, settings: Settings) {
        let (table, version) = &mut *self.inner.write();
        *version += 1;
        table.insert(key.clone(), Arc::new(Settings { version: *version, ..settings }));
    }

    pub(super) fn remove(&self, key: &ServiceKey) {
        self.inner.write().0.remove(key);
    }

    /// Services that have some.
    pub(super) fn keys(&self) -> Vec<ServiceKey> {
        self.inner.read().0.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back() {
        let checker =
            Checker::Http { path: "/health".into(), headers: "a:b|c:d".into(), expected: 204 };
        let cluster = Cluster { checker, check_port: 81, ..Cluster::default() };
        let settings = Settings {
            protect_threshold: 0.5,
            ephemeral: true,
            clusters: BTreeMap::from([("c1".to_owned(), cluster)]),
            metadata: vec![("o".into(), "x".into())],
            version: 0,
        };
        let read: Settings = serde_json::from_slice(&settings.body()).unwrap();
        assert_eq!(read, settings);
        assert_eq!(serde_json::from_slice::<Settings>(b"{}").unwrap(), Settings::default());
    }
}
