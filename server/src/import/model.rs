//! What an import carries, in words that are neither API's.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

/// The namespace that exists by itself; older servers call it by the empty name.
pub(super) const PUBLIC: &str = "public";

/// The role that may do everything. No API of Nacos gives it to a user.
pub(super) const ADMIN_ROLE: &str = "ROLE_ADMIN";

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Namespace {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
}

/// Which service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct ServiceId {
    pub(super) namespace: String,
    pub(super) group: String,
    pub(super) name: String,
}

/// What an administrator set for a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Service {
    pub(super) id: ServiceId,
    pub(super) protect_threshold: f64,
    pub(super) metadata: BTreeMap<String, String>,
    /// As the server shows it; `{"type":"none"}` for none.
    pub(super) selector: Json,
    /// Whether its instances are; a server that does not say so leaves it to be seen by them.
    pub(super) is_ephemeral: Option<bool>,
    pub(super) clusters: Vec<Cluster>,
}

/// How the instances of a cluster are checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) checker: Json,
    pub(super) check_port: u64,
    pub(super) uses_instance_port: bool,
    pub(super) metadata: BTreeMap<String, String>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Instance {
    pub(super) ip: String,
    pub(super) port: u64,
    pub(super) weight: f64,
    pub(super) is_healthy: bool,
    pub(super) is_enabled: bool,
    pub(super) is_ephemeral: bool,
    pub(super) cluster: String,
    pub(super) metadata: BTreeMap<String, String>,
}

/// Which configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct ConfigId {
    pub(super) namespace: String,
    pub(super) group: String,
    pub(super) data_id: String,
}

/// A configuration with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Config {
    pub(super) id: ConfigId,
    pub(super) content: String,
    pub(super) kind: String,
    pub(super) app: String,
    pub(super) description: String,
    /// Separated by commas.
    pub(super) tags: String,
    pub(super) user: String,
    pub(super) usage: String,
    pub(super) effect: String,
    pub(super) schema: String,
    /// Not empty when a client encrypted the content.
    pub(super) encrypted_data_key: String,
}

/// A version for some clients only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Gray {
    /// Separated by commas.
    pub(super) ips: String,
    pub(super) content: String,
    pub(super) encrypted_data_key: String,
}

/// One row of a configuration's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct HistoryRow {
    pub(super) id: String,
    pub(super) is_formal: bool,
}

/// Content that a configuration once had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Version {
    pub(super) content: String,
    pub(super) user: String,
    pub(super) encrypted_data_key: String,
}

/// Who has a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Role {
    pub(super) role: String,
    pub(super) user: String,
}

/// What a role may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Permission {
    pub(super) role: String,
    pub(super) resource: String,
    pub(super) action: String,
}

impl Service {
    /// Whether an administrator set anything that would be missed.
    pub(super) fn has_settings(&self) -> bool {
        let is_selected = self.selector["type"].as_str().is_some_and(|kind| kind != "none");
        self.protect_threshold > 0.0 || !self.metadata.is_empty() || is_selected
    }
}

impl Cluster {
    /// Whether it differs from one that nobody touched.
    pub(super) fn has_settings(&self) -> bool {
        let is_default_checker = self.checker["type"].as_str().is_none_or(|kind| kind == "TCP");
        !(is_default_checker && self.uses_instance_port && self.metadata.is_empty())
    }
}

impl std::fmt::Display for ServiceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.group, self.name)
    }
}

impl std::fmt::Display for ConfigId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.group, self.data_id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_set_is_told_from_what_somebody_did() {
        let id = ServiceId { namespace: "n".into(), group: "g".into(), name: "s".into() };
        let mut service = Service {
            id,
            protect_threshold: 0.0,
            metadata: BTreeMap::new(),
            selector: json!({"type": "none"}),
            is_ephemeral: None,
            clusters: Vec::new(),
        };
        assert!(!service.has_settings());
        service.selector = json!({"type": "label", "expression": "x"});
        assert!(service.has_settings());

        let mut cluster = Cluster {
            name: "DEFAULT".into(),
            checker: json!({"type": "TCP"}),
            check_port: 80,
            uses_instance_port: true,
            metadata: BTreeMap::new(),
        };
        assert!(!cluster.has_settings());
        cluster.checker = json!({"type": "NONE"});
        assert!(cluster.has_settings());
    }
}
