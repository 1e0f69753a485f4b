//! What each call means: pure functions from the catalog's state and a call to the commands that
//! carry it out. Follows Netflix's `AbstractInstanceRegistry`; the door runs the commands.

mod delta;
mod pages;
mod rules;
#[cfg(test)]
mod tests;
mod view;

pub use delta::Delta;
pub use pages::{Pages, Written};
pub use rules::{Refusal, effective_status, validate};
pub use view::{Entry, View, write_some};

use bytes::Bytes;
use rialto_catalog::{
    Command, DocumentKey, DocumentKind, Instance, InstanceSpec, Protocol, ServiceKey, State,
    Status, Timestamp,
};

use crate::codec::{InstanceInfo, exact_status, status_word};
use crate::map::{Action, Own, dirty_ms};

/// A change of an instance's status that is durable as an override before it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// An operator sets a status.
    Set {
        /// The status.
        status: Status,
        /// The operator's idea of the client's clock, in ms; the later one is kept.
        dirty: Option<i64>,
    },
    /// An operator takes a status back. With nothing to fall back to the instance becomes
    /// `UNKNOWN`, and its next heartbeat makes it register anew.
    Clear {
        /// The status to fall back to.
        fallback: Option<Status>,
        /// As in [`Intent::Set`].
        dirty: Option<i64>,
    },
    /// A peer's heartbeat brings an override along.
    Adopt(Status),
}

/// What has to happen before an intent shows.
#[derive(Debug)]
pub enum First {
    /// The instance is not there.
    Unknown,
    /// All is so already.
    Nothing,
    /// This has to be durable; then [`change_status`].
    Agree(Box<Command>),
}

/// The instance that a call names, if a Eureka client registered it.
#[must_use]
pub fn find<'a>(state: &'a State, service: &ServiceKey, id: &str) -> Option<&'a Instance> {
    state.instance(service, Protocol::Eureka, id).map(AsRef::as_ref)
}

/// The status that an operator set for an identity.
#[must_use]
pub fn stored_override(state: &State, id: &str) -> Option<Status> {
    let key = DocumentKey::new(DocumentKind::StatusOverride, id).ok()?;
    let document = state.document(&key)?;
    exact_status(std::str::from_utf8(&document.body).ok()?)
}

/// Stores an operator's status for an identity.
#[must_use]
pub fn store_override(id: &str, status: Status) -> Option<Command> {
    let key = DocumentKey::new(DocumentKind::StatusOverride, id).ok()?;
    let body = Bytes::from_static(status_word(status).as_bytes());
    Some(Command::PutDocument { key, body })
}

/// Forgets an operator's status for an identity, if there is one.
#[must_use]
pub fn forget_override(state: &State, id: &str) -> Option<Command> {
    let key = DocumentKey::new(DocumentKind::StatusOverride, id).ok()?;
    state.document(&key).map(|_| Command::RemoveDocument { key })
}

/// An override that a registration brings along and nobody has set here. To be stored before
/// [`register`].
#[must_use]
pub fn brought_override(state: &State, info: &InstanceInfo) -> Option<Command> {
    let id = info.effective_id()?;
    if info.overridden == Status::Unknown || stored_override(state, id).is_some() {
        return None;
    }
    store_override(id, info.overridden)
}

/// A validated registration. The copy with the newer client clock wins, but the lease is fresh in
/// either case.
#[must_use]
pub fn register(
    state: &State,
    now: Timestamp,
    service: &ServiceKey,
    info: &InstanceInfo,
    replicated: bool,
) -> Command {
    let id = info.effective_id().unwrap_or_default();
    let now_ms = i64::try_from(now.0).unwrap_or(i64::MAX);
    let dirty = info.last_dirty_ms.unwrap_or(now_ms);
    let existing = find(state, service, id);
    if let Some(existing) = existing.filter(|existing| dirty_ms(existing) > dirty) {
        return register_again(state, now, service, existing, metadata_of(existing), replicated);
    }
    let over = stored_override(state, id);
    let held = existing.map(Instance::status);
    let status = effective_status(info.status, over, held, replicated);
    let mut own = Own::of(info, dirty);
    own.up_ms = existing.and_then(Own::read).map_or(0, |own| own.up_ms);
    own.set_overridden(over.unwrap_or(info.overridden));
    stamp_up(&mut own, status, now);
    let ip_addr = info.ip_addr.clone().unwrap_or_default();
    let spec = own.spec(id.to_owned(), ip_addr, status, info.metadata.clone());
    Command::Register { service: service.clone(), spec }
}

/// Registers what is known already, with other metadata.
fn register_again(
    state: &State,
    now: Timestamp,
    service: &ServiceKey,
    existing: &Instance,
    metadata: Vec<(String, String)>,
    replicated: bool,
) -> Command {
    let over = stored_override(state, existing.id());
    let held = existing.status();
    let status = effective_status(held, over, Some(held), replicated);
    let spec = changed(existing, status, metadata, |own| {
        own.action = Action::Added;
        own.set_overridden(over.unwrap_or(own.overridden()));
        stamp_up(own, status, now);
    });
    Command::Register { service: service.clone(), spec }
}

