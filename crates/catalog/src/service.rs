//! One service with its instances.

use std::sync::{Arc, OnceLock};

use crate::event::ServiceSnapshot;
use crate::instance::{Instance, LeaseInfo};
use crate::key::ServiceKey;
use crate::protection::{Guard, ProtectionState};
use crate::spec::{Promise, Protocol};
use crate::state::State;
use crate::table::{Hashed, Table};
use crate::time::{Revision, Timestamp};

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) key: ServiceKey,
    pub(crate) metadata: Arc<[(String, String)]>,
    /// Whether it is kept without instances.
    pub(crate) put: bool,
    pub(crate) revision: Revision,
    pub(crate) guard: Guard,
    /// Instances with a lease that self-preservation looks after.
    pub(crate) leases: usize,
    members: Table<Member>,
    available: usize,
    protocols: [u32; Protocol::ALL.len()],
    /// Those of them that are agreed.
    agreed: [u32; Protocol::ALL.len()],
    /// All instances in order, made when first asked for after a change.
    sorted: OnceLock<Arc<[Arc<Instance>]>>,
}

/// The hash lies beside the pointer so that growing the table touches no instance.
#[derive(Debug)]
struct Member {
    hash: u64,
    instance: Arc<Instance>,
}

impl Hashed for Member {
    fn hash(&self) -> u64 {
        self.hash
    }
}

/// A service in a state.
#[derive(Debug, Clone, Copy)]
pub struct ServiceRef<'a> {
    pub(crate) state: &'a State,
    pub(crate) service: &'a Service,
}

// === impl Service ===

impl Service {
    pub(crate) fn new(key: ServiceKey) -> Self {
        Self {
            key,
            metadata: Arc::from([]),
            put: false,
            revision: Revision(0),
            guard: Guard::default(),
            leases: 0,
            members: Table::default(),
            available: 0,
            protocols: [0; Protocol::ALL.len()],
            agreed: [0; Protocol::ALL.len()],
            sorted: OnceLock::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn find(&self, hash: u64, protocol: Protocol, id: &str) -> Option<&Arc<Instance>> {
        self.members
            .find(hash, |member| {
                let instance = &member.instance;
                instance.protocol() == protocol && instance.id() == id
            })
            .map(|member| &member.instance)
    }

    /// Instances of any protocol with an identifier, in the order of protocols.
    pub(crate) fn find_all<'a>(
        &'a self,
        hash: u64,
        id: &str,
    ) -> impl Iterator<Item = &'a Arc<Instance>> + use<'a> {
        Protocol::ALL.map(|protocol| self.find(hash, protocol, id)).into_iter().flatten()
    }

    pub(crate) fn insert(&mut self, hash: u64, instance: Arc<Instance>) {
        self.count(&instance, true);
        self.members.insert(Member { hash, instance });
    }

    /// Puts an instance in the place of the one that has its identifier and protocol.
    pub(crate) fn replace(&mut self, hash: u64, old: &Arc<Instance>, new: Arc<Instance>) {
        self.count(old, false);
        self.count(&new, true);
        let member = self
            .members
            .find_mut(hash, |member| Arc::ptr_eq(&member.instance, old))
            .expect("what is replaced was found just before");
        member.instance = new;
    }

    pub(crate) fn remove(&mut self, hash: u64, instance: &Arc<Instance>) {
        self.count(instance, false);
        self.members.remove(hash, |member| Arc::ptr_eq(&member.instance, instance));
    }

    /// Sorted by identifier, then protocol.
    pub(crate) fn sorted(&self) -> &Arc<[Arc<Instance>]> {
        self.sorted.get_or_init(|| {
            let mut all: Vec<_> =
                self.members.iter().map(|member| Arc::clone(&member.instance)).collect();
            all.sort_unstable_by(|a, b| a.id().cmp(b.id()).then(a.protocol().cmp(&b.protocol())));
            all.into()
        })
    }

    pub(crate) fn snapshot(&self) -> ServiceSnapshot {
        ServiceSnapshot {
            key: self.key.clone(),
            metadata: Arc::clone(&self.metadata),
            revision: self.revision,
            instances: Arc::clone(self.sorted()),
            protection: self.guard.protection().cloned(),
        }
    }

    fn count(&mut self, instance: &Instance, comes: bool) {
        self.sorted.take();
        let add = |count: &mut usize, counts: bool| match (counts, comes) {
            (false, _) => {}
            (true, true) => *count += 1,
            (true, false) => *count -= 1,
        };
        add(&mut self.available, instance.available());
        add(&mut self.leases, instance.guarded());
        let protocol = instance.protocol() as usize;
        let step = |count: &mut u32| *count = if comes { *count + 1 } else { *count - 1 };
        step(&mut self.protocols[protocol]);
        if instance.promise() == Promise::Agreed {
            step(&mut self.agreed[protocol]);
        }
    }
}

// === impl ServiceRef ===

impl<'a> ServiceRef<'a> {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> &'a ServiceKey {
        &self.service.key
    }

    /// What it carries itself.
    #[must_use]
    pub fn metadata(&self) -> &'a Arc<[(String, String)]> {
        &self.service.metadata
    }

    /// Whether it was put, and so exists without instances.
    #[must_use]
    pub fn is_agreed(&self) -> bool {
        self.service.put
    }

    /// Revision of the last change of it or of one of its instances.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.service.revision
    }

    /// Number of instances.
    #[must_use]
    pub fn len(&self) -> usize {
        self.service.len()
    }

    /// Whether it has no instances.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of instances that may be sent traffic.
    #[must_use]
    pub fn available(&self) -> usize {
        self.service.available
    }

    /// Number of instances of a protocol.
    #[must_use]
    pub fn count(&self, protocol: Protocol) -> usize {
        self.service.protocols[protocol as usize] as usize
    }

    /// Number of agreed instances of a protocol.
    #[must_use]
    pub fn count_agreed(&self, protocol: Protocol) -> usize {
        self.service.agreed[protocol as usize] as usize
    }

    /// All instances, sorted by identifier, then protocol; shared, and sorted again only after a
    /// change.
    #[must_use]
    pub fn instances(&self) -> &'a Arc<[Arc<Instance>]> {
        self.service.sorted()
    }

    /// One instance.
    #[must_use]
    pub fn instance(&self, protocol: Protocol, id: &str) -> Option<&'a Arc<Instance>> {
        self.service.find(self.state.hash(id), protocol, id)
    }

    /// Renews the lease of one instance; see [`State::renew`].
    pub fn renew(&self, now: Timestamp, protocol: Protocol, id: &str) -> Option<&'a Arc<Instance>> {
        let instance = self.instance(protocol, id)?;
        self.state.renew_lease(now, instance);
        Some(instance)
    }

    /// The lease of one of its instances.
    #[must_use]
    pub fn lease(&self, instance: &Instance) -> Option<LeaseInfo> {
        self.state.lease_of(instance)
    }

    /// Why expiry is held back, if it is.
    #[must_use]
    pub fn protection(&self) -> Option<&'a ProtectionState> {
        self.service.guard.protection()
    }

    /// Everything at once.
    #[must_use]
    pub fn snapshot(&self) -> ServiceSnapshot {
        self.service.snapshot()
    }
}
