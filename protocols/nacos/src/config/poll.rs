//! Long polls: a client over HTTP says what it has, and is answered when something of it changes.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use rialto_configuration::{ConfigKey, Entry, KeyRef, Labels};
use rialto_engine::Configurations;
use tokio::sync::oneshot;

use super::Configs;
use super::forms::ListenItem;
use super::listen::ListenerRow;
use crate::limits::{POLL_EARLY_MS, POLL_HOLD_MS_MAX, POLL_HOLD_MS_MIN, POLL_KEYS_MAX, POLLED_MAX};
use crate::{Code, Problem};

/// Ends an item of a list.
const LINE: char = '\u{1}';
/// Separates the words of an item.
const WORD: char = '\u{2}';
/// What a list that cannot be read is answered with.
const INVALID: &str = "invalid probeModify";

/// What a client asks.
#[derive(Debug, Clone, Copy)]
pub struct PollForm<'a> {
    /// Parameter `Listening-Configs`, decoded once.
    pub listening: &'a str,
    /// Header `Long-Pulling-Timeout`, in milliseconds; absent answers at once.
    pub timeout_ms: Option<u64>,
    /// Header `Long-Pulling-Timeout-No-Hangup`: answers at once.
    pub no_hangup: bool,
    /// What decides about gray versions.
    pub labels: Labels<'a>,
}

/// The body of the answer: what changed, or nothing.
pub enum Poll {
    /// At once.
    Now(Vec<u8>),
    /// When something changes, or time is up. Dropping it ends the wait.
    Later(Pin<Box<dyn Future<Output = Vec<u8>> + Send>>),
}

/// All that is waited for over HTTP.
#[derive(Debug, Default)]
pub(super) struct Polls(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: HashMap<u64, Waiting>,
    by_key: HashMap<ConfigKey, BTreeSet<u64>>,
    /// Items of all polls.
    items: usize,
}

#[derive(Debug)]
struct Waiting {
    answer: Option<oneshot::Sender<Vec<u8>>>,
    items: Vec<Item>,
    ip: Box<str>,
    tag: Box<str>,
}

#[derive(Debug)]
struct Item {
    key: ConfigKey,
    md5: Box<str>,
    /// As the client wrote it: it is answered in the same words.
    tenant: Option<Box<str>>,
}

/// Reads anything as a list, for a fuzzer: it must neither panic nor take more than it may.
pub fn fuzz(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(text) = decoded(text) else { return };
    let Ok(items) = parse(&text) else { return };
    assert!(!items.is_empty() && items.len() <= POLL_KEYS_MAX);
    let mut body = String::new();
    for item in &items {
        append(&mut body, item.data_id, item.group, Some(item.tenant));
    }
    assert!(finish(body).iter().all(|byte| byte.is_ascii_graphic() || *byte == b'\n'));
}

pub(super) fn poll(
    configurations: &Configurations,
    polls: &Arc<Polls>,
    form: &PollForm<'_>,
) -> Result<Poll, Problem> {
    let text = decoded(form.listening)?;
    let items = parse(&text)?;
    let changed = || {
        let mut body = String::new();
        for item in items.iter().filter(|item| differs(configurations, item, &form.labels)) {
            let tenant = (!item.tenant.is_empty()).then_some(item.tenant);
            append(&mut body, item.data_id, item.group, tenant);
        }
        finish(body)
    };
    let now = changed();
    let (Some(timeout_ms), false, true) = (form.timeout_ms, form.no_hangup, now.is_empty()) else {
        return Ok(Poll::Now(now));
    };
    let (id, answered) = polls.enter(&items, &form.labels)?;
    let guard = Guard { polls: Arc::clone(polls), id };
    // Once more, now that whatever changes is told: it may have changed in between.
    let now = changed();
    if !now.is_empty() {
        return Ok(Poll::Now(now));
    }
    let hold_ms = timeout_ms.saturating_sub(POLL_EARLY_MS);
    let hold = Duration::from_millis(hold_ms.clamp(POLL_HOLD_MS_MIN, POLL_HOLD_MS_MAX));
    Ok(Poll::Later(Box::pin(async move {
        let _guard = guard;
        match tokio::time::timeout(hold, answered).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    })))
}

impl Configs {
    /// What a list names, for the transport to ask whether its caller may read it. What cannot be a
    /// name is left out.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn listened(listening: &str) -> Result<Vec<ConfigKey>, Problem> {
        let text = decoded(listening)?;
        Ok(parse(&text)?.iter().filter_map(|item| item.key().to_key().ok()).collect())
    }
}

impl Polls {
    /// Answers those who have another digest of a configuration than it has now for them.
    pub(super) fn changed(&self, key: &ConfigKey, entry: Option<&Entry>) {
        let mut state = self.0.lock();
        let Some(ids) = state.by_key.get(key) else { return };
        for id in ids.clone() {
            let Some(waiting) = state.waiting.get_mut(&id) else { continue };
            let labels = Labels { client_ip: &waiting.ip, tag: &waiting.tag };
            let effective = entry.and_then(|entry| entry.effective(&labels));
            let md5 = effective.map_or("", |effective| effective.content.md5_text());
            let of_key = |item: &&Item| item.key == *key && *item.md5 != *md5;
            let Some(item) = waiting.items.iter().find(of_key) else { continue };
            let mut body = String::new();
            append(&mut body, item.key.data_id(), item.key.group(), item.tenant.as_deref());
            if let Some(answer) = waiting.answer.take() {
                // Whoever waits may have gone.
                drop(answer.send(finish(body)));
            }
        }
    }

