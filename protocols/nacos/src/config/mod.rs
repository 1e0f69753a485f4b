//! What configuration calls mean, for both transports: reading with gray rules, publishing,
//! listening, long polls, fuzzy watches, history, archives.
//!
//! Configurations are in the engine alone. Here is what only Nacos has: who listens to what, with
//! which digest, and what has been pushed to them.

pub mod archive;
mod forms;
mod fuzzy;
mod inbox;
mod listen;
mod many;
mod outbox;
pub mod poll;
mod refusal;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rialto_configuration::{
    Capacity, ConfigKey, Effective, Entry, HistoryEntry, HistoryLine, KeyRef, Labels, Page, Remove,
    Scope, Search, Usage,
};
use rialto_engine::Configurations;
use rialto_telemetry::{EventKind, Telemetry};

pub use archive::{ArchiveFormat, ImportForm, Imported};
pub use forms::{ListenItem, Listener, PublishForm, RemoveForm};
pub use listen::ListenerRow;
pub use many::{CloneForm, CloneItem};
pub use poll::{Poll, PollForm};

use crate::naming::{ConnectionId, Push};
use crate::{Code, Problem};

/// The configuration part of the door. Clones share it.
#[derive(Clone)]
pub struct Configs {
    shared: Arc<Shared>,
}

struct Shared {
    configurations: Configurations,
    telemetry: Telemetry,
    inbox: Arc<inbox::Inbox>,
    listeners: Mutex<listen::Listeners>,
    polls: Arc<poll::Polls>,
    notices: Arc<outbox::Outbox<ConfigKey>>,
    watches: Arc<fuzzy::Watches>,
}

impl Configs {
    /// Over an engine's configurations; pushes go out by `push`. [`Configs::run`] keeps it going.
    #[must_use]
    pub fn new(configurations: Configurations, push: Arc<dyn Push>, telemetry: Telemetry) -> Self {
        let inbox = Arc::new(inbox::Inbox::default());
        configurations.observe(Arc::clone(&inbox) as Arc<dyn rialto_engine::Observer>);
        let notices = Arc::new(outbox::Outbox::new(Arc::clone(&push), Arc::clone(&inbox)));
        let watches = Arc::new(fuzzy::Watches::new(push, Arc::clone(&inbox)));
        Self {
            shared: Arc::new(Shared {
                configurations,
                telemetry,
                inbox,
                listeners: Mutex::default(),
                polls: Arc::default(),
                notices,
                watches,
            }),
        }
    }

