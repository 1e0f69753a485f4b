//! The state machine: what is asked of it here, how commands change it in `apply`, how time does in
//! `expire`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::{Document, DocumentKey, DocumentKind};
use crate::event::{Change, Changes, Compacted, Event, Selector, Snapshot};
use crate::ids::Ids;
use crate::instance::{Instance, LeaseInfo, Stamp};
use crate::key::ServiceKey;
use crate::log::Log;
use crate::netflix::{Netflix, NetflixView};
use crate::policy::{ExpiryMode, Policy};
use crate::protection::ProtectionState;
use crate::service::{Service, ServiceRef};
use crate::spec::Protocol;
use crate::time::{Millis, Revision, Timestamp};
use crate::wheel::Wheel;

mod apply;
mod check;
mod directory;
mod expire;

use directory::Directory;

/// The whole catalog.
#[derive(Debug)]
pub struct State {
    pub(crate) policy: Policy,
    pub(crate) revision: Revision,
    /// The latest moment told.
    pub(crate) now: Timestamp,
    hasher: ahash::RandomState,
    pub(crate) directory: Directory,
    ids: Ids,
    pub(crate) documents: BTreeMap<DocumentKey, Document>,
    documents_len: [usize; DocumentKind::ALL.len()],
    pub(crate) instances: usize,
    wheel: Wheel,
    pub(crate) log: Log,
    pub(crate) netflix: Option<Netflix>,
    ticked: Option<Timestamp>,
    /// When this process last came back from standing still, and how long it had stood.
    pause: (Timestamp, Millis),
}

