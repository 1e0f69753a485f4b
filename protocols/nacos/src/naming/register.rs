//! Ephemeral instances: those of connections, which publish one entry per service, and those that
//! beat.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rialto_catalog::{
    Command, DocumentKind, Instance, InstanceSpec, Promise, Protocol, Refused, ServiceKey, State,
};
use rialto_engine::Renewal;

use super::Naming;
use super::clients::Held;
use super::push::ConnectionId;
use super::words::{BeatAnswer, Client, Owner, Target};
use crate::limits::BATCH_INSTANCES_MAX;
use crate::map::{
    BEATS, BeatForm, InstanceForm, Life, Overlay, Payload, Times, check_form, grouped, id, spec_of,
    with_health,
};
use crate::{Code, Problem};

/// A beat that found its instance, or registered it.
const BEAT_OK: u32 = 10_200;
/// A beat of an instance that nobody knows.
const BEAT_UNKNOWN: u32 = 20_404;

/// Instances that one connection published and another one then published too. When the later one
/// goes, the earlier one's is there again.
#[derive(Default)]
pub(super) struct Shadows {
    len: AtomicUsize,
    by_instance: Mutex<HashMap<Name, Vec<Arc<Instance>>>>,
}

/// A service and an identifier in it.
type Name = (ServiceKey, Box<str>);

impl Naming {
    /// A connection was set up, before its first naming call.
    pub fn begin(&self, client: Client) {
        self.shared.clients.begin(client, self.shared.engine.now());
    }

    /// A connection is gone: what it published leaves at once, what it subscribed to ends.
    pub fn end(&self, connection: ConnectionId) {
        let Some(held) = self.shared.clients.end(connection) else { return };
        self.shared.pushes.lock().end(connection, held.subscribed.keys());
        self.shared.fuzzy.lock().end(connection);
        if held.published.is_empty() {
            return;
        }
        let result = self.shared.engine.own(|state, _| {
            let published = held.published.iter();
            let leave = published.flat_map(|(key, ids)| ids.iter().map(move |id| (key, id)));
            let commands: Vec<_> =
                leave.filter_map(|(key, id)| self.leave(state, connection, key, id)).collect();
            (commands, ())
        });
        if let Err(refused) = result {
            tracing::warn!(%refused, "instances of a closed connection are left behind");
        }
    }

    /// Registers an ephemeral instance. On one connection and service, it replaces what was
    /// registered before, whatever its address.
    ///
    /// # Errors
    /// When a value is out of its limits, the service is one of persistent instances, or the
    /// connection is not there (any more).
    pub fn register(
        &self,
        owner: Owner,
        key: &ServiceKey,
        form: InstanceForm,
    ) -> Result<(), Problem> {
        check_form(&form)?;
        match owner {
            Owner::Connection(connection) => self.publish(connection, key, vec![form]),
            Owner::Beat => self.register_beating(key, form),
        }
    }

    /// Registers all instances of a connection at a service; those that are not in the list go.
    ///
    /// # Errors
    /// As [`Naming::register`]; then nothing changes.
    pub fn register_batch(
        &self,
        connection: ConnectionId,
        key: &ServiceKey,
        forms: Vec<InstanceForm>,
    ) -> Result<(), Problem> {
        if forms.len() > BATCH_INSTANCES_MAX {
            let message = format!("a batch of more than {BATCH_INSTANCES_MAX} instances");
            return Err(Problem::new(400, Code::Instance, message));
        }
        forms.iter().try_for_each(check_form)?;
        if let Some(form) = forms.iter().find(|form| !form.ephemeral) {
            let message = format!(
                "Batch registration does not allow persistent instance registration , \
                 Instance：{}:{}",
                form.ip, form.port
            );
            return Err(Problem::new(400, Code::Instance, message));
        }
        self.publish(connection, key, forms)
    }

    /// Takes an ephemeral instance out; one that is not there is no error. Of a connection, all
    /// that it published at the service goes and `target` does not matter.
    ///
    /// # Errors
    /// When the connection is not there (any more).
    pub fn deregister(
        &self,
        owner: Owner,
        key: &ServiceKey,
        target: Target<'_>,
    ) -> Result<(), Problem> {
        let connection = match owner {
            Owner::Connection(connection) => connection,
            Owner::Beat => return self.deregister_beating(key, target),
        };
        let done = self.shared.clients.with(connection, |held| {
            let Some(ids) = held.published.remove(key) else { return Ok(()) };
            self.shared.engine.own(|state, _| {
                let leave = ids.iter().filter_map(|id| self.leave(state, connection, key, id));
                (leave.collect::<Vec<_>>(), ())
            })
        });
        done.ok_or_else(|| disconnected(connection))?.map_err(refusal)
    }

