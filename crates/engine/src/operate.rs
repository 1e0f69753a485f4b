//! What operators decide about an instance, whichever protocol it came by and whichever page or
//! program they use: one place, so that no two of them can differ.

use std::sync::Arc;

use bytes::Bytes;
use rialto_catalog::{
    Command, DocumentKey, DocumentKind, Instance, InstanceSpec, Promise, Protocol, Refused,
    ServiceKey, Status,
};

use crate::engine::Engine;
use crate::error::ProposeError;

impl Engine {
    /// Sets the status of an instance against what it says itself, or with `None` ends that; then
    /// it counts as up until it says otherwise. Returns the status that is shown from now on.
    ///
    /// # Errors
    /// When there is no such instance, or the change could not be made durable.
    pub async fn override_status(
        &self,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
        status: Option<Status>,
    ) -> Result<Status, ProposeError> {
        let instance = self.held(service, protocol, id)?;
        if let Some(command) = self.remembered(&instance, status) {
            self.propose(command).await?;
        }
        let shown = status.unwrap_or(Status::Up);
        let overridden = status.is_some();
        let spec = InstanceSpec { status: shown, overridden, ..instance.spec() };
        let command = Command::Update { service: service.clone(), spec };
        self.change(instance.promise(), command).await.map(|()| shown)
    }

    /// Sets the weight of an instance until it registers again.
    ///
    /// # Errors
    /// When there is no such instance, the weight is out of its limits, or the change could not be
    /// made durable.
    pub async fn set_weight(
        &self,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
        weight: f64,
    ) -> Result<(), ProposeError> {
        let instance = self.held(service, protocol, id)?;
        let spec = InstanceSpec { weight, ..instance.spec() };
        let command = Command::Update { service: service.clone(), spec };
        self.change(instance.promise(), command).await
    }

    /// Removes an instance.
    ///
    /// # Errors
    /// When there is no such instance, or the change could not be made durable.
    pub async fn remove_instance(
        &self,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
    ) -> Result<(), ProposeError> {
        let promise = self.held(service, protocol, id)?.promise();
        let (service, id) = (service.clone(), id.to_owned());
        self.change(promise, Command::Deregister { service, protocol, id }).await
    }

    fn held(
        &self,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
    ) -> Result<Arc<Instance>, Refused> {
        let found = self.read(|state| state.instance(service, protocol, id).cloned());
        found
            .ok_or_else(|| Refused::UnknownInstance { service: service.clone(), id: id.to_owned() })
    }

    /// Eureka clients register again with a status of their own, so their door asks this record,
    /// under the instance's identifier and in Eureka's words, what an operator wants.
    fn remembered(&self, instance: &Instance, status: Option<Status>) -> Option<Command> {
        if instance.protocol() != Protocol::Eureka {
            return None;
        }
        let key = DocumentKey::new(DocumentKind::StatusOverride, instance.id()).ok()?;
        match status {
            Some(status) => {
                let body = Bytes::from(status.as_str().to_ascii_uppercase());
                Some(Command::PutDocument { key, body })
            }
            None => self
                .read(|state| state.document(&key).is_some())
                .then_some(Command::RemoveDocument { key }),
        }
    }

    /// An agreed record is changed durably, one with a lease at once.
    async fn change(&self, promise: Promise, command: Command) -> Result<(), ProposeError> {
        match promise {
            Promise::Agreed => self.propose(command).await?,
            Promise::Ephemeral => self.apply(command)?,
        };
        Ok(())
    }
}
