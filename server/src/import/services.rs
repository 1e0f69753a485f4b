//! What administrators set for services, and their persistent instances.
//!
//! Ephemeral instances are not carried: they belong to clients that are still connected there, and
//! register by themselves where they are pointed next.

use super::copy::Copy;
use super::digest;
use super::model::{Instance, Service, ServiceId};
use super::report::Kind;
use crate::exit::Failure;

impl Copy {
    /// Copies the services of a namespace.
    pub(super) async fn services(&mut self, namespace: &str) -> Result<(), Failure> {
        let what = format!("services of namespace {namespace}");
        let listed = self.source.services(namespace).await;
        let Some(listed) = self.unless_refused(&what, listed)? else { return Ok(()) };
        for (done, id) in listed.iter().enumerate() {
            self.progress.at(Kind::Service, done, listed.len(), &id.to_string());
            self.service(id).await?;
        }
        Ok(())
    }

    async fn service(&mut self, id: &ServiceId) -> Result<(), Failure> {
        let item = format!("service {id}");
        let service = self.source.service(id).await;
        let Some(service) = self.unless_refused(&item, service)? else { return Ok(()) };
        let instances = self.source.instances(&service).await;
        let Some(instances) = self.unless_refused(&item, instances)? else { return Ok(()) };
        let (ephemeral, persistent): (Vec<Instance>, Vec<Instance>) =
            instances.into_iter().partition(|instance| instance.is_ephemeral);
        self.report.ephemeral(ephemeral.len());
        self.settings(&service, !ephemeral.is_empty(), !persistent.is_empty()).await?;
        for instance in &persistent {
            self.instance(id, instance).await?;
        }
        Ok(())
    }

    async fn settings(
        &mut self,
        service: &Service,
        has_ephemeral: bool,
        has_persistent: bool,
    ) -> Result<(), Failure> {
        let is_ephemeral = service.is_ephemeral.unwrap_or(has_ephemeral || !has_persistent);
        let set: Vec<_> = service.clusters.iter().filter(|it| it.has_settings()).collect();
        // One that clients made by registering is made again by them.
        if is_ephemeral && !service.has_settings() && set.is_empty() {
            return Ok(());
        }
        let item = format!("service {}", service.id);
        let digest = digest::of(&(service, is_ephemeral));
        if self.journal.has(&item, &digest) {
            self.report.unchanged(Kind::Service);
            return Ok(());
        }
        let result = self.target.put_service(service, is_ephemeral).await;
        if self.unless_refused(&item, result)?.is_none() {
            return Ok(());
        }
        for cluster in set {
            let what = format!("cluster {} of {item}", cluster.name);
            let result = self.target.put_cluster(&service.id, cluster).await;
            if self.unless_refused(&what, result)?.is_none() {
                return Ok(());
            }
        }
        self.settle(Kind::Service, &item, &digest, Ok(()))
    }

    async fn instance(&mut self, of: &ServiceId, instance: &Instance) -> Result<(), Failure> {
        let Instance { ip, port, cluster, .. } = instance;
        let item = format!("instance {ip}:{port} in cluster {cluster} of service {of}");
        let digest = digest::of(&carried_of(instance));
        if self.journal.has(&item, &digest) {
            self.report.unchanged(Kind::Instance);
            return Ok(());
        }
        let result = self.target.put_instance(of, instance).await;
        self.settle(Kind::Instance, &item, &digest, result)
    }
}

/// Health comes and goes by checks, and is no reason to carry an instance again.
fn carried_of(instance: &Instance) -> Instance {
    Instance { is_healthy: true, ..instance.clone() }
}
