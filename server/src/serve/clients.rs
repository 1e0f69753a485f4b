//! What the console asks of the Nacos door: who subscribes and listens, what it keeps of services,
//! and its files of configurations.

use std::sync::Arc;

use rialto_catalog::{Protocol, ServiceKey};
use rialto_configuration::{ConfigKey, Entry};
use rialto_console::{
    Changed, Clients, Cluster, ImportFile, Importing, InstanceChange, Listener, NotChanged,
    ServiceFacts, Subscriber,
};
use rialto_nacos::config::{ArchiveFormat, Configs, ImportForm};
use rialto_nacos::naming::{ClusterInfo, Naming, Target};

/// The Nacos door as the console sees it.
pub(crate) struct NacosClients {
    pub(crate) naming: Naming,
    pub(crate) configs: Configs,
}

impl Clients for NacosClients {
    fn subscribers(&self, service: &ServiceKey) -> Vec<Subscriber> {
        let found = self.naming.subscribers(service, false);
        let subscriber = |row: rialto_nacos::naming::SubscriberRow| Subscriber {
            protocol: Protocol::Nacos,
            address: row.addr_str,
            client: row.agent,
            app: Some(row.app).filter(|app| app != "unknown").unwrap_or_default(),
            clusters: row.cluster,
        };
        found.into_iter().map(subscriber).collect()
    }

    fn listeners(&self, key: &ConfigKey) -> Vec<Listener> {
        let found = self.configs.listeners_of(&key.borrow());
        let listener = |row: rialto_nacos::config::ListenerRow| Listener {
            address: row.ip,
            client: String::new(),
            tag: String::new(),
            md5: row.md5,
        };
        found.into_iter().map(listener).collect()
    }

    fn service(&self, service: &ServiceKey) -> Option<ServiceFacts> {
        let detail = self.naming.service(service).ok()?;
        Some(ServiceFacts {
            protect_threshold: f64::from(detail.protect_threshold),
            selector: detail.selector_expression.unwrap_or_default(),
            clusters: detail.clusters.into_iter().map(cluster).collect(),
        })
    }

    fn change_instance<'a>(
        &'a self,
        service: &'a ServiceKey,
        id: &'a str,
        change: InstanceChange,
    ) -> Changed<'a> {
        Box::pin(async move {
            let target = target(id).ok_or(NotChanged::Gone)?;
            let InstanceChange { weight, enabled } = change;
            let change = rialto_nacos::naming::InstanceChange { weight, enabled, metadata: None };
            let done = self.naming.update_instance(service, target, change).await;
            done.map_err(|problem| match problem.status {
                404 => NotChanged::Gone,
                400..=499 => NotChanged::Refused,
                _ => NotChanged::Failed(problem.message),
            })
        })
    }

    fn pack(&self, entries: &[Arc<Entry>]) -> Result<Vec<u8>, String> {
        // Whoever may not see a secret is not given it by the console.
        let packed = Configs::export(entries, ArchiveFormat::New, true);
        packed.map_err(|problem| problem.message)
    }

    fn import(&self, file: ImportFile) -> Importing<'_> {
        let done = self.configs.import(&ImportForm {
            archive: file.file,
            namespace: &file.namespace,
            policy: file.policy,
            user: &file.origin.user,
            ip: &file.origin.ip,
        });
        Box::pin(async move {
            let done = done.await.map_err(|problem| problem.message)?;
            Ok((done.outcome, done.unrecognized))
        })
    }
}

fn cluster(info: ClusterInfo) -> Cluster {
    let text = |name: &str| info.health_checker.get(name).and_then(serde_json::Value::as_str);
    let kind = text("type").unwrap_or("TCP");
    let checker = match text("path") {
        Some(path) => format!("{kind} {path}"),
        None => kind.to_owned(),
    };
    let own = info.use_instance_port_for_check;
    let check_port = (!own).then_some(info.health_check_port);
    Cluster { name: info.cluster_name, checker, check_port }
}

/// The parts of an instance's identifier in the catalog: `ip#port#cluster`.
fn target(id: &str) -> Option<Target<'_>> {
    let (rest, cluster) = id.rsplit_once('#')?;
    let (ip, port) = rest.rsplit_once('#')?;
    Some(Target { ip, port: port.parse().ok()?, cluster })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_comes_apart() {
        let expected = Target { ip: "10.0.0.1", port: 80, cluster: "BLUE" };
        assert_eq!(target("10.0.0.1#80#BLUE"), Some(expected));
        assert_eq!(target("10.0.0.1#x#BLUE"), None);
        assert_eq!(target("10.0.0.1:80"), None);
    }
}
