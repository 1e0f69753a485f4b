//! The registry as Eureka clients see it, kept up with the catalog change by change: the listing,
//! the delta, the hash and the virtual addresses, all of one and the same revision. It can be
//! thrown away at any time; the catalog alone decides.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rialto_catalog::{
    Change, Event, Instance, LeaseInfo, Revision, Selector, ServiceKey, State, Timestamp,
};

use super::delta::Delta;
pub use super::pages::Entry;
use super::pages::Pages;
use crate::codec::{Envelope, Hash};
use crate::limits::CHANGES_MAX;
use crate::map::{Names, Own, Telling, app, shape, visible};

/// Everything that Eureka clients see.
#[allow(
    clippy::mutable_key_type,
    reason = "an instance's lease changes but is no part of its place"
)]
#[derive(Debug, Default)]
pub struct View {
    revision: Option<Revision>,
    pages: Pages,
    delta: Delta,
    hash: Hash,
    /// Plain and TLS.
    vips: [HashMap<Box<str>, BTreeSet<Entry>>; 2],
}

impl View {
    /// The catalog's revision that it shows; none before the first [`View::catch_up`].
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// How many instances have which status.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The listing.
    pub fn pages(&mut self) -> &mut Pages {
        &mut self.pages
    }

    /// The recent changes.
    pub fn delta(&mut self) -> &mut Delta {
        &mut self.delta
    }

    /// The instances of a virtual address.
    #[must_use]
    pub fn vip(&self, secure: bool, address: &str) -> Vec<Entry> {
        let found = self.vips[usize::from(secure)].get(address);
        found.into_iter().flatten().cloned().collect()
    }

    /// Takes over what has changed in the catalog.
    pub fn catch_up(&mut self, state: &State, now: Timestamp) {
        while let Some(revision) = self.revision {
            match state.changes(&Selector::All, revision, CHANGES_MAX) {
                Ok(changes) => {
                    for event in &changes.events {
                        self.take(event);
                    }
                    self.revision = Some(changes.revision);
                    if !changes.more {
                        break;
                    }
                }
                Err(_) => {
                    self.compare(state, now);
                    break;
                }
            }
        }
        if self.revision.is_none() {
            // What was there before the door opened is no recent change.
            self.compare(state, now);
            self.delta = Delta::default();
        }
        self.delta.prune(now);
    }

    fn take(&mut self, event: &Event) {
        match &event.change {
            Change::Registered { service, instance, .. }
            | Change::Updated { service, instance, .. }
                if visible(service) =>
            {
                self.put(service, instance, event.at);
            }
            Change::Deregistered { service, instance } | Change::Expired { service, instance }
                if visible(service) =>
            {
                self.remove(service, instance, event.at);
            }
            _ => {}
        }
    }

    #[allow(
        clippy::mutable_key_type,
        reason = "an instance's lease changes but is no part of its place"
    )]
    /// Finds the changes by comparing everything, when the catalog no longer tells them.
    fn compare(&mut self, state: &State, now: Timestamp) {
        let snapshot = state.snapshot(&Selector::All);
        let mut left: BTreeSet<Entry> = self.pages.entries().cloned().collect();
        for service in snapshot.services.iter().filter(|service| visible(&service.key)) {
            for instance in service.instances.iter() {
                let entry = entry(&service.key, instance);
                let known = left.take(&entry);
                if known.is_none_or(|it| it.instance.revision() != instance.revision()) {
                    self.put(&service.key, instance, now);
                }
            }
        }
        for gone in left {
            self.remove(&gone.service, &gone.instance, now);
        }
        self.revision = Some(snapshot.revision);
    }

    fn put(&mut self, service: &ServiceKey, instance: &Arc<Instance>, at: Timestamp) {
        let entry = entry(service, instance);
        if let Some(before) = self.pages.put(entry.clone()) {
            self.hash.remove(before.instance.status());
            self.forget_vips(&before);
        }
        self.hash.add(instance.status());
        self.index_vips(&entry);
        self.delta.push(entry, at, false);
    }

    fn remove(&mut self, service: &ServiceKey, instance: &Arc<Instance>, at: Timestamp) {
        let entry = entry(service, instance);
        if let Some(before) = self.pages.remove(&entry) {
            self.hash.remove(before.instance.status());
            self.forget_vips(&before);
            self.delta.push(entry, at, true);
        }
    }

    fn index_vips(&mut self, entry: &Entry) {
        for (secure, address) in vips(entry) {
            let known = &mut self.vips[usize::from(secure)];
            match known.get_mut(address) {
                Some(entries) => {
                    entries.replace(entry.clone());
                }
                None => {
                    known.insert(address.into(), BTreeSet::from([entry.clone()]));
                }
            }
        }
    }

    fn forget_vips(&mut self, entry: &Entry) {
        for (secure, address) in vips(entry) {
            let known = &mut self.vips[usize::from(secure)];
            if let Some(entries) = known.get_mut(address) {
                entries.remove(entry);
                if entries.is_empty() {
                    known.remove(address);
                }
            }
        }
    }
}

fn entry(service: &ServiceKey, instance: &Arc<Instance>) -> Entry {
    Entry { app: app(service).into(), service: service.clone(), instance: Arc::clone(instance) }
}

fn vips(entry: &Entry) -> Vec<(bool, &str)> {
    let own = Own::read(&entry.instance);
    let all = match &own {
        Some(own) => own.vips().collect(),
        None => vec![(false, entry.service.name()), (true, entry.service.name())],
    };
    all.into_iter().filter(|(_, address)| !address.is_empty()).collect()
}

/// Writes a listing of some instances, sorted as they are given.
pub fn write_some(
    out: &mut Vec<u8>,
    envelope: Envelope,
    entries: &[Entry],
    telling: Telling,
    lease: &dyn Fn(&Entry) -> Option<LeaseInfo>,
) {
    let mut before: Option<&str> = None;
    for entry in entries {
        let begins = before != Some(&*entry.app);
        if begins {
            if before.is_some() {
                envelope.close_app(out);
            }
            envelope.open_app(out, &entry.app, before.is_none());
        }
        before = Some(&entry.app);
        let names = Names::of(&entry.service, &entry.instance);
        envelope.instance(out, &shape(&names, &entry.instance, lease(entry), telling), begins);
    }
    if before.is_some() {
        envelope.close_app(out);
    }
}
