//! Persistent instances: on disk before the answer, there until they are removed.

use rialto_catalog::{Command, Instance, InstanceSpec, Promise, Protocol, ServiceKey, State};
use rialto_engine::ProposeError;

use super::Naming;
use super::register::{allowed, deregister, overlay, refusal};
use super::words::Target;
use crate::map::{InstanceForm, Life, check_form, id, spec_of, with_health};
use crate::{Code, Problem};

impl Naming {
    /// Registers a persistent instance; it is on disk before the answer.
    ///
    /// # Errors
    /// As [`Naming::register`], or when the service is one of ephemeral instances.
    pub async fn register_persistent(
        &self,
        key: &ServiceKey,
        form: InstanceForm,
    ) -> Result<(), Problem> {
        check_form(&form)?;
        let id = id(&form.ip, form.port, &form.cluster);
        let (overlay, moved) = self.shared.engine.read(|state| {
            allowed(state, self, key, false)?;
            Ok::<_, Problem>((overlay(state, key, &id), elsewhere(state, key, &form, &id)))
        })?;
        let spec = spec_of(form, Life::Persistent, overlay.as_ref());
        self.propose(Command::Register { service: key.clone(), spec }).await?;
        // One address is one client, and a client has one instance at a service.
        for id in moved {
            self.propose(deregister(key, &id)).await?;
        }
        Ok(())
    }

    /// Takes a persistent instance out; one that is not there is no error.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn deregister_persistent(
        &self,
        key: &ServiceKey,
        target: Target<'_>,
    ) -> Result<(), Problem> {
        let id = id(target.ip, target.port, target.cluster);
        let held = self.shared.engine.read(|state| {
            let held = state.instance(key, Protocol::Nacos, &id);
            held.is_some_and(|held| held.promise() == Promise::Agreed)
        });
        if held { self.propose(deregister(key, &id)).await } else { Ok(()) }
    }

    /// Sets the health of a persistent instance, durably; one that is not there is no error.
    pub(super) async fn record_health(
        &self,
        key: &ServiceKey,
        id: &str,
        healthy: bool,
    ) -> Result<(), Problem> {
        let spec: Option<InstanceSpec> = self.shared.engine.read(|state| {
            let held = state.instance(key, Protocol::Nacos, id)?;
            (held.promise() == Promise::Agreed).then(|| with_health(held, healthy))
        });
        match spec {
            Some(spec) => self.propose(Command::Update { service: key.clone(), spec }).await,
            None => Ok(()),
        }
    }

    /// Makes a change durable.
    pub(super) async fn propose(&self, command: Command) -> Result<(), Problem> {
        match self.shared.engine.propose(command).await {
            Ok(_) => Ok(()),
            Err(ProposeError::Refused(refused)) => Err(refusal(refused)),
            Err(error) => Err(Problem::new(500, Code::DataAccess, error.to_string())),
        }
    }
}

/// Instances of the same address in other clusters.
fn elsewhere(state: &State, key: &ServiceKey, form: &InstanceForm, id: &str) -> Vec<String> {
    let Some(service) = state.service(key) else { return Vec::new() };
    let same = |one: &&std::sync::Arc<Instance>| {
        one.protocol() == Protocol::Nacos
            && one.promise() == Promise::Agreed
            && (one.host(), one.port()) == (&*form.ip, form.port)
            && one.id() != id
    };
    service.instances().iter().filter(same).map(|one| one.id().to_owned()).collect()
}
