//! Subscriptions and fuzzy watches of connections.

use rialto_catalog::ServiceKey;

use super::Naming;
use super::fuzzy::Watch;
use super::push::ConnectionId;
use super::view::ServiceView;
use super::words::FuzzyForm;
use crate::limits::{CLUSTERS_BYTES_MAX, SUBSCRIPTIONS_MAX};
use crate::{Code, Problem};

impl Naming {
    /// Subscribes a connection to a service, in place of what it subscribed to there before, and
    /// gives what is there now. Every change is pushed. Does not make the service.
    ///
    /// # Errors
    /// When the connection is not there (any more), has too many subscriptions, or the list of
    /// clusters is too long.
    pub fn subscribe(
        &self,
        connection: ConnectionId,
        key: &ServiceKey,
        clusters: &str,
    ) -> Result<ServiceView, Problem> {
        if clusters.len() > CLUSTERS_BYTES_MAX {
            let message = format!("a list of clusters longer than {CLUSTERS_BYTES_MAX} bytes");
            return Err(Problem::new(400, Code::ParameterInvalid, message));
        }
        let wanted = (!clusters.is_empty()).then(|| clusters.into());
        let now = self.shared.engine.now();
        let done = self.shared.clients.with(connection, |held| {
            if held.subscribed.len() >= SUBSCRIPTIONS_MAX && !held.subscribed.contains_key(key) {
                let message = format!("more than {SUBSCRIPTIONS_MAX} subscriptions");
                return Err(Problem::new(500, Code::Server, message));
            }
            held.subscribed.insert(key.clone(), wanted.clone());
            self.shared.pushes.lock().subscribe(connection, key, wanted, now);
            Ok(())
        });
        done.unwrap_or_else(|| Err(unknown(connection)))?;
        self.shared.wake.notify_one();
        Ok(self.view(key, clusters, false))
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, connection: ConnectionId, key: &ServiceKey) {
        self.shared.clients.with(connection, |held| {
            if held.subscribed.remove(key).is_some() {
                self.shared.pushes.lock().unsubscribe(connection, key);
            }
        });
    }

    /// Watches which services match a pattern: tells how what the client knows differs, and from
    /// then on what comes and goes. Repeating it is right and cheap.
    ///
    /// # Errors
    /// When the pattern is none, there are too many, or it matches too many services; the latter is
    /// watched nevertheless.
    pub fn watch_fuzzily(
        &self,
        connection: ConnectionId,
        form: FuzzyForm<'_>,
    ) -> Result<(), Problem> {
        let FuzzyForm { pattern, received, initial } = form;
        let watch = Watch { connection, pattern, received, initial };
        let now = self.shared.engine.now();
        let done = self.shared.clients.with(connection, |_| {
            let mut fuzzy = self.shared.fuzzy.lock();
            self.shared.engine.read(|state| {
                fuzzy.watch(watch, state.services().map(|service| service.key()), now)
            })
        });
        self.shared.wake.notify_one();
        done.unwrap_or_else(|| Err(unknown(connection)))
    }

    /// Ends a fuzzy watch.
    pub fn cancel_fuzzy_watch(&self, connection: ConnectionId, pattern: &str) {
        self.shared.fuzzy.lock().cancel(connection, pattern);
    }
}

fn unknown(connection: ConnectionId) -> Problem {
    let id = connection.0;
    Problem::new(500, Code::Server, format!("Client [{id}] connection already disconnect"))
}
