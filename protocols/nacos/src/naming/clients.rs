//! Connections that made a naming call: who they are, what they publish and subscribe to.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rialto_catalog::{ServiceKey, Timestamp};

use super::push::ConnectionId;
use super::words::Client;

/// Connections that are looked up at once exclude each other only within one of these.
const SHARDS: usize = 64;

/// All connections.
pub(super) struct Clients {
    shards: Vec<Mutex<HashMap<ConnectionId, Held>>>,
}

/// One connection. Empty maps take no room.
pub(super) struct Held {
    pub(super) client: Client,
    pub(super) since: Timestamp,
    /// Identifiers of the instances that it published, by service.
    pub(super) published: HashMap<ServiceKey, Vec<Box<str>>>,
    /// Clusters that it asked for, by service; `None` is all.
    pub(super) subscribed: HashMap<ServiceKey, Option<Arc<str>>>,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self { shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect() }
    }

    /// Adds a connection; one that is there keeps what it has.
    pub(super) fn begin(&self, client: Client, now: Timestamp) {
        let connection = client.connection;
        let held =
            Held { client, since: now, published: HashMap::new(), subscribed: HashMap::new() };
        self.shard(connection).lock().entry(connection).or_insert(held);
    }

    /// Takes a connection out.
    pub(super) fn end(&self, connection: ConnectionId) -> Option<Held> {
        self.shard(connection).lock().remove(&connection)
    }

    /// Works with one connection; its other calls wait. `None` when it is not there.
    pub(super) fn with<R>(
        &self,
        connection: ConnectionId,
        work: impl FnOnce(&mut Held) -> R,
    ) -> Option<R> {
        self.shard(connection).lock().get_mut(&connection).map(work)
    }

    /// Looks at all connections, in no order.
    pub(super) fn each(&self, mut look: impl FnMut(ConnectionId, &Held)) {
        for shard in &self.shards {
            shard.lock().iter().for_each(|(connection, held)| look(*connection, held));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn shard(&self, connection: ConnectionId) -> &Mutex<HashMap<ConnectionId, Held>> {
        &self.shards[connection.0 as usize % SHARDS]
    }
}
