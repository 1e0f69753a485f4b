//! Every connection of the door: where pushes find theirs, operators see them, and one task looks
//! after them all.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use rialto_door::Shutdown;
use rialto_engine::Engine;
use tokio::sync::Notify;

use super::mailbox::{Ask, Mailbox};
use super::request::Setup;
use crate::limits::GRPC_LOOK_MS;
use crate::naming::{ConnectionId, Outcome, Push, PushRequest};

/// Parts of the table, so that few meet at one lock.
const SHARDS: usize = 16;

/// The connections of a door. Clones share them.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    engine: Engine,
    shards: [Mutex<HashMap<u64, Arc<Mailbox>>>; SHARDS],
    next: AtomicU64,
    /// Pushes that could not be put in a box; whoever pushed hears of them elsewhere.
    lost: Mutex<Vec<(ConnectionId, PushRequest, Outcome)>>,
    lost_any: Notify,
    is_stopping: AtomicBool,
}

/// A connection that was set up, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// By which pushes find it.
    pub id: ConnectionId,
    /// `<ms>_<ip>_<port>`
    pub name: Arc<str>,
    /// The other end of the socket.
    pub remote: SocketAddr,
    /// When it was made, in milliseconds since 1970.
    pub connected_ms: u64,
    /// When the client was last heard of, in milliseconds since 1970.
    pub active_ms: u64,
    /// E.g. `Nacos-Java-Client:v3.0.3`.
    pub version: String,
    /// Namespace that the client works in, as it wrote it.
    pub tenant: String,
    /// Labels: `source`, `module`, `AppName`, and others.
    pub labels: Vec<(String, String)>,
    /// The client's own idea of its address; may be empty.
    pub client_ip: String,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    pub(crate) fn new(engine: Engine) -> Self {
        Connections(Arc::new(Inner {
            engine,
            shards: Default::default(),
            next: AtomicU64::new(1),
            lost: Mutex::default(),
            lost_any: Notify::new(),
            is_stopping: AtomicBool::new(false),
        }))
    }

    /// Every connection that was set up.
    #[must_use]
    pub fn list(&self) -> Vec<Connected> {
        let of = |(mailbox, setup): (Arc<Mailbox>, Arc<Setup>)| Connected {
            id: mailbox.id(),
            name: Arc::clone(&mailbox.name),
            remote: mailbox.remote,
            connected_ms: mailbox.connected_ms,
            active_ms: mailbox.active_ms(),
            version: setup.version.clone(),
            tenant: setup.tenant.clone(),
            labels: setup.labels.clone(),
            client_ip: setup.client_ip.clone(),
        };
        self.set_up().into_iter().map(of).collect()
    }

    /// How many connections were set up.
    #[must_use]
    pub fn count(&self) -> usize {
        self.set_up().len()
    }

    /// Sends a client elsewhere: to an address that is in its list of servers, or to any. Whether
    /// there is such a connection.
    pub fn reset(&self, name: &str, to: Option<SocketAddr>) -> bool {
        let found = self.set_up().into_iter().find(|(mailbox, _)| &*mailbox.name == name);
        let Some((mailbox, _)) = found else { return false };
        mailbox.reset(address(to));
        true
    }

    /// Sends clients elsewhere until at most `keep` are left; how many were told. Those that have
    /// been here longest go last.
    pub fn shed(&self, keep: usize, to: Option<SocketAddr>) -> usize {
        let mut all = self.set_up();
        all.sort_by_key(|(mailbox, _)| mailbox.connected_ms);
        let told = all.split_off(keep.min(all.len()));
        for (mailbox, _) in &told {
            mailbox.reset(address(to));
        }
        told.len()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.engine.now().0
    }

    /// Whether the door is closing.
    pub(super) fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Relaxed)
    }

    /// A connection has come.
    pub(super) fn add(&self, remote: SocketAddr) -> Arc<Mailbox> {
        let id = self.number();
        let mailbox = Arc::new(Mailbox::new(id, remote, self.now_ms()));
        self.shard(id).lock().insert(id.0, Arc::clone(&mailbox));
        if self.is_stopping() {
            mailbox.ask(Ask::Stop);
        }
        mailbox
    }

    /// Gives a connection another number.
    pub(super) fn renumber(&self, mailbox: &Arc<Mailbox>) {
        let (old, new) = (mailbox.id(), self.number());
        mailbox.renumber(new);
        self.shard(new).lock().insert(new.0, Arc::clone(mailbox));
        self.shard(old).lock().remove(&old.0);
    }

    /// A connection is gone.
    pub(super) fn remove(&self, mailbox: &Mailbox) {
        let id = mailbox.id();
        self.shard(id).lock().remove(&id.0);
    }

    /// Tells whoever pushed that pushes will not be sent, but not from here.
    pub(super) fn lose(
        &self,
        id: ConnectionId,
        pushes: impl IntoIterator<Item = PushRequest>,
        outcome: Outcome,
    ) {
        let mut lost = self.0.lost.lock();
        let before = lost.len();
        lost.extend(pushes.into_iter().map(|push| (id, push, outcome)));
        if lost.len() > before {
            self.0.lost_any.notify_one();
        }
    }

    /// Looks after all connections until the door closes, then asks them to end.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut stop = std::pin::pin!(shutdown.begun());
        let mut looks = tokio::time::interval(Duration::from_millis(GRPC_LOOK_MS));
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = looks.tick() => {
                    let now_ms = self.now_ms();
                    self.each(|mailbox| mailbox.look(now_ms, mailbox.setup().is_some()));
                }
                () = self.0.lost_any.notified() => {}
            }
            self.tell_lost();
        }
        self.0.is_stopping.store(true, Relaxed);
        self.each(|mailbox| mailbox.ask(Ask::Stop));
        self.tell_lost();
    }

    fn tell_lost(&self) {
        let lost = std::mem::take(&mut *self.0.lost.lock());
        for (id, push, outcome) in lost {
            push.outcome.done(id, push.token, outcome);
        }
    }

    fn each(&self, mut look: impl FnMut(&Mailbox)) {
        for shard in &self.0.shards {
            for mailbox in shard.lock().values() {
                look(mailbox);
            }
        }
    }

    fn set_up(&self) -> Vec<(Arc<Mailbox>, Arc<Setup>)> {
        let mut found = Vec::new();
        for shard in &self.0.shards {
            let shard = shard.lock();
            let set_up = shard.values().filter_map(|it| Some((Arc::clone(it), it.setup()?)));
            found.extend(set_up);
        }
        found
    }

    fn number(&self) -> ConnectionId {
        ConnectionId(self.0.next.fetch_add(1, Relaxed))
    }

    fn shard(&self, id: ConnectionId) -> &Mutex<HashMap<u64, Arc<Mailbox>>> {
        &self.0.shards[id.0 as usize % SHARDS]
    }
}

impl Push for Connections {
    fn push(&self, connection: ConnectionId, push: PushRequest) {
        let mailbox = self.shard(connection).lock().get(&connection.0).cloned();
        let put = match mailbox {
            Some(mailbox) => mailbox.put(push),
            None => Err((push, Outcome::Gone)),
        };
        if let Err((push, outcome)) = put {
            self.lose(connection, [push], outcome);
        }
    }

    fn cut(&self, connection: ConnectionId) {
        if let Some(mailbox) = self.shard(connection).lock().get(&connection.0) {
            mailbox.ask(Ask::Cut);
        }
    }
}

fn address(to: Option<SocketAddr>) -> (String, String) {
    to.map(|to| (to.ip().to_string(), to.port().to_string())).unwrap_or_default()
}
