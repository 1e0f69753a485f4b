//! Watches over names by a pattern: what matches now, and what appears and disappears later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rialto_configuration::{ConfigKey, Pattern};
use rialto_engine::Configurations;
use tokio::time::Instant;

use super::inbox::Inbox;
use super::outbox::{Message, Outbox};
use crate::limits::{FUZZY_BATCH, FUZZY_MATCHES_MAX, FUZZY_PATTERNS_MAX};
use crate::naming::{ConnectionId, Push};
use crate::{Code, Problem};

const SYNC: &str = "ConfigFuzzyWatchSyncRequest";
const CHANGE: &str = "ConfigFuzzyWatchChangeNotifyRequest";

/// All watches, and what is on its way to them.
pub(super) struct Watches {
    state: Mutex<State>,
    outbox: Arc<Outbox<Arc<str>>>,
}

#[derive(Debug, Default)]
struct State {
    /// By the text that clients know them by.
    patterns: BTreeMap<Arc<str>, Watched>,
}

#[derive(Debug)]
struct Watched {
    pattern: Pattern,
    /// What watchers have been told is there, or are being told.
    matched: BTreeSet<ConfigKey>,
    watchers: BTreeSet<ConnectionId>,
}

impl Watches {
    pub(super) fn new(push: Arc<dyn Push>, inbox: Arc<Inbox>) -> Self {
        Self { state: Mutex::default(), outbox: Arc::new(Outbox::new(push, inbox)) }
    }

    pub(super) fn watch(
        &self,
        configurations: &Configurations,
        connection: ConnectionId,
        text: &str,
        received: &[&str],
        initializing: bool,
    ) -> Result<(), Problem> {
        let pattern = Pattern::parse(text)
            .map_err(|error| Problem::new(400, Code::ParameterInvalid, error.to_string()))?;
        let mut state = self.state.lock();
        let (name, watched) = state.begin(configurations, text, pattern)?;
        watched.watchers.insert(connection);
        let messages = messages(&name, &watched.differences(received), initializing);
        let full = watched.matched.len() >= FUZZY_MATCHES_MAX;
        // Under the lock, so that changes come after it.
        self.outbox.put(connection, &name, |waiting| {
            waiting.clear();
            waiting.extend(messages);
        });
        if full {
            let message = format!("fuzzy watch pattern matched count over limit, pattern: {text}");
            return Err(Problem::new(500, Code::MatchesTooMany, message));
        }
        Ok(())
    }

    pub(super) fn unwatch(&self, connection: ConnectionId, text: &str) {
        let mut state = self.state.lock();
        if let Some((name, watched)) = state.patterns.get_key_value(text) {
            self.outbox.forget(connection, name);
            if watched.watchers.len() == 1 && watched.watchers.contains(&connection) {
                state.patterns.remove(text);
                return;
            }
        }
        if let Some(watched) = state.patterns.get_mut(text) {
            watched.watchers.remove(&connection);
        }
    }

    pub(super) fn end(&self, connection: ConnectionId) {
        let mut state = self.state.lock();
        state.patterns.retain(|_, watched| {
            watched.watchers.remove(&connection);
            !watched.watchers.is_empty()
        });
        self.outbox.end(connection);
    }

    /// A configuration is there now, or is not.
    pub(super) fn changed(&self, key: &ConfigKey, appears: bool) {
        let mut state = self.state.lock();
        for (name, watched) in &mut state.patterns {
            if !watched.pattern.matches(&key.borrow()) {
                continue;
            }
            let full = watched.matched.len() >= FUZZY_MATCHES_MAX;
            let told = match appears {
                true => !full && watched.matched.insert(key.clone()),
                false => watched.matched.remove(key),
            };
            if told {
                let message = change(key, if appears { "CONFIG_CHANGED" } else { "DELETE_CONFIG" });
                for watcher in &watched.watchers {
                    self.outbox.put(*watcher, name, |waiting| waiting.push_back(message.clone()));
                }
            }
        }
    }

    pub(super) fn retry(&self) {
        self.outbox.retry();
    }

    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.outbox.next_retry()
    }
}

