//! Who watches which pattern of services, and what they are told. Pure: the time comes in, pushes
//! to send come out. A push that is not acknowledged is sent again until it is, or says what is no
//! longer so.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use bytes::Bytes;
use rialto_catalog::{Millis, ServiceKey, Timestamp};

use super::pattern::Pattern;
use super::push::{ConnectionId, Outcome};
use super::write::text;
use crate::limits::{PATTERN_BATCH, PATTERN_MATCHES_MAX, PATTERNS_MAX, PUSH_RETRY_MS};
use crate::map::{group_of, key};
use crate::{Code, Problem};

const SYNC: &str = "NamingFuzzyWatchSyncRequest";
const CHANGE: &str = "NamingFuzzyWatchChangeNotifyRequest";

/// All fuzzy watches.
#[derive(Default)]
pub(super) struct Fuzzy {
    patterns: HashMap<Box<str>, Watched>,
    /// Pushes that are to be sent or acknowledged, by token.
    pushes: HashMap<u64, Pending>,
    due: BinaryHeap<Reverse<(Timestamp, u64)>>,
    last_token: u64,
    /// Patterns that had more matches than they may, and lost one.
    short: HashSet<Box<str>>,
}

/// A push to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FuzzyPush {
    pub(super) connection: ConnectionId,
    pub(super) kind: &'static str,
    pub(super) body: Bytes,
    pub(super) token: u64,
}

struct Watched {
    pattern: Pattern,
    clients: HashSet<ConnectionId>,
    matched: BTreeSet<ServiceKey>,
}

struct Pending {
    connection: ConnectionId,
    pattern: Box<str>,
    body: Bytes,
    what: What,
}

enum What {
    /// Part of a synchronisation; of an initial one, the end is told when no part is left.
    Batch {
        initial: bool,
    },
    Finish,
    Change {
        service: ServiceKey,
        exists: bool,
    },
}

/// What a client wants to watch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) connection: ConnectionId,
    pub(super) pattern: &'a str,
    /// Services that the client knows already, as `namespace@@group@@service`.
    pub(super) received: &'a [&'a str],
    pub(super) initial: bool,
}