    /// A beat: renews an instance, or registers it when it is unknown and given in full.
    ///
    /// # Errors
    /// As [`Naming::register`].
    pub fn beat(&self, form: BeatForm) -> Result<BeatAnswer, Problem> {
        let id = id(&form.ip, form.port, &form.cluster);
        if let Some(instance) = self.renew(&form.key, &id)? {
            return Ok(answer(BEAT_OK, Times::of(instance.metadata()).interval_ms));
        }
        let Some(instance) = form.instance else {
            return Ok(answer(BEAT_UNKNOWN, crate::limits::BEAT_INTERVAL_MS));
        };
        let interval_ms = Times::of(crate::map::pairs(&instance.metadata)).interval_ms;
        self.register(Owner::Beat, &form.key, instance)?;
        Ok(answer(BEAT_OK, interval_ms))
    }

    /// Renews an instance that lives by its beats; a beat says that it works.
    fn renew(&self, key: &ServiceKey, id: &str) -> Result<Option<Arc<Instance>>, Problem> {
        let engine = &self.shared.engine;
        let beats = |one: &Instance| one.ttl().is_some() && Payload::owner_of(one) == BEATS;
        let instance = match engine.renew(key, Protocol::Nacos, id) {
            Renewal::Renewed(instance) | Renewal::Revived(instance) if beats(&instance) => instance,
            _ => return Ok(None),
        };
        if Payload::of(&instance).healthy {
            return Ok(Some(instance));
        }
        let update = |state: &State, _| {
            let held = state.instance(key, Protocol::Nacos, id);
            let healed = held.map(|held| with_health(held, true));
            let service = key.clone();
            (healed.map(|spec| Command::Update { service, spec }), ())
        };
        engine.own(update).map_err(refusal)?;
        Ok(Some(instance))
    }

    fn register_beating(&self, key: &ServiceKey, form: InstanceForm) -> Result<(), Problem> {
        let register = |state: &State, _| match allowed(state, self, key, true) {
            Ok(()) => {
                let id = id(&form.ip, form.port, &form.cluster);
                let overlay = overlay(state, key, &id);
                let spec = spec_of(form, Life::Beats, overlay.as_ref());
                (Some(Command::Register { service: key.clone(), spec }), Ok(()))
            }
            Err(problem) => (None, Err(problem)),
        };
        self.shared.engine.own(register).map_err(refusal)?
    }

    fn deregister_beating(&self, key: &ServiceKey, target: Target<'_>) -> Result<(), Problem> {
        let id = id(target.ip, target.port, target.cluster);
        let leave = |state: &State, _| {
            let held = state.instance(key, Protocol::Nacos, &id);
            let own = held.filter(|held| {
                held.promise() == Promise::Ephemeral && Payload::owner_of(held) == BEATS
            });
            (own.map(|_| deregister(key, &id)), ())
        };
        self.shared.engine.own(leave).map_err(refusal)
    }

    /// Makes the given instances all that a connection publishes at a service.
    fn publish(
        &self,
        connection: ConnectionId,
        key: &ServiceKey,
        forms: Vec<InstanceForm>,
    ) -> Result<(), Problem> {
        let done = self.shared.clients.with(connection, |held| {
            let engine = &self.shared.engine;
            engine.own(|state, _| match self.replace(state, held, key, forms) {
                Ok(commands) => (commands, Ok(())),
                Err(problem) => (Vec::new(), Err(problem)),
            })
        });
        done.ok_or_else(|| disconnected(connection))?.map_err(refusal)?
    }

    fn replace(
        &self,
        state: &State,
        held: &mut Held,
        key: &ServiceKey,
        forms: Vec<InstanceForm>,
    ) -> Result<Vec<Command>, Problem> {
        allowed(state, self, key, true)?;
        let connection = held.client.connection;
        let mut specs: Vec<InstanceSpec> = Vec::with_capacity(forms.len());
        for form in forms {
            let id = id(&form.ip, form.port, &form.cluster);
            let overlay = overlay(state, key, &id);
            specs.push(spec_of(form, Life::Connection(connection.0), overlay.as_ref()));
        }
        let mut commands = Vec::with_capacity(specs.len());
        let ids: Vec<Box<str>> = specs.iter().map(|spec| spec.id.as_str().into()).collect();
        for spec in specs {
            let service = key.clone();
            self.shared.shadows.keep(state, key, &spec.id, connection);
            let command = Command::Register { service, spec };
            state.check(&command).map_err(refusal)?;
            commands.push(command);
        }
        let old = held.published.insert(key.clone(), ids);
        let new = held.published.get(key).map_or(&[][..], Vec::as_slice);
        let gone = old.iter().flatten().filter(|id| !new.contains(id));
        commands.extend(gone.filter_map(|id| self.leave(state, connection, key, id)));
        if new.is_empty() {
            held.published.remove(key);
        }
        Ok(commands)
    }

