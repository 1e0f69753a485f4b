//! What operators do with instances: look at one, change it against what it says, set its health.

use std::sync::Arc;

use rialto_catalog::{Command, Instance, Promise, Protocol, ServiceKey};

use super::Naming;
use super::register::{overlay, refusal};
use super::select::{Seen, Wanted, see, select};
use super::words::{Checker, InstanceChange, InstanceInfo, Target};
use crate::map::{
    CLUSTER_DEFAULT, InstanceForm, KEY_GENERATOR, Overlay, Times, check_form, cluster_of, grouped,
    id, with_overlay,
};
use crate::{Code, Problem};

impl Naming {
    /// All instances of a service, also those that are not enabled, in the clusters of a
    /// comma-separated list or in all.
    #[must_use]
    pub fn instances(&self, key: &ServiceKey, clusters: &str) -> Vec<InstanceInfo> {
        let wanted = Wanted { clusters, healthy_only: false, enabled_only: false };
        let (seen, _) = (self.all_of(key), wanted);
        let (chosen, _) = select(&seen, wanted, None);
        chosen.iter().map(|seen| info(key, seen)).collect()
    }

    /// One instance.
    ///
    /// # Errors
    /// When there is none (404).
    pub fn instance(&self, key: &ServiceKey, target: Target<'_>) -> Result<InstanceInfo, Problem> {
        let cluster = cluster_or_default(target.cluster);
        let all = self.all_of(key);
        if all.is_empty() {
            let service = grouped(key);
            let message = format!("no ips found for cluster {cluster} in service {service}");
            return Err(Problem::new(404, Code::NotFound, message));
        }
        let found = self.find(key, target).or_else(|| {
            let is = |one: &&Arc<Instance>| {
                let seen = see(one);
                (one.host(), seen.port, seen.cluster) == (target.ip, target.port, cluster)
            };
            all.iter().find(is).cloned()
        });
        let missing = || Problem::new(404, Code::NotFound, "no matched ip found!");
        found.map(|one| info(key, &see(&one))).ok_or_else(missing)
    }

    /// An operator's change of an instance, which outlives its registration; what is absent in it
    /// becomes what it is by itself. The instance may come later, the service must be there.
    ///
    /// # Errors
    /// When there is no such service, a value is wrong, or it could not be made durable.
    pub async fn update_instance(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
        change: InstanceChange,
    ) -> Result<(), Problem> {
        if self.shared.engine.read(|state| state.service(key).is_none()) {
            let (namespace, service) = (key.namespace(), grouped(key));
            let message = format!("service not found, namespace: {namespace}, service: {service}");
            return Err(Problem::new(400, Code::Instance, message));
        }
        self.lay_over(key, target, Overlay::default().changed(change)).await
    }

    /// As [`Naming::update_instance`], but what is absent stays.
    ///
    /// # Errors
    /// As [`Naming::update_instance`], or when there is no such instance (404).
    pub async fn patch_instance(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
        change: InstanceChange,
    ) -> Result<(), Problem> {
        self.instance(key, target)?;
        let before = self.overlay_of(key, target);
        self.lay_over(key, target, before.changed(change)).await
    }

    /// Puts metadata over that of many instances, or with `remove` takes those keys of an operator
    /// out again; all of the service when `targets` is empty, and of one kind when `ephemeral` is
    /// given. Returns `ip:port:unknown:cluster:ephemeral` of each.
    ///
    /// # Errors
    /// As [`Naming::update_instance`].
    pub async fn change_metadata(
        &self,
        key: &ServiceKey,
        targets: &[Target<'_>],
        ephemeral: Option<bool>,
        metadata: &[(String, String)],
        remove: bool,
    ) -> Result<Vec<String>, Problem> {
        let mut changed = Vec::new();
        for one in self.all_of(key).iter().filter(|one| one.protocol() == Protocol::Nacos) {
            let target = Target { ip: one.host(), port: one.port(), cluster: cluster_of(one) };
            let named = |named: &Target<'_>| {
                let cluster = cluster_or_default(named.cluster);
                Target { cluster, ..*named } == target
            };
            let kind = one.promise() == Promise::Ephemeral;
            let other_kind = ephemeral.is_some_and(|ephemeral| ephemeral != kind);
            if other_kind || (!targets.is_empty() && !targets.iter().any(named)) {
                continue;
            }
            let mut overlay = self.overlay_of(key, target);
            overlay.metadata.retain(|(key, _)| metadata.iter().all(|(other, _)| other != key));
            if !remove {
                overlay.metadata.extend_from_slice(metadata);
            }
            self.lay_over(key, target, overlay).await?;
            let kind = if kind { "ephemeral" } else { "persist" };
            let (ip, port, cluster) = (target.ip, target.port, target.cluster);
            changed.push(format!("{ip}:{port}:unknown:{cluster}:{kind}"));
        }
        Ok(changed)
    }

