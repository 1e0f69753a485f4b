//! Whether a command may be carried out: everything is checked here before anything is done.

use std::sync::Arc;

use bytes::Bytes;

use super::State;
use crate::command::{Command, Refused};
use crate::document::DocumentKey;
use crate::instance::Instance;
use crate::key::ServiceKey;
use crate::limits;
use crate::spec::{InstanceSpec, Protocol, check_metadata};

/// Number of a service and one of its instances.
pub(super) type Found = (u32, Arc<Instance>);

impl State {
    /// Whether a command would be carried out now.
    ///
    /// # Errors
    /// As [`State::apply`].
    pub fn check(&self, command: &Command) -> Result<(), Refused> {
        match command {
            Command::Register { service, spec } => self.check_register(service, spec).map(|_| ()),
            Command::Update { service, spec } => self.check_update(service, spec).map(|_| ()),
            Command::PutService { service, metadata } => self.check_put_service(service, metadata),
            Command::RemoveService { service } => self.check_remove_service(service),
            Command::PutDocument { key, body } => self.check_put_document(key, body),
            Command::Deregister { .. } | Command::RemoveDocument { .. } => Ok(()),
        }
    }

    /// Gives the service's number if it is there, and the instance that would be replaced.
    pub(super) fn check_register(
        &self,
        service: &ServiceKey,
        spec: &InstanceSpec,
    ) -> Result<(Option<u32>, Option<Arc<Instance>>), Refused> {
        spec.check()?;
        spec.check_ttl()?;
        let number = self.directory.find(service);
        let Some((_, old)) = self.locate(service, spec.protocol, &spec.id) else {
            self.check_room(number)?;
            return Ok((number, None));
        };
        if old.promise() == spec.promise {
            return Ok((number, Some(old)));
        }
        Err(Refused::PromiseConflict {
            service: service.clone(),
            id: spec.id.clone(),
            held: old.promise(),
            asked: spec.promise,
        })
    }

    pub(super) fn check_update(
        &self,
        service: &ServiceKey,
        spec: &InstanceSpec,
    ) -> Result<Found, Refused> {
        spec.check()?;
        self.locate(service, spec.protocol, &spec.id).ok_or_else(|| Refused::UnknownInstance {
            service: service.clone(),
            id: spec.id.clone(),
        })
    }

    pub(super) fn check_put_service(
        &self,
        service: &ServiceKey,
        metadata: &[(String, String)],
    ) -> Result<(), Refused> {
        check_metadata(service.name(), metadata)?;
        match self.directory.find(service) {
            Some(_) => Ok(()),
            None => self.check_services(),
        }
    }

    pub(super) fn check_remove_service(&self, service: &ServiceKey) -> Result<(), Refused> {
        match self.service(service).map_or(0, |service| service.len()) {
            0 => Ok(()),
            instances => Err(Refused::ServiceInUse { service: service.clone(), instances }),
        }
    }

    pub(super) fn check_put_document(
        &self,
        key: &DocumentKey,
        body: &Bytes,
    ) -> Result<(), Refused> {
        key.check()?;
        if body.len() > limits::DOCUMENT_BYTES_MAX {
            return Err(Refused::TooLarge {
                what: "bytes",
                subject: key.name.clone(),
                size: body.len(),
                size_max: limits::DOCUMENT_BYTES_MAX,
            });
        }
        let count_max = self.policy.limits.documents_max;
        if !self.documents.contains_key(key) && self.documents_len[key.kind as usize] >= count_max {
            return Err(Refused::Full { what: "documents", count_max });
        }
        Ok(())
    }

    pub(super) fn locate(
        &self,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
    ) -> Option<Found> {
        let number = self.directory.find(service)?;
        let instance = self.service_of(number).find(self.hash(id), protocol, id)?;
        Some((number, Arc::clone(instance)))
    }

    /// Whether one more instance fits, into a service that may be new.
    fn check_room(&self, number: Option<u32>) -> Result<(), Refused> {
        let limits = &self.policy.limits;
        if self.instances >= limits.instances_max {
            return Err(Refused::Full { what: "instances", count_max: limits.instances_max });
        }
        let Some(number) = number else { return self.check_services() };
        let count_max = limits.instances_per_service_max;
        if self.service_of(number).len() >= count_max {
            return Err(Refused::Full { what: "instances of this service", count_max });
        }
        Ok(())
    }

    fn check_services(&self) -> Result<(), Refused> {
        let count_max = self.policy.limits.services_max;
        if self.directory.len() >= count_max {
            return Err(Refused::Full { what: "services", count_max });
        }
        Ok(())
    }
}