impl State {
    fn begin(
        &mut self,
        configurations: &Configurations,
        text: &str,
        pattern: Pattern,
    ) -> Result<(Arc<str>, &mut Watched), Problem> {
        if !self.patterns.contains_key(text) && self.patterns.len() >= FUZZY_PATTERNS_MAX {
            let message = format!("fuzzy watch pattern over limit, at most {FUZZY_PATTERNS_MAX}");
            return Err(Problem::new(500, Code::PatternsTooMany, message));
        }
        let name: Arc<str> = match self.patterns.get_key_value(text) {
            Some((name, _)) => Arc::clone(name),
            None => text.into(),
        };
        let watched = self.patterns.entry(Arc::clone(&name)).or_insert_with(|| {
            let matched = matching(configurations, &pattern);
            Watched { pattern, matched, watchers: BTreeSet::new() }
        });
        Ok((name, watched))
    }
}

impl Watched {
    /// What a client lacks, and what it has too much.
    fn differences(&self, received: &[&str]) -> Vec<(String, &'static str)> {
        let received: BTreeSet<ConfigKey> =
            received.iter().filter_map(|text| ConfigKey::of_group_key(text).ok()).collect();
        let lacks = self.matched.difference(&received).map(|key| (key.group_key(), "ADD_CONFIG"));
        let gone = received.difference(&self.matched);
        lacks.chain(gone.map(|key| (key.group_key(), "DELETE_CONFIG"))).collect()
    }
}

/// What is there now and matches. Changes that are not delivered yet find it there already.
fn matching(configurations: &Configurations, pattern: &Pattern) -> BTreeSet<ConfigKey> {
    configurations.read(|state| {
        let entries = state.after(Some(pattern.namespace()), None);
        let there = entries.filter(|entry| entry.formal.is_some());
        let matched = there.filter(|entry| pattern.matches(&entry.key.borrow()));
        matched.take(FUZZY_MATCHES_MAX).map(|entry| entry.key.clone()).collect()
    })
}

/// Batches of differences, and the end of an initialisation.
fn messages(
    pattern: &str,
    differences: &[(String, &'static str)],
    initializing: bool,
) -> Vec<Message> {
    let sync_type =
        if initializing { "FUZZY_WATCH_INIT_NOTIFY" } else { "FUZZY_WATCH_DIFF_SYNC_NOTIFY" };
    let total = differences.len().div_ceil(FUZZY_BATCH);
    let batches = differences.chunks(FUZZY_BATCH).zip(1..);
    let mut messages: Vec<Message> = batches
        .map(|(contexts, current)| sync(pattern, Some(contexts), sync_type, total, current))
        .collect();
    if initializing {
        messages.push(sync(pattern, None, "FINISH_FUZZY_WATCH_INIT_NOTIFY", 0, 0));
    }
    messages
}

fn sync(
    pattern: &str,
    contexts: Option<&[(String, &'static str)]>,
    sync_type: &str,
    total: usize,
    current: usize,
) -> Message {
    let pattern = serde_json::Value::from(pattern);
    let contexts = contexts.unwrap_or_default().iter().map(|(key, changed)| {
        let key = serde_json::Value::from(key.as_str());
        format!(r#"{{"groupKey":{key},"changedType":"{changed}"}}"#)
    });
    let contexts = contexts.collect::<Vec<_>>().join(",");
    let what = format!(r#""groupKeyPattern":{pattern},"contexts":[{contexts}]"#);
    let which = format!(r#""totalBatch":{total},"currentBatch":{current},"module":"config"}}"#);
    let text = format!(r#"{what},"syncType":"{sync_type}",{which}"#);
    Message { kind: SYNC, body: Bytes::from(text) }
}

fn change(key: &ConfigKey, change_type: &str) -> Message {
    let key = serde_json::Value::from(key.group_key());
    let text = format!(r#""groupKey":{key},"changeType":"{change_type}","module":"config"}}"#);
    Message { kind: CHANGE, body: Bytes::from(text) }
}

#[cfg(test)]
mod tests;
