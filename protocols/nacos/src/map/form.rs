//! An instance as a client says it.

use super::key::CLUSTER_DEFAULT;

/// An instance as a client says it; the default is what a client that says nothing means.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceForm {
    /// Address or host name.
    pub ip: String,
    /// Port.
    pub port: u16,
    /// Share of the traffic, 0 to 10,000.
    pub weight: f64,
    /// Whether it works.
    pub healthy: bool,
    /// Whether it wants traffic.
    pub enabled: bool,
    /// Whether it lives by its connection or its beats.
    pub ephemeral: bool,
    /// Cluster; empty is `DEFAULT`.
    pub cluster: String,
    /// In the given order; of a key given twice, the later value counts.
    pub metadata: Vec<(String, String)>,
    /// Identifier, when the client makes its own.
    pub instance_id: Option<String>,
    /// The application's name.
    pub app: String,
}

/// What a beat says.
#[derive(Debug, Clone, PartialEq)]
pub struct BeatForm {
    /// The service.
    pub key: rialto_catalog::ServiceKey,
    /// Address of the instance.
    pub ip: String,
    /// Port of the instance.
    pub port: u16,
    /// Cluster; empty is `DEFAULT`.
    pub cluster: String,
    /// The whole instance, unless the beat is a light one: registers it when it is unknown.
    pub instance: Option<InstanceForm>,
}

impl Default for InstanceForm {
    fn default() -> Self {
        Self {
            ip: String::new(),
            port: 0,
            weight: 1.0,
            healthy: true,
            enabled: true,
            ephemeral: true,
            cluster: CLUSTER_DEFAULT.to_owned(),
            metadata: Vec::new(),
            instance_id: None,
            app: String::new(),
        }
    }
}