    /// Sets the health of a persistent instance whose cluster has no checker. One that is not there
    /// is no error.
    ///
    /// # Errors
    /// When its health is checked here, or it could not be made durable.
    pub async fn set_health(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
        healthy: bool,
    ) -> Result<(), Problem> {
        let cluster = cluster_or_default(target.cluster);
        let settings = self.shared.settings.get(key);
        let unchecked = settings.is_some_and(|settings| {
            settings.clusters.get(cluster).is_some_and(|it| it.checker == Checker::None)
        });
        if !unchecked {
            let message = format!(
                "health check is still working, service: {}, cluster: {cluster}",
                grouped(key)
            );
            return Err(Problem::new(400, Code::HealthChecked, message));
        }
        self.record_health(key, &id(target.ip, target.port, cluster), healthy).await
    }

    /// Instances of any protocol, sorted.
    pub(super) fn all_of(&self, key: &ServiceKey) -> Arc<[Arc<Instance>]> {
        let found = self
            .shared
            .engine
            .read(|state| state.service(key).map(|service| Arc::clone(service.instances())));
        found.unwrap_or_else(|| Arc::from([]))
    }

    fn find(&self, key: &ServiceKey, target: Target<'_>) -> Option<Arc<Instance>> {
        let id = id(target.ip, target.port, target.cluster);
        self.shared.engine.read(|state| state.instance(key, Protocol::Nacos, &id).cloned())
    }

    fn overlay_of(&self, key: &ServiceKey, target: Target<'_>) -> Overlay {
        let id = id(target.ip, target.port, target.cluster);
        self.shared.engine.read(|state| overlay(state, key, &id)).unwrap_or_default()
    }

    /// Remembers an operator's changes and makes them of the instance, if it is there.
    async fn lay_over(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
        overlay: Overlay,
    ) -> Result<(), Problem> {
        check_form(&InstanceForm {
            ip: target.ip.to_owned(),
            port: target.port,
            cluster: target.cluster.to_owned(),
            weight: overlay.weight.unwrap_or(1.0),
            metadata: overlay.metadata.clone(),
            ..InstanceForm::default()
        })?;
        let id = id(target.ip, target.port, target.cluster);
        let document = Overlay::document(key, &id)?;
        self.propose(Command::PutDocument { key: document, body: overlay.body() }).await?;
        let service = key.clone();
        let Some(held) = self.find(key, target) else { return Ok(()) };
        if held.promise() == Promise::Agreed {
            let spec = with_overlay(&held, Some(&overlay));
            return self.propose(Command::Update { service, spec }).await;
        }
        // The instance may have come anew meanwhile: what it says now counts.
        let update = self.shared.engine.own(|state, _| {
            let held = state.instance(key, Protocol::Nacos, &id);
            let spec = held.map(|held| with_overlay(held, Some(&overlay)));
            (spec.map(|spec| Command::Update { service, spec }), ())
        });
        update.map_err(refusal)
    }
}

fn cluster_or_default(cluster: &str) -> &str {
    if cluster.is_empty() { CLUSTER_DEFAULT } else { cluster }
}

/// An instance for lists that are not on the hot path.
pub(super) fn info(key: &ServiceKey, seen: &Seen<'_>) -> InstanceInfo {
    let instance = seen.instance;
    let service_name = grouped(key);
    let usual = || {
        let id = id(instance.host(), seen.port, seen.cluster);
        format!("{id}#{service_name}")
    };
    let times = Times::of(instance.metadata());
    let generator = match instance.metadata().len() {
        0 => Some("simple"),
        _ => instance.meta(KEY_GENERATOR),
    };
    InstanceInfo {
        instance_id: seen.own_id.clone().unwrap_or_else(usual),
        ip: instance.host().to_owned(),
        port: seen.port,
        weight: instance.weight(),
        healthy: seen.healthy,
        enabled: seen.enabled,
        ephemeral: seen.ephemeral,
        cluster_name: seen.cluster.to_owned(),
        metadata: instance.metadata().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        instance_heart_beat_interval: times.interval_ms,
        instance_heart_beat_time_out: times.timeout_ms,
        ip_delete_timeout: times.delete_ms,
        instance_id_generator: generator.map(str::to_owned),
        service_name,
    }
}