    /// What takes an instance of a connection out: nothing when another owner registered it since,
    /// and that of an earlier owner who still publishes it comes back.
    fn leave(
        &self,
        state: &State,
        connection: ConnectionId,
        key: &ServiceKey,
        id: &str,
    ) -> Option<Command> {
        let instance = state.instance(key, Protocol::Nacos, id)?;
        if instance.ttl().is_some() || Payload::owner_of(instance) != connection.0 {
            self.shared.shadows.forget(key, id, connection);
            return None;
        }
        Some(match self.shared.shadows.take(key, id) {
            Some(earlier) => Command::Register { service: key.clone(), spec: earlier.spec() },
            None => deregister(key, id),
        })
    }
}

impl Shadows {
    /// Remembers an instance that `connection` is about to take over from another connection.
    fn keep(&self, state: &State, key: &ServiceKey, id: &str, connection: ConnectionId) {
        let Some(held) = state.instance(key, Protocol::Nacos, id) else { return };
        let owner = Payload::owner_of(held);
        let of_session = held.ttl().is_none() && held.promise() == Promise::Ephemeral;
        if !of_session || owner == connection.0 || owner == BEATS {
            return;
        }
        let mut by_instance = self.by_instance.lock();
        let earlier = by_instance.entry((key.clone(), id.into())).or_default();
        earlier.retain(|one| ![owner, connection.0].contains(&Payload::owner_of(one)));
        earlier.push(Arc::clone(held));
        self.len.store(by_instance.len(), Ordering::Relaxed);
    }

    /// The one that is visible goes; gives the latest of those that lie under it.
    fn take(&self, key: &ServiceKey, id: &str) -> Option<Arc<Instance>> {
        self.change(key, id, Vec::pop).flatten()
    }

    /// A connection no longer publishes an instance that is not visible.
    fn forget(&self, key: &ServiceKey, id: &str, connection: ConnectionId) {
        self.change(key, id, |earlier| {
            earlier.retain(|one| Payload::owner_of(one) != connection.0);
        });
    }

    fn change<R>(
        &self,
        key: &ServiceKey,
        id: &str,
        work: impl FnOnce(&mut Vec<Arc<Instance>>) -> R,
    ) -> Option<R> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut by_instance = self.by_instance.lock();
        let name = (key.clone(), Box::from(id));
        let earlier = by_instance.get_mut(&name)?;
        let result = work(earlier);
        if earlier.is_empty() {
            by_instance.remove(&name);
        }
        self.len.store(by_instance.len(), Ordering::Relaxed);
        Some(result)
    }
}

/// Whether instances of a kind may be registered at a service: the first one decides, or whoever
/// made the service.
pub(super) fn allowed(
    state: &State,
    naming: &Naming,
    key: &ServiceKey,
    ephemeral: bool,
) -> Result<(), Problem> {
    let held = match state.service(key).map_or((0, 0), |service| {
        (service.count(Protocol::Nacos), service.count_agreed(Protocol::Nacos))
    }) {
        (0, _) => naming.shared.settings.get(key).map(|settings| settings.ephemeral),
        (_, agreed) => Some(agreed == 0),
    };
    let Some(held) = held.filter(|held| *held != ephemeral) else { return Ok(()) };
    let word = |ephemeral| if ephemeral { "ephemeral" } else { "persistent" };
    let (service, held, asked) = (grouped(key), word(held), word(ephemeral));
    let message =
        format!("Current service {service} is {held} service, can't register {asked} instance.");
    Err(Problem::new(400, Code::Instance, message))
}

/// What an operator changed of an instance.
pub(super) fn overlay(state: &State, key: &ServiceKey, id: &str) -> Option<Overlay> {
    state.documents(DocumentKind::NacosInstance).next()?;
    let document = state.document(&Overlay::document(key, id).ok()?)?;
    Overlay::read(&document.body)
}

pub(super) fn deregister(key: &ServiceKey, id: &str) -> Command {
    Command::Deregister { service: key.clone(), protocol: Protocol::Nacos, id: id.to_owned() }
}

/// A refusal of the catalog as a problem of the call.
pub(super) fn refusal(refused: Refused) -> Problem {
    refused.into()
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (status, code) = match &refused {
            Refused::Full { .. } => (500, Code::Server),
            Refused::UnknownInstance { .. } => (404, Code::InstanceNotFound),
            Refused::ServiceInUse { .. } => (400, Code::ServiceNotEmpty),
            Refused::InvalidName(_)
            | Refused::InvalidValue { .. }
            | Refused::TooLarge { .. }
            | Refused::PromiseConflict { .. }
            | Refused::NeedsAgreement { .. } => (400, Code::Instance),
        };
        Self::new(status, code, refused.to_string())
    }
}

fn answer(code: u32, interval_ms: u64) -> BeatAnswer {
    BeatAnswer { client_beat_interval: interval_ms, code, light_beat_enabled: true }
}

fn disconnected(connection: ConnectionId) -> Problem {
    let id = connection.0;
    let message =
        format!("Client [{id}] connection already disconnect, can't register ephemeral instance.");
    Problem::new(500, Code::Server, message)
}