/// Decides whether an intent changes anything.
#[must_use]
pub fn before_status(state: &State, service: &ServiceKey, id: &str, intent: Intent) -> First {
    let Some(instance) = find(state, service, id) else { return First::Unknown };
    let agreed = match intent {
        Intent::Set { status, .. } if instance.status() == status => None,
        Intent::Set { status, .. } => store_override(id, status),
        Intent::Clear { .. } => forget_override(state, id),
        Intent::Adopt(status) if stored_override(state, id) == Some(status) => None,
        Intent::Adopt(status) => store_override(id, status),
    };
    agreed.map_or(First::Nothing, |command| First::Agree(Box::new(command)))
}

/// Makes an intent show, once its override is durable. `None` when the instance left meanwhile.
#[must_use]
pub fn change_status(
    state: &State,
    now: Timestamp,
    service: &ServiceKey,
    id: &str,
    intent: Intent,
) -> Option<Command> {
    let instance = find(state, service, id)?;
    let (status, over, dirty) = match intent {
        Intent::Set { status, dirty } => (status, status, dirty),
        Intent::Clear { fallback, dirty } => {
            (fallback.unwrap_or(Status::Unknown), Status::Unknown, dirty)
        }
        Intent::Adopt(status) => return Some(overridden(service, instance, status)),
    };
    let spec = changed(instance, status, metadata_of(instance), |own| {
        own.dirty_ms = own.dirty_ms.max(dirty.unwrap_or(i64::MIN));
        own.action = Action::Modified;
        own.set_overridden(over);
        stamp_up(own, status, now);
    });
    Some(Command::Update { service: service.clone(), spec })
}

/// Sets metadata entries. It counts as a registration, so the lease is fresh. `None` when the
/// instance is not there.
#[must_use]
pub fn set_metadata(
    state: &State,
    now: Timestamp,
    service: &ServiceKey,
    id: &str,
    entries: &[(String, String)],
) -> Option<Command> {
    let instance = find(state, service, id)?;
    let mut metadata = metadata_of(instance);
    for (key, value) in entries {
        match metadata.iter_mut().find(|(name, _)| name == key) {
            Some(entry) => entry.1.clone_from(value),
            None => metadata.push((key.clone(), value.clone())),
        }
    }
    Some(register_again(state, now, service, instance, metadata, false))
}

/// Puts stored overrides on instances that do not show them: after a restart the overrides are
/// exact while the instances may be some seconds old.
#[must_use]
pub fn reconcile(state: &State) -> Vec<Command> {
    let mut commands = Vec::new();
    for (key, document) in state.documents(DocumentKind::StatusOverride) {
        let word = std::str::from_utf8(&document.body).ok();
        let Some(status) = word.and_then(exact_status) else { continue };
        for (service, instance) in state.instances_by_id(&key.name) {
            let shown = Own::read(instance).map(|own| own.overridden());
            if shown.is_some_and(|shown| shown != status) {
                commands.push(overridden(service.key(), instance, status));
            }
        }
    }
    commands
}

/// How a heartbeat for a known instance is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// All is well.
    Ok,
    /// The client has to register anew: its status was taken back, or it changed itself.
    RegisterAnew {
        /// Whether it is because the client's copy is newer.
        newer: bool,
    },
    /// A peer's copy is older than ours, and it is to take ours over.
    Conflict,
}

/// Judges a heartbeat by the client's clock.
#[must_use]
pub fn renewed(instance: &Instance, dirty: Option<i64>, replicated: bool) -> Renewed {
    if instance.status() == Status::Unknown {
        return Renewed::RegisterAnew { newer: false };
    }
    match dirty.map(|dirty| dirty.cmp(&dirty_ms(instance))) {
        Some(std::cmp::Ordering::Greater) => Renewed::RegisterAnew { newer: true },
        Some(std::cmp::Ordering::Less) if replicated => Renewed::Conflict,
        _ => Renewed::Ok,
    }
}

fn overridden(service: &ServiceKey, instance: &Instance, over: Status) -> Command {
    let held = instance.status();
    let status = effective_status(held, Some(over), Some(held), false);
    let spec = changed(instance, status, metadata_of(instance), |own| own.set_overridden(over));
    Command::Update { service: service.clone(), spec }
}

fn changed(
    instance: &Instance,
    status: Status,
    metadata: Vec<(String, String)>,
    change: impl FnOnce(&mut Own<'_>),
) -> InstanceSpec {
    let Some(mut own) = Own::read(instance) else {
        // Only this door writes these payloads; one that it cannot read is left as it is.
        return InstanceSpec { status, metadata, ..instance.spec() };
    };
    change(&mut own);
    own.spec(instance.id().to_owned(), instance.host().to_owned(), status, metadata)
}

fn metadata_of(instance: &Instance) -> Vec<(String, String)> {
    instance.metadata().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn stamp_up(own: &mut Own<'_>, status: Status, now: Timestamp) {
    if status == Status::Up && own.up_ms == 0 {
        own.up_ms = now.0;
    }
}