    /// Tells listeners of changes until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = self.deliver() => {}
        }
    }

    /// A connection is gone, with all that it listened to.
    pub fn end(&self, connection: ConnectionId) {
        self.shared.listeners.lock().end(connection);
        self.shared.notices.end(connection);
        self.shared.watches.end(connection);
    }

    /// What is published, without this protocol's words around it.
    #[must_use]
    pub fn configurations(&self) -> &Configurations {
        &self.shared.configurations
    }

    // === Reading ===

    /// What a reader gets: the first gray version whose rule its labels meet, otherwise what all
    /// see. With an explicit `tag`, only a gray version.
    #[must_use]
    pub fn query(
        &self,
        key: &KeyRef<'_>,
        labels: &Labels<'_>,
        tag: &str,
    ) -> Option<Arc<Effective>> {
        if tag.trim().is_empty() {
            return self.shared.configurations.query(key, labels);
        }
        let labels = Labels { tag, ..*labels };
        self.shared.configurations.query(key, &labels).filter(|found| found.rule.is_some())
    }

    /// A configuration with all that is known about it.
    #[must_use]
    pub fn detail(&self, key: &KeyRef<'_>) -> Option<Arc<Entry>> {
        self.shared.configurations.entry(key)
    }

    /// Configurations that are looked for, by page from 1.
    #[must_use]
    pub fn search(&self, search: &Search, page_no: usize, page_size: usize) -> Page<Arc<Entry>> {
        self.shared.configurations.search(search, page_no, page_size)
    }

    /// How many configurations a namespace has.
    #[must_use]
    pub fn count(&self, namespace: &str) -> u64 {
        let namespace = KeyRef::new(namespace, "", "").namespace();
        self.shared.configurations.read(|state| state.namespace_total(namespace))
    }

    /// Changes of a configuration, newest first, by page from 1. Reads the disk.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn history(
        &self,
        key: &KeyRef<'_>,
        page_no: usize,
        page_size: usize,
    ) -> Result<Page<HistoryLine>, Problem> {
        self.shared
            .configurations
            .history(key, page_no, page_size)
            .map_err(|error| refusal::of_read(&error))
    }

    /// One change of the configuration that is named, with what was there. Reads the disk. A
    /// number of another configuration's change is not found: it may be nobody's business here.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn history_entry(
        &self,
        key: &KeyRef<'_>,
        id: u64,
    ) -> Result<Option<HistoryEntry>, Problem> {
        let entry = self.shared.configurations.history_entry(id);
        let entry = entry.map_err(|error| refusal::of_read(&error))?;
        Ok(entry.filter(|entry| entry.line.key.borrow() == *key))
    }

    /// The change before one, of the configuration that is named. Reads the disk.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn history_previous(
        &self,
        key: &KeyRef<'_>,
        id: u64,
    ) -> Result<Option<HistoryEntry>, Problem> {
        let entry = self.shared.configurations.history_before(id);
        let entry = entry.map_err(|error| refusal::of_read(&error))?;
        Ok(entry.filter(|entry| entry.line.key.borrow() == *key))
    }

    /// How much a namespace or group holds, and may hold.
    #[must_use]
    pub fn usage(&self, scope: &Scope) -> Usage {
        self.shared.configurations.read(|state| state.usage(scope))
    }

    // === Changing ===

    /// Publishes: on disk, then readable, then answered, then told to those who listen.
    ///
    /// # Errors
    /// When a field is wrong, the digest is another than the caller says, a quota is used up, or
    /// it could not be stored.
    pub fn publish(
        &self,
        form: &PublishForm<'_>,
    ) -> impl Future<Output = Result<(), Problem>> + Send + 'static + use<> {
        let publish = form.read();
        let configurations = self.shared.configurations.clone();
        async move {
            let published = configurations.publish(publish?).await;
            published.map(drop).map_err(|error| refusal::of_publish(&error))
        }
    }

    /// Removes one version, or all; tells whether it was there.
    ///
    /// # Errors
    /// When a name is wrong, or it could not be stored.
    pub fn remove(
        &self,
        form: &RemoveForm<'_>,
    ) -> impl Future<Output = Result<bool, Problem>> + Send + 'static + use<> {
        let remove: Result<Remove, Problem> = form.read();
        let configurations = self.shared.configurations.clone();
        async move {
            let removed = configurations.remove(remove?).await;
            removed.map_err(|error| refusal::of_publish(&error))
        }
    }

    /// Sets what a namespace or group may hold.
    ///
    /// # Errors
    /// When it could not be stored.
    pub fn set_capacity(
        &self,
        scope: Scope,
        capacity: Option<Capacity>,
    ) -> impl Future<Output = Result<(), Problem>> + Send + 'static + use<> {
        let configurations = self.shared.configurations.clone();
        async move {
            let set = configurations.set_capacity(scope, capacity).await;
            set.map_err(|error| refusal::of_publish(&error))
        }
    }

    // === Listening ===

    /// Remembers what a connection listens to, or forgets it, and tells which of the items differ
    /// from what the connection would read, by their places in the list.
    ///
    /// # Errors
    /// When the connection listens to too much.
    pub fn listen(
        &self,
        listener: &Listener<'_>,
        items: &[ListenItem<'_>],
        listen: bool,
    ) -> Result<Vec<usize>, Problem> {
        // Remembered before it is compared: a change in between is told twice, never not at all.
        self.shared.listeners.lock().set(listener, items, listen)?;
        if !listen {
            return Ok(Vec::new());
        }
        let differs = |item: &ListenItem<'_>| {
            let found = self.query(&item.key(), &listener.labels, "");
            found.as_ref().map_or("", |found| found.content.md5_text()) != item.md5
        };
        let places = items.iter().enumerate().filter(|(_, item)| differs(item));
        Ok(places.map(|(place, _)| place).collect())
    }

    /// Waits over HTTP until something that is listened to differs.
    ///
    /// # Errors
    /// When the list cannot be read, or too much is waited for.
    pub fn poll(&self, form: &PollForm<'_>) -> Result<Poll, Problem> {
        poll::poll(&self.shared.configurations, &self.shared.polls, form)
    }

    /// Who listens to a configuration, over both transports: at most one row for an address.
    #[must_use]
    pub fn listeners_of(&self, key: &KeyRef<'_>) -> Vec<ListenerRow> {
        let mut rows = self.shared.listeners.lock().of_key(key);
        self.shared.polls.of_key(key, &mut rows);
        listen::one_for_each(rows)
    }

    /// What an address listens to, over both transports, of the namespaces that are asked for.
    #[must_use]
    pub fn listened_by(&self, ip: &str) -> Vec<ListenerRow> {
        let mut rows = self.shared.listeners.lock().of_ip(ip);
        self.shared.polls.of_ip(ip, &mut rows);
        listen::one_for_each(rows)
    }

    /// Begins to watch names by a pattern, or tells anew what a watcher lacks.
    ///
    /// # Errors
    /// When the text is no pattern, or there are too many patterns or too much is matched.
    pub fn watch(
        &self,
        connection: ConnectionId,
        pattern: &str,
        received: &[&str],
        initializing: bool,
    ) -> Result<(), Problem> {
        let configurations = &self.shared.configurations;
        self.shared.watches.watch(configurations, connection, pattern, received, initializing)
    }

    /// Ends a watch.
    pub fn unwatch(&self, connection: ConnectionId, pattern: &str) {
        self.shared.watches.unwatch(connection, pattern);
    }

    // === Delivering ===

    /// Takes changes out of the inbox and tells them, and tries again what was not acknowledged.
    async fn deliver(&self) {
        loop {
            let retry_at = self.shared.notices.next_retry();
            let retry_at = retry_at.into_iter().chain(self.shared.watches.next_retry()).min();
            let changed = self.shared.inbox.wait(retry_at).await;
            for key in &changed {
                let entry = self.shared.configurations.entry(&key.borrow());
                self.shared.polls.changed(key, entry.as_deref());
                self.notify(key);
                let appears = entry.as_ref().is_some_and(|entry| entry.formal.is_some());
                self.shared.watches.changed(key, appears);
                let what = if entry.is_some() { "published" } else { "removed" };
                let now_ms = self.shared.configurations.now().0;
                let (kind, subject) = (EventKind::ConfigurationChanged, key.to_string());
                self.shared.telemetry.events().push_at(now_ms, kind, &subject, what);
            }
            self.shared.notices.retry();
            self.shared.watches.retry();
        }
    }
}

impl Configs {
    /// Tells connections that listen of a change, each in the words in which it listens.
    fn notify(&self, key: &ConfigKey) {
        let listening = self.shared.listeners.lock().listening(key);
        if listening.is_empty() {
            return;
        }
        let (with_tenant, without) = (notice(key, key.namespace()), notice(key, ""));
        for (connection, tenant_blank) in listening {
            let message = if tenant_blank { &without } else { &with_tenant };
            self.shared.notices.put(connection, key, |waiting| {
                // One is enough: whoever gets it reads the newest.
                if waiting.is_empty() {
                    waiting.push_back(message.clone());
                }
            });
        }
    }
}

fn notice(key: &ConfigKey, tenant: &str) -> outbox::Message {
    // Names have no character that JSON would have to escape.
    let (data_id, group) = (key.data_id(), key.group());
    let text = format!(
        r#""dataId":"{data_id}","group":"{group}","tenant":"{tenant}","module":"config"}}"#
    );
    outbox::Message { kind: "ConfigChangeNotifyRequest", body: Bytes::from(text) }
}

/// What is there to refuse with when something else is asked for than this server has.
fn not_found(what: &str) -> Problem {
    Problem::new(404, Code::NotFound, format!("{what} not exist"))
}
