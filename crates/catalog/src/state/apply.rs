//! How commands change the state: everything is checked first, then everything is done.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::State;
use crate::command::{Command, Outcome, OutcomeKind, Refused};
use crate::document::{Document, DocumentKey};
use crate::event::Change;
use crate::instance::{Instance, Stamp};
use crate::key::ServiceKey;
use crate::netflix::OVERDUE_LIST;
use crate::spec::{InstanceSpec, Promise, Protocol};
use crate::time::Timestamp;

impl State {
    /// Carries out a command, or refuses it and changes nothing. A `now` earlier than one told
    /// before counts as that one.
    ///
    /// # Errors
    /// [`Refused`] says what was wrong with the command and what to do.
    pub fn apply(&mut self, now: Timestamp, command: Command) -> Result<Outcome, Refused> {
        self.now = self.now.max(now);
        match command {
            Command::Register { service, spec } => self.register(&service, &spec),
            Command::Update { service, spec } => self.update(service, spec),
            Command::Deregister { service, protocol, id } => {
                Ok(self.deregister(&service, protocol, &id))
            }
            Command::PutService { service, metadata } => self.put_service(service, metadata),
            Command::RemoveService { service } => self.remove_service(service),
            Command::PutDocument { key, body } => self.put_document(key, body),
            Command::RemoveDocument { key } => Ok(self.remove_document(key)),
        }
    }

    /// Removes an instance from everything but the record.
    pub(super) fn take_out(&mut self, number: u32, instance: &Arc<Instance>) {
        let hash = self.hash(instance.id());
        self.unschedule(instance);
        self.let_go(number, instance);
        let service = self.directory.get_mut(number);
        service.remove(hash, instance);
        if service.find_all(hash, instance.id()).next().is_none() {
            self.ids.remove(hash, number);
        }
        self.instances -= 1;
        self.count_netflix(instance, false);
    }

    fn register(&mut self, service: &ServiceKey, spec: &InstanceSpec) -> Result<Outcome, Refused> {
        let (number, old) = self.check_register(service, spec)?;
        let number = number.unwrap_or_else(|| self.directory.insert(service));
        let stamp = Stamp {
            service: number,
            registered: self.now,
            changed: self.now,
            revision: self.next_revision(),
        };
        let instance = Arc::new(Instance::pack(spec, spec.ttl, &stamp));
        let hash = self.hash(&spec.id);
        if let Some(old) = &old {
            self.unschedule(old);
            self.let_go(number, old);
            self.directory.get_mut(number).replace(hash, old, Arc::clone(&instance));
        } else {
            self.directory.get_mut(number).insert(hash, Arc::clone(&instance));
            self.ids.insert(hash, number);
            self.instances += 1;
            self.count_netflix(&instance, true);
        }
        self.schedule(&instance);
        let service = self.service_of(number).key.clone();
        let revision = self.record_service(number, Change::Registered { service, instance });
        self.end_protection(number);
        let kind = if old.is_some() { OutcomeKind::Replaced } else { OutcomeKind::Inserted };
        Ok(Outcome { revision, kind, previous: old })
    }

    fn update(&mut self, service: ServiceKey, spec: InstanceSpec) -> Result<Outcome, Refused> {
        let (number, old) = self.check_update(&service, &spec)?;
        let spec = InstanceSpec { promise: old.promise(), ..spec };
        let stamp = Stamp {
            service: number,
            registered: old.registered(),
            changed: self.now,
            revision: self.next_revision(),
        };
        let mut instance = Instance::pack(&spec, old.ttl(), &stamp);
        instance.inherit(&old);
        if instance.looks_like(&old) {
            return Ok(self.unchanged(Some(old)));
        }
        let instance = Arc::new(instance);
        match &mut self.netflix {
            Some(netflix) if old.lease().list.load(Ordering::Relaxed) == OVERDUE_LIST => {
                netflix.replace_overdue(&old, &instance);
            }
            _ => self.wheel.replace(&old, &instance),
        }
        let hash = self.hash(&spec.id);
        self.directory.get_mut(number).replace(hash, &old, Arc::clone(&instance));
        let change = Change::Updated { service, instance, before: old.status() };
        let revision = self.record_service(number, change);
        Ok(Outcome { revision, kind: OutcomeKind::Updated, previous: Some(old) })
    }