impl State {
    /// An empty catalog.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let seed = policy.hash_seed;
        let hasher = ahash::RandomState::with_seeds(seed, !seed, seed.rotate_left(32), 0x9e37);
        let netflix = match &policy.expiry {
            ExpiryMode::Exact => None,
            ExpiryMode::Netflix(numbers) => Some(Netflix::new(numbers.clone())),
        };
        Self {
            revision: policy.revision_start,
            now: Timestamp(0),
            directory: Directory::new(hasher.clone()),
            ids: Ids::default(),
            documents: BTreeMap::new(),
            documents_len: [0; DocumentKind::ALL.len()],
            instances: 0,
            wheel: Wheel::new(),
            log: Log::new(policy.revision_start, policy.limits.events_max, hasher.clone()),
            netflix,
            ticked: None,
            pause: (Timestamp(0), Millis(0)),
            hasher,
            policy,
        }
    }

    /// Renews a lease and gives its instance; `None` when there is none such. An agreed instance
    /// has no lease and is given as it is. Spends no revision, allocates nothing, and may run
    /// beside other renewals and readers.
    pub fn renew(
        &self,
        now: Timestamp,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
    ) -> Option<&Arc<Instance>> {
        self.service(service)?.renew(now, protocol, id)
    }

    /// Renews the lease of an instance that was not renewed in time ([`Instance::lapsed`]): it is
    /// again what its owner says. As [`State::renew`] when it has not lapsed.
    pub fn revive(
        &mut self,
        now: Timestamp,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
    ) -> Option<Arc<Instance>> {
        self.now = self.now.max(now);
        let (number, old) = self.locate(service, protocol, id)?;
        self.renew_lease(now, &old);
        if !old.lapsed() {
            return Some(old);
        }
        self.unschedule(&old);
        self.let_go(number, &old);
        let instance = Arc::new(self.remake(number, &old));
        self.put_back(number, &old, Arc::clone(&instance));
        self.end_protection(number);
        Some(instance)
    }

    /// Revision of the last change.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The policy that it was made with.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Number of services.
    #[must_use]
    pub fn services_len(&self) -> usize {
        self.directory.len()
    }

    /// Number of instances of all services.
    #[must_use]
    pub const fn instances_len(&self) -> usize {
        self.instances
    }

    /// One service.
    #[must_use]
    pub fn service(&self, key: &ServiceKey) -> Option<ServiceRef<'_>> {
        let service = self.directory.get(self.directory.find(key)?);
        Some(ServiceRef { state: self, service })
    }

    /// All services, sorted by key.
    pub fn services(&self) -> impl Iterator<Item = ServiceRef<'_>> {
        self.directory.iter().map(|service| ServiceRef { state: self, service })
    }

    /// Services after a key in order, or before it backwards: a list is read page by page without
    /// counting from its start.
    pub fn services_beyond<'a>(
        &'a self,
        key: &ServiceKey,
        backwards: bool,
    ) -> impl Iterator<Item = ServiceRef<'a>> + use<'a> {
        self.directory.beyond(key, backwards).map(|service| ServiceRef { state: self, service })
    }

    /// The services of a namespace and group whose names are the same but for case, sorted; the
    /// name must be folded already ([`crate::fold`]).
    pub fn services_folded(
        &self,
        namespace: &str,
        group: &str,
        folded: &str,
    ) -> impl Iterator<Item = ServiceRef<'_>> {
        let numbers = self.directory.find_folded(namespace, group, folded);
        numbers
            .iter()
            .map(|&number| ServiceRef { state: self, service: self.directory.get(number) })
    }

    /// One instance.
    #[must_use]
    pub fn instance(
        &self,
        service: &ServiceKey,
        protocol: Protocol,
        id: &str,
    ) -> Option<&Arc<Instance>> {
        self.service(service)?.instance(protocol, id)
    }

    /// The instances of any service with an identifier, sorted by service, then protocol.
    pub fn instances_by_id(
        &self,
        id: &str,
    ) -> impl Iterator<Item = (ServiceRef<'_>, &Arc<Instance>)> {
        let hash = self.hash(id);
        let mut found: Vec<(ServiceRef<'_>, &Arc<Instance>)> = self
            .ids
            .candidates(hash)
            .into_iter()
            .map(|number| self.directory.get(number))
            .flat_map(|service| {
                let service_ref = ServiceRef { state: self, service };
                service.find_all(hash, id).map(move |instance| (service_ref, instance))
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| a.key().cmp(b.key()));
        found.into_iter()
    }

    /// The lease of an instance, if it has one.
    #[must_use]
    pub fn lease(&self, service: &ServiceKey, protocol: Protocol, id: &str) -> Option<LeaseInfo> {
        self.lease_of(self.instance(service, protocol, id)?)
    }

    /// One document.
    #[must_use]
    pub fn document(&self, key: &DocumentKey) -> Option<&Document> {
        self.documents.get(key)
    }

    /// All documents of a kind, sorted by name.
    pub fn documents(&self, kind: DocumentKind) -> impl Iterator<Item = (&DocumentKey, &Document)> {
        let first = DocumentKey { kind, name: String::new() };
        self.documents.range(first..).take_while(move |(key, _)| key.kind == kind)
    }

    /// At most `max` changes after a revision, each once and in order.
    ///
    /// # Errors
    /// When some of them are no longer kept, or the revision is still to come: take a snapshot.
    pub fn changes(
        &self,
        selector: &Selector,
        after: Revision,
        max: usize,
    ) -> Result<Changes, Compacted> {
        let known = match selector {
            Selector::Service(key) => self.service(key).map(|service| service.revision()),
            Selector::All | Selector::Documents(_) => None,
        };
        self.log.changes(selector, after, max, known)
    }

    /// The kept changes after a revision, in order; all kept ones when earlier ones are wanted.
    pub fn events_after(&self, after: Revision) -> impl Iterator<Item = &Event> {
        self.log.events_after(after)
    }

    /// Everything that matches a selector now.
    #[must_use]
    pub fn snapshot(&self, selector: &Selector) -> Snapshot {
        let copy = |(key, document): (&DocumentKey, &Document)| (key.clone(), document.clone());
        let (services, documents) = match selector {
            Selector::All => (
                self.services().map(|service| service.snapshot()).collect(),
                self.documents.iter().map(copy).collect(),
            ),
            Selector::Service(key) => {
                (self.service(key).map(|service| service.snapshot()).into_iter().collect(), vec![])
            }
            Selector::Documents(kind) => (vec![], self.documents(*kind).map(copy).collect()),
        };
        Snapshot { revision: self.revision, services, documents }
    }

    /// Why expiry of a service is held back, if it is.
    #[must_use]
    pub fn protection(&self, service: &ServiceKey) -> Option<&ProtectionState> {
        self.service(service)?.protection()
    }

    /// The figures of Netflix's self-preservation, when it is in use.
    #[must_use]
    pub fn netflix(&self) -> Option<NetflixView> {
        self.netflix.as_ref().map(Netflix::view)
    }

    pub(crate) fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    pub(crate) fn renew_lease(&self, now: Timestamp, instance: &Instance) {
        instance.lease().renew(now.max(self.now));
        if let Some(netflix) = &self.netflix
            && instance.protocol() == Protocol::Eureka
        {
            netflix.renewed();
        }
    }

    pub(crate) fn lease_of(&self, instance: &Instance) -> Option<LeaseInfo> {
        let lease = instance.lease();
        Some(LeaseInfo {
            ttl: lease.ttl()?,
            registered: instance.registered(),
            renewed: lease.renewed(),
            expires: self.end_of(instance)?,
            held: lease.held(),
        })
    }

    /// When the lease of an instance ends unless renewed.
    fn end_of(&self, instance: &Instance) -> Option<Timestamp> {
        let lease = instance.lease();
        let (ttl, renewed) = (lease.ttl()?, lease.renewed());
        let (resumed, stood) = self.pause;
        let mut end = renewed.plus(ttl);
        if renewed < resumed {
            end = end.plus(stood);
        }
        // Netflix stores the end of the lease as the time of its renewal and adds its length again.
        if self.is_netflix(instance) && lease.was_renewed() {
            end = end.plus(ttl);
        }
        Some(end)
    }

    /// When something is next to be done about the lease of an instance unless it is renewed.
    fn due_of(&self, instance: &Instance) -> Option<Timestamp> {
        let end = self.end_of(instance)?;
        match instance.unhealthy_after() {
            Some(after) if !instance.lapsed() => {
                let ttl = instance.lease().ttl().unwrap_or_default();
                Some(Timestamp(end.0.saturating_sub(ttl.0)).plus(after).min(end))
            }
            _ => Some(end),
        }
    }

    /// The same instance as its owner said it, with its lease, as a change of now.
    fn remake(&self, number: u32, old: &Instance) -> Instance {
        let stamp = Stamp {
            service: number,
            registered: old.registered(),
            changed: self.now,
            revision: self.next_revision(),
        };
        let mut instance = Instance::pack(&old.spec(), old.ttl(), &stamp);
        instance.keep_lease(old);
        instance
    }

    /// Puts a changed instance, which waits nowhere yet, into the place of the old one.
    fn put_back(&mut self, number: u32, old: &Arc<Instance>, instance: Arc<Instance>) {
        let hash = self.hash(old.id());
        self.directory.get_mut(number).replace(hash, old, Arc::clone(&instance));
        self.schedule(&instance);
        let service = self.service_of(number).key.clone();
        let before = old.status();
        self.record_service(number, Change::Updated { service, instance, before });
    }

    fn is_netflix(&self, instance: &Instance) -> bool {
        self.netflix.is_some() && instance.protocol() == Protocol::Eureka
    }

    /// The revision that the next change will have.
    const fn next_revision(&self) -> Revision {
        self.revision.next()
    }

    /// Puts a change of a service on record.
    fn record_service(&mut self, number: u32, change: Change) -> Revision {
        let revision = self.next_revision();
        let service = self.directory.get_mut(number);
        let known = (service.revision > Revision(0)).then_some(service.revision);
        service.revision = revision;
        self.record(change, known)
    }

    fn record(&mut self, change: Change, known: Option<Revision>) -> Revision {
        self.revision = self.next_revision();
        self.log.push(Event { revision: self.revision, at: self.now, change }, known);
        self.revision
    }

    /// Forgets a service that has nothing any more.
    fn settle_service(&mut self, number: u32) {
        let service = self.directory.get(number);
        if service.len() > 0 || service.put {
            return;
        }
        debug_assert_eq!(service.guard.held(), 0, "what is held is an instance");
        self.directory.remove(number);
    }

    fn service_of(&self, number: u32) -> &Service {
        self.directory.get(number)
    }
}

#[cfg(test)]
mod tests;