impl Fuzzy {
    /// Begins or repeats a watch, and tells the client how what it knows differs. `services` are
    /// looked through when the pattern is new.
    ///
    /// # Errors
    /// When the pattern is none, there are too many, or it matches too many services; the latter is
    /// watched nevertheless.
    pub(super) fn watch<'a>(
        &mut self,
        watch: Watch<'_>,
        services: impl Iterator<Item = &'a ServiceKey>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let watched = self.watched(watch.pattern, services)?;
        watched.clients.insert(watch.connection);
        let full = watched.matched.len() >= PATTERN_MATCHES_MAX;
        let received: HashSet<ServiceKey> =
            watch.received.iter().filter_map(|text| read_key(text)).collect();
        let news = watched.matched.iter().filter(|key| !received.contains(*key));
        let mut contexts: Vec<String> = news.map(|key| context(key, true)).collect();
        // What is not among the matches of a full pattern may be there nevertheless.
        if !full {
            let gone = received.iter().filter(|key| !watched.matched.contains(*key));
            contexts.extend(gone.map(|key| context(key, false)));
        }
        self.synchronise(watch, &contexts, now);
        if full {
            let message = "fuzzy watch pattern matched count over limit";
            return Err(Problem::new(500, Code::MatchesTooMany, message));
        }
        Ok(())
    }

    /// Ends a watch.
    pub(super) fn cancel(&mut self, connection: ConnectionId, pattern: &str) {
        if let Some(watched) = self.patterns.get_mut(pattern) {
            watched.clients.remove(&connection);
        }
        self.patterns.retain(|_, watched| !watched.clients.is_empty());
        self.pushes.retain(|_, push| push.connection != connection || *push.pattern != *pattern);
    }

    /// A connection is gone.
    pub(super) fn end(&mut self, connection: ConnectionId) {
        if self.patterns.is_empty() {
            return;
        }
        self.patterns.retain(|_, watched| {
            watched.clients.remove(&connection);
            !watched.clients.is_empty()
        });
        self.pushes.retain(|_, push| push.connection != connection);
    }

    /// Services that some pattern matches.
    pub(super) fn matched(&self) -> BTreeSet<ServiceKey> {
        self.patterns.values().flat_map(|watched| &watched.matched).cloned().collect()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.patterns.is_empty()
    }

    /// A service is there, or is not, whatever was before.
    pub(super) fn observe(&mut self, service: &ServiceKey, exists: bool, now: Timestamp) {
        let mut told: Vec<(Box<str>, Vec<ConnectionId>)> = Vec::new();
        for (text, watched) in &mut self.patterns {
            if watched.matched.contains(service) == exists || !watched.pattern.matches(service) {
                continue;
            }
            let full = watched.matched.len() >= PATTERN_MATCHES_MAX;
            if !exists {
                watched.matched.remove(service);
                if full {
                    self.short.insert(text.clone());
                }
            } else if full {
                continue;
            } else {
                watched.matched.insert(service.clone());
            }
            told.push((text.clone(), watched.clients.iter().copied().collect()));
        }
        let body = told.first().map(|_| change(service, exists)).unwrap_or_default();
        for (pattern, clients) in told {
            for connection in clients {
                let what = What::Change { service: service.clone(), exists };
                let (pattern, body) = (pattern.clone(), body.clone());
                self.send(Pending { connection, pattern, body, what }, now);
            }
        }
    }

    /// Whether some pattern has room for services that were left out: observe all of them again.
    pub(super) fn take_short(&mut self) -> bool {
        !std::mem::take(&mut self.short).is_empty()
    }

    /// What is to be sent now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<FuzzyPush> {
        let mut pushes = Vec::new();
        while let Some(&Reverse((at, token))) = self.due.peek()
            && at <= now
        {
            self.due.pop();
            let Some(push) = self.pushes.get(&token) else { continue };
            if let What::Change { service, exists } = &push.what
                && let Some(watched) = self.patterns.get(&push.pattern)
                && watched.matched.contains(service) != *exists
            {
                self.pushes.remove(&token);
                continue;
            }
            let kind = if matches!(push.what, What::Change { .. }) { CHANGE } else { SYNC };
            let (connection, body) = (push.connection, push.body.clone());
            pushes.push(FuzzyPush { connection, kind, body, token });
        }
        pushes
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// What became of a push.
    pub(super) fn done(
        &mut self,
        connection: ConnectionId,
        token: u64,
        outcome: Outcome,
        now: Timestamp,
    ) {
        let Some(push) = self.pushes.get(&token) else { return };
        if push.connection != connection {
            return;
        }
        if matches!(outcome, Outcome::Refused | Outcome::TimedOut) {
            self.due.push(Reverse((now.plus(Millis(PUSH_RETRY_MS)), token)));
            return;
        }
        let Some(push) = self.pushes.remove(&token) else { return };
        let initial = |what: &What| matches!(what, What::Batch { initial: true });
        if outcome == Outcome::Acked && initial(&push.what) {
            let left = self.pushes.values().any(|other| {
                other.connection == connection
                    && other.pattern == push.pattern
                    && initial(&other.what)
            });
            if !left {
                self.finish(connection, &push.pattern, now);
            }
        }
    }

    fn watched<'a>(
        &mut self,
        text: &str,
        services: impl Iterator<Item = &'a ServiceKey>,
    ) -> Result<&mut Watched, Problem> {
        if !self.patterns.contains_key(text) {
            let pattern = Pattern::parse(text)?;
            if self.patterns.len() >= PATTERNS_MAX {
                let message = "fuzzy watch pattern over limit";
                return Err(Problem::new(500, Code::PatternsTooMany, message));
            }
            let found = services.filter(|service| pattern.matches(service));
            let matched = found.take(PATTERN_MATCHES_MAX).cloned().collect();
            let watched = Watched { pattern, clients: HashSet::new(), matched };
            self.patterns.insert(text.into(), watched);
        }
        let missing = || Problem::new(500, Code::Server, "the pattern is gone");
        self.patterns.get_mut(text).ok_or_else(missing)
    }

    fn synchronise(&mut self, watch: Watch<'_>, contexts: &[String], now: Timestamp) {
        let Watch { connection, pattern, initial, .. } = watch;
        // A later look at the same pattern says all that an earlier one did.
        self.pushes.retain(|_, push| {
            let stale = push.connection == connection && *push.pattern == *pattern;
            !stale || matches!(push.what, What::Change { .. })
        });
        if contexts.is_empty() {
            if initial {
                self.finish(connection, pattern, now);
            }
            return;
        }
        let kind = if initial { "FUZZY_WATCH_INIT_NOTIFY" } else { "FUZZY_WATCH_DIFF_SYNC_NOTIFY" };
        let total = contexts.len().div_ceil(PATTERN_BATCH);
        for (at, batch) in contexts.chunks(PATTERN_BATCH).enumerate() {
            let body = sync(kind, pattern, batch, (at + 1, total));
            let what = What::Batch { initial };
            self.send(Pending { connection, pattern: pattern.into(), body, what }, now);
        }
    }

    fn finish(&mut self, connection: ConnectionId, pattern: &str, now: Timestamp) {
        let body = sync("FINISH_FUZZY_WATCH_INIT_NOTIFY", pattern, &[], (1, 1));
        self.send(Pending { connection, pattern: pattern.into(), body, what: What::Finish }, now);
    }

    fn send(&mut self, push: Pending, now: Timestamp) {
        self.last_token += 1;
        self.pushes.insert(self.last_token, push);
        self.due.push(Reverse((now, self.last_token)));
    }
}

fn read_key(text: &str) -> Option<ServiceKey> {
    let mut parts = text.splitn(3, "@@");
    key(parts.next()?, parts.next()?, parts.next()?).ok()
}

fn service_key(service: &ServiceKey) -> String {
    format!("{}@@{}@@{}", service.namespace(), group_of(service), service.name())
}

const fn changed_type(exists: bool) -> &'static str {
    if exists { "ADD_SERVICE" } else { "DELETE_SERVICE" }
}

fn context(service: &ServiceKey, exists: bool) -> String {
    format!("{{\"serviceKey\":{},\"changedType\":\"{}\"}}", quoted(service), changed_type(exists))
}

fn change(service: &ServiceKey, exists: bool) -> Bytes {
    format!(
        "\"syncType\":\"FUZZY_WATCH_RESOURCE_CHANGED\",\"serviceKey\":{},\"changedType\":\"{}\",\
         \"module\":\"naming\"}}",
        quoted(service),
        changed_type(exists)
    )
    .into()
}

fn sync(kind: &str, pattern: &str, contexts: &[String], (at, total): (usize, usize)) -> Bytes {
    let mut out = format!("\"syncType\":\"{kind}\",\"groupKeyPattern\":").into_bytes();
    text(&mut out, pattern);
    let contexts = contexts.join(",");
    let rest = format!(
        ",\"contexts\":[{contexts}],\"totalBatch\":{total},\"currentBatch\":{at},\
         \"module\":\"naming\"}}"
    );
    out.extend_from_slice(rest.as_bytes());
    out.into()
}

fn quoted(service: &ServiceKey) -> String {
    let mut out = Vec::new();
    text(&mut out, &service_key(service));
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
