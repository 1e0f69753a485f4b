//! Who listens to what over connections, with which digest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rialto_configuration::{ConfigKey, KeyRef, Md5};

use super::forms::{ListenItem, Listener};
use crate::limits::CONFIG_LISTENED_MAX;
use crate::naming::ConnectionId;
use crate::{Code, Problem};

/// Somebody who listens to something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerRow {
    /// To what.
    pub key: ConfigKey,
    /// From where.
    pub ip: String,
    /// Digest of what it has; empty when it has nothing.
    pub md5: String,
}

/// All that connections listen to.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_key: HashMap<ConfigKey, BTreeMap<ConnectionId, Listening>>,
    by_connection: HashMap<ConnectionId, Connection>,
}

#[derive(Debug)]
struct Connection {
    ip: Box<str>,
    keys: BTreeSet<ConfigKey>,
}

#[derive(Debug, Clone, Copy)]
struct Listening {
    /// What the client has; absent when it has nothing, or says something that is no digest.
    md5: Option<Md5>,
    /// Whether it named no namespace: then none may be named to it.
    tenant_blank: bool,
}

impl Listeners {
    /// Remembers or forgets items.
    pub(super) fn set(
        &mut self,
        listener: &Listener<'_>,
        items: &[ListenItem<'_>],
        listen: bool,
    ) -> Result<(), Problem> {
        for item in items {
            // What cannot be a name will never be published: there is nothing to wait for.
            let Ok(key) = item.key().to_key() else { continue };
            if listen {
                self.add(listener, key, item)?;
            } else {
                self.remove(listener.connection, &key);
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, connection: ConnectionId) {
        let Some(ended) = self.by_connection.remove(&connection) else { return };
        for key in ended.keys {
            self.remove_from_key(connection, &key);
        }
    }

    /// Connections that listen to a key, and whether each named a namespace.
    pub(super) fn listening(&self, key: &ConfigKey) -> Vec<(ConnectionId, bool)> {
        let Some(listening) = self.by_key.get(key) else { return Vec::new() };
        listening.iter().map(|(connection, one)| (*connection, one.tenant_blank)).collect()
    }

    pub(super) fn of_key(&self, key: &KeyRef<'_>) -> Vec<ListenerRow> {
        let Ok(key) = key.to_key() else { return Vec::new() };
        let Some(listening) = self.by_key.get(&key) else { return Vec::new() };
        let row = |(connection, one): (&ConnectionId, &Listening)| {
            let from = self.by_connection.get(connection);
            let ip = from.map(|from| from.ip.to_string()).unwrap_or_default();
            ListenerRow { key: key.clone(), ip, md5: one.md5_text() }
        };
        listening.iter().map(row).collect()
    }

    pub(super) fn of_ip(&self, ip: &str) -> Vec<ListenerRow> {
        let mut rows = Vec::new();
        for (connection, one) in self.by_connection.iter().filter(|(_, one)| *one.ip == *ip) {
            for key in &one.keys {
                let listening = self.by_key.get(key).and_then(|all| all.get(connection));
                let md5 = listening.map(Listening::md5_text).unwrap_or_default();
                rows.push(ListenerRow { key: key.clone(), ip: ip.to_owned(), md5 });
            }
        }
        rows
    }

    fn add(
        &mut self,
        listener: &Listener<'_>,
        key: ConfigKey,
        item: &ListenItem<'_>,
    ) -> Result<(), Problem> {
        let connection = self.by_connection.entry(listener.connection).or_insert_with(|| {
            Connection { ip: listener.labels.client_ip.into(), keys: BTreeSet::new() }
        });
        if !connection.keys.contains(&key) {
            if connection.keys.len() == CONFIG_LISTENED_MAX {
                let message = format!(
                    "the connection listens to {CONFIG_LISTENED_MAX} configurations, the most that \
                     one may; open another"
                );
                return Err(Problem::new(400, Code::ParameterInvalid, message));
            }
            connection.keys.insert(key.clone());
        }
        let listening =
            Listening { md5: Md5::parse(item.md5), tenant_blank: item.tenant.trim().is_empty() };
        self.by_key.entry(key).or_default().insert(listener.connection, listening);
        Ok(())
    }

    fn remove(&mut self, connection: ConnectionId, key: &ConfigKey) {
        if let Some(one) = self.by_connection.get_mut(&connection) {
            one.keys.remove(key);
            if one.keys.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
        self.remove_from_key(connection, key);
    }

    fn remove_from_key(&mut self, connection: ConnectionId, key: &ConfigKey) {
        if let Some(listening) = self.by_key.get_mut(key) {
            listening.remove(&connection);
            if listening.is_empty() {
                self.by_key.remove(key);
            }
        }
    }
}

impl Listening {
    fn md5_text(&self) -> String {
        self.md5.map(|md5| md5.to_string()).unwrap_or_default()
    }
}

/// Sorted, with one row for a key and address: the newest digest is as good as any other.
pub(super) fn one_for_each(mut rows: Vec<ListenerRow>) -> Vec<ListenerRow> {
    rows.sort();
    rows.dedup_by(|one, other| one.key == other.key && one.ip == other.ip);
    rows
}