    pub(super) fn of_key(&self, key: &KeyRef<'_>, rows: &mut Vec<ListenerRow>) {
        let Ok(key) = key.to_key() else { return };
        let state = self.0.lock();
        for id in state.by_key.get(&key).into_iter().flatten() {
            let Some(waiting) = state.waiting.get(id) else { continue };
            let of_key = |item: &&Item| item.key == key;
            rows.extend(waiting.items.iter().find(of_key).map(|item| item.row(&waiting.ip)));
        }
    }

    pub(super) fn of_ip(&self, ip: &str, rows: &mut Vec<ListenerRow>) {
        let state = self.0.lock();
        for waiting in state.waiting.values().filter(|waiting| *waiting.ip == *ip) {
            rows.extend(waiting.items.iter().map(|item| item.row(ip)));
        }
    }

    fn enter(
        &self,
        items: &[ListenItem<'_>],
        labels: &Labels<'_>,
    ) -> Result<(u64, oneshot::Receiver<Vec<u8>>), Problem> {
        let mut state = self.0.lock();
        if state.items + items.len() > POLLED_MAX {
            let message = "too much is waited for over HTTP; use fewer clients or gRPC";
            return Err(Problem::new(503, Code::Server, message));
        }
        // What cannot be a name will never be published: there is nothing to wait for.
        let items: Vec<Item> = items.iter().filter_map(Item::of).collect();
        let id = state.next;
        state.next += 1;
        state.items += items.len();
        for item in &items {
            state.by_key.entry(item.key.clone()).or_default().insert(id);
        }
        let (answer, answered) = oneshot::channel();
        let (ip, tag) = (labels.client_ip.into(), labels.tag.into());
        state.waiting.insert(id, Waiting { answer: Some(answer), items, ip, tag });
        Ok((id, answered))
    }

    fn leave(&self, id: u64) {
        let mut state = self.0.lock();
        let Some(waiting) = state.waiting.remove(&id) else { return };
        state.items -= waiting.items.len();
        for item in &waiting.items {
            if let Some(ids) = state.by_key.get_mut(&item.key) {
                ids.remove(&id);
                if ids.is_empty() {
                    state.by_key.remove(&item.key);
                }
            }
        }
    }
}

impl Item {
    fn of(item: &ListenItem<'_>) -> Option<Self> {
        let key = item.key().to_key().ok()?;
        let tenant = (!item.tenant.is_empty()).then(|| item.tenant.into());
        Some(Self { key, md5: item.md5.into(), tenant })
    }

    fn row(&self, ip: &str) -> ListenerRow {
        ListenerRow { key: self.key.clone(), ip: ip.to_owned(), md5: self.md5.to_string() }
    }
}

/// Takes a poll out of the list, however it ends.
struct Guard {
    polls: Arc<Polls>,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.polls.leave(self.id);
    }
}

fn differs(configurations: &Configurations, item: &ListenItem<'_>, labels: &Labels<'_>) -> bool {
    let found = configurations.query(&item.key(), labels);
    found.as_ref().map_or("", |found| found.content.md5_text()) != item.md5
}

/// Java's clients encode the list twice, Node's once.
fn decoded(text: &str) -> Result<Cow<'_, str>, Problem> {
    if text.contains(WORD) || !text.contains("%02") {
        return Ok(Cow::Borrowed(text));
    }
    percent_decode_str(text).decode_utf8().map_err(|_| invalid())
}

/// `dataId ^B group ^B md5 [^B tenant] ^A`, repeated.
fn parse(text: &str) -> Result<Vec<ListenItem<'_>>, Problem> {
    let text = text.strip_suffix(LINE).ok_or_else(invalid)?;
    let mut items = Vec::new();
    for line in text.split(LINE) {
        if items.len() == POLL_KEYS_MAX {
            return Err(invalid());
        }
        let mut words = line.split(WORD);
        let (Some(data_id), Some(group), Some(md5)) = (words.next(), words.next(), words.next())
        else {
            return Err(invalid());
        };
        let tenant = words.next().unwrap_or_default();
        if words.next().is_some() {
            return Err(invalid());
        }
        items.push(ListenItem { data_id, group, tenant, md5 });
    }
    Ok(items)
}

fn invalid() -> Problem {
    Problem::new(400, Code::ParameterInvalid, INVALID)
}

/// Adds an item as Java's URL encoder writes it.
fn append(body: &mut String, data_id: &str, group: &str, tenant: Option<&str>) {
    encode(body, data_id);
    body.push_str("%02");
    encode(body, group);
    if let Some(tenant) = tenant {
        body.push_str("%02");
        encode(body, tenant);
    }
    body.push_str("%01");
}

fn encode(body: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                body.push(char::from(byte));
            }
            b' ' => body.push('+'),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                body.push('%');
                body.push(char::from(HEX[usize::from(byte >> 4)]));
                body.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// A list ends with a line feed; nothing is nothing.
fn finish(mut body: String) -> Vec<u8> {
    if !body.is_empty() {
        body.push('\n');
    }
    body.into_bytes()
}

#[cfg(test)]
mod tests;