    fn deregister(&mut self, service: &ServiceKey, protocol: Protocol, id: &str) -> Outcome {
        let Some((number, instance)) = self.locate(service, protocol, id) else {
            return self.unchanged(None);
        };
        self.take_out(number, &instance);
        let service = self.service_of(number).key.clone();
        let change = Change::Deregistered { service, instance: Arc::clone(&instance) };
        let revision = self.record_service(number, change);
        self.end_protection(number);
        self.settle_service(number);
        Outcome { revision, kind: OutcomeKind::Removed, previous: Some(instance) }
    }

    fn put_service(
        &mut self,
        service: ServiceKey,
        metadata: Vec<(String, String)>,
    ) -> Result<Outcome, Refused> {
        self.check_put_service(&service, &metadata)?;
        let number =
            self.directory.find(&service).unwrap_or_else(|| self.directory.insert(&service));
        let held = self.directory.get_mut(number);
        if held.put && *held.metadata == *metadata {
            return Ok(self.unchanged(None));
        }
        let kind = if held.put { OutcomeKind::Updated } else { OutcomeKind::Inserted };
        let metadata: Arc<[(String, String)]> = metadata.into();
        held.put = true;
        held.metadata = Arc::clone(&metadata);
        let revision = self.record_service(number, Change::ServicePut { service, metadata });
        Ok(Outcome { revision, kind, previous: None })
    }

    fn remove_service(&mut self, service: ServiceKey) -> Result<Outcome, Refused> {
        self.check_remove_service(&service)?;
        let Some(number) = self.directory.find(&service) else { return Ok(self.unchanged(None)) };
        let held = self.directory.get_mut(number);
        held.put = false;
        held.metadata = Arc::from([]);
        let revision = self.record_service(number, Change::ServiceRemoved { service });
        self.settle_service(number);
        Ok(Outcome { revision, kind: OutcomeKind::Removed, previous: None })
    }

    fn put_document(&mut self, key: DocumentKey, body: Bytes) -> Result<Outcome, Refused> {
        self.check_put_document(&key, &body)?;
        let kind = match self.documents.get(&key) {
            Some(document) if document.body == body => return Ok(self.unchanged(None)),
            Some(_) => OutcomeKind::Updated,
            None => OutcomeKind::Inserted,
        };
        if kind == OutcomeKind::Inserted {
            self.documents_len[key.kind as usize] += 1;
        }
        let document =
            Document { body: body.clone(), revision: self.next_revision(), changed: self.now };
        self.documents.insert(key.clone(), document);
        let revision = self.record(Change::DocumentPut { key, body }, None);
        Ok(Outcome { revision, kind, previous: None })
    }

    fn remove_document(&mut self, key: DocumentKey) -> Outcome {
        if self.documents.remove(&key).is_none() {
            return self.unchanged(None);
        }
        self.documents_len[key.kind as usize] -= 1;
        let revision = self.record(Change::DocumentRemoved { key }, None);
        Outcome { revision, kind: OutcomeKind::Removed, previous: None }
    }

    fn unchanged(&self, previous: Option<Arc<Instance>>) -> Outcome {
        Outcome { revision: self.revision, kind: OutcomeKind::Unchanged, previous }
    }

    fn count_netflix(&mut self, instance: &Instance, comes: bool) {
        if instance.protocol() != Protocol::Eureka || instance.promise() == Promise::Agreed {
            return;
        }
        match &mut self.netflix {
            Some(netflix) if comes => netflix.came(),
            Some(netflix) => netflix.left(),
            None => {}
        }
    }
}
