//! A digest of everything that the state consists of, in a defined order: two states that were
//! given the same inputs must have the same.

use crate::event::Change;
use crate::instance::Instance;
use crate::service::Service;
use crate::state::State;
use crate::time::{Revision, Timestamp};

impl State {
    /// A digest of records, leases, history and revision.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut sum = Sum::new();
        sum.number(self.records_digest());
        sum.number(self.revision.0);
        sum.number(self.now.0);
        for event in self.log.events_after(Revision(0)) {
            sum.number(event.revision.0);
            sum.number(event.at.0);
            sum.change(&event.change);
        }
        sum.0
    }

    /// A digest of records and leases alone: the same for an empty catalog, whatever it went
    /// through.
    #[must_use]
    pub fn records_digest(&self) -> u64 {
        let mut sum = Sum::new();
        sum.number(self.instances as u64);
        for service in self.directory.iter() {
            sum.service(service);
        }
        for (key, document) in &self.documents {
            sum.text(key.kind.as_str());
            sum.text(&key.name);
            sum.bytes(&document.body);
            sum.number(document.revision.0);
            sum.number(document.changed.0);
        }
        for instance in self.netflix.iter().flat_map(|netflix| &netflix.overdue) {
            sum.number(instance.revision().0);
        }
        sum.0
    }
}

/// FNV-1a over 64 bits; every text with its length, so that borders count.
struct Sum(u64);

impl Sum {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn raw(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.raw(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn moment(&mut self, moment: Option<Timestamp>) {
        self.number(moment.map_or(u64::MAX, |moment| moment.0));
    }

    fn service(&mut self, service: &Service) {
        let (namespace, group, name) = service.key.parts();
        for part in [namespace, group, name] {
            self.text(part);
        }
        self.number(service.put.into());
        self.number(service.revision.0);
        self.number(service.guard.held() as u64);
        self.moment(service.guard.protection().map(|protection| protection.since));
        for (key, value) in service.metadata.iter() {
            self.text(key);
            self.text(value);
        }
        for instance in service.sorted().iter() {
            self.instance(instance);
        }
    }

    fn instance(&mut self, instance: &Instance) {
        let spec = instance.spec();
        for text in [&spec.id, &spec.host, &spec.zone] {
            self.text(text);
        }
        for (key, value) in &spec.metadata {
            self.text(key);
            self.text(value);
        }
        self.bytes(&spec.payload);
        self.text(spec.protocol.as_str());
        self.text(spec.status.as_str());
        self.text(spec.promise.as_str());
        self.number(spec.weight.to_bits());
        self.number(spec.port.into());
        self.number(spec.secure_port.map_or(u64::MAX, u64::from));
        self.number(spec.overridden.into());
        self.number(instance.registered().0);
        self.number(instance.changed().0);
        self.number(instance.revision().0);
        let lease = instance.lease();
        self.number(lease.ttl().map_or(0, |ttl| ttl.0));
        self.number(lease.renewed().0);
        self.number(lease.was_renewed().into());
        self.number(lease.held().into());
        self.number(instance.unhealthy_after().map_or(0, |after| after.0));
        self.number(instance.lapsed().into());
        self.text(instance.status().as_str());
    }

    fn change(&mut self, change: &Change) {
        self.number(change.tag().into());
        if let Some(service) = change.service() {
            self.text(&service.to_string());
        }
        if let Some(instance) = change.instance() {
            self.text(instance.id());
            self.number(instance.revision().0);
        }
        if let Some(document) = change.document() {
            self.text(&document.name);
        }
    }
}
