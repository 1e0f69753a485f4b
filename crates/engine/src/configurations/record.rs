//! How configurations are written in the store. Secrets are sealed for the record that they are in.

use rialto_configuration::{
    Capacity, ConfigKey, Content, Counters, Effective, Formal, Gray, HistoryEntry, HistoryLine,
    Kind, Meta, Op, Origin, Rule, Scope, Write as Change,
};
use rialto_storage::{Record, Table, Vault, Write};
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

/// Sorts below everything that a name may contain, and is in no name.
pub(super) const SEPARATOR: char = '\0';

/// Under which the counters are.
const COUNTERS: &[u8] = b"configurations";

/// What a record brings back.
pub(super) enum Restored {
    Formal { id: u64, key: ConfigKey, formal: Formal },
    Gray { id: u64, key: ConfigKey, gray: Gray },
    Capacity { scope: Scope, capacity: Capacity },
    Counters(Counters),
}

/// One version of a configuration.
#[derive(Serialize, Deserialize)]
struct VersionValue {
    id: u64,
    kind: String,
    modified_ms: u64,
    created_ms: u64,
    user: String,
    ip: String,
    /// Kind and expression of a gray version's rule.
    rule: Option<(String, String)>,
    app_name: String,
    tags: String,
    desc: String,
    used_for: String,
    effect: String,
    schema: String,
    secret: bool,
    /// A [`Body`], sealed when it is a secret.
    #[serde(serialize_with = "raw")]
    body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct HistoryValue {
    namespace: String,
    group: String,
    data_id: String,
    op: String,
    kind: String,
    app_name: String,
    at_ms: u64,
    created_ms: u64,
    user: String,
    ip: String,
    rule: Option<(String, String)>,
    secret: bool,
    /// A [`Body`], sealed when it is a secret.
    #[serde(serialize_with = "raw")]
    body: Vec<u8>,
}

/// What may be a secret.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow, serialize_with = "raw")]
    content: &'a [u8],
    encrypted_data_key: &'a str,
}

#[derive(Serialize, Deserialize)]
struct CountersValue {
    next_id: u64,
    next_history_id: u64,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
struct CapacityValue {
    configs_max: u64,
    bytes_max: u64,
}

/// What makes a change durable.
pub(super) fn write(change: &Change, vault: &Vault, writes: &mut Vec<Write>) {
    match change {
        Change::PutVersion { entry, gray } => {
            let key = version_key(&entry.key, gray);
            let value = if gray.is_empty() {
                entry.formal.as_ref().map(|formal| formal_value(entry.id, formal, &key, vault))
            } else {
                entry.gray(gray).map(|gray| gray_value(entry.id, gray, &key, vault))
            };
            let value = value.map(|value| encode(&value));
            writes.push(Write { table: Table::Configurations, key, value });
        }
        Change::RemoveVersion { key, gray } => {
            let key = version_key(key, gray);
            writes.push(Write { table: Table::Configurations, key, value: None });
        }
        Change::AddHistory(entry) => {
            let id = entry.line.id;
            let value = Some(encode(&history_value(entry, vault)));
            writes.push(Write { table: Table::History, key: history_key(id), value });
            let key = order_key(entry.line.key.joined(), id);
            writes.push(Write { table: Table::HistoryOrder, key, value: Some(Vec::new()) });
        }
        Change::PutCapacity { scope, capacity } => {
            let value = capacity.map(|capacity| {
                let Capacity { configs_max, bytes_max } = capacity;
                encode(&CapacityValue { configs_max, bytes_max })
            });
            writes.push(Write { table: Table::Capacities, key: scope_key(scope), value });
        }
        Change::PutCounters(counters) => {
            let Counters { next_id, next_history_id, revision } = *counters;
            let value = Some(encode(&CountersValue { next_id, next_history_id, revision }));
            writes.push(Write { table: Table::Engine, key: COUNTERS.to_vec(), value });
        }
    }
}

/// Reads a record of what is published.
pub(super) fn read(record: &Record, vault: &Vault) -> Result<Restored, String> {
    let restored = match record.table {
        Table::Configurations => read_version(record, vault)?,
        Table::Capacities => read_capacity(record),
        Table::Engine => read_counters(record),
        _ => None,
    };
    restored.ok_or_else(|| {
        format!("the record {:?} cannot be read", String::from_utf8_lossy(&record.key))
    })
}

/// Reads one change without what was published.
pub(super) fn read_line(id: u64, value: &[u8]) -> Option<HistoryLine> {
    let value: HistoryValue = postcard::from_bytes(value).ok()?;
    line_of(id, &value)
}

/// Reads one change.
pub(super) fn read_history(id: u64, value: &[u8], vault: &Vault) -> Result<HistoryEntry, String> {
    let unreadable = || format!("change {id} of the history cannot be read");
    let value: HistoryValue = postcard::from_bytes(value).map_err(|_| unreadable())?;
    let line = line_of(id, &value).ok_or_else(unreadable)?;
    let place = history_place(id);
    let body = open(&value.body, value.secret, &place, vault)?;
    let (content, encrypted_data_key) = read_body(&body).ok_or_else(unreadable)?;
    let encrypted_data_key = encrypted_data_key.to_owned();
    Ok(HistoryEntry { line, content, encrypted_data_key })
}

/// Where a change is.
pub(super) fn history_key(id: u64) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

/// Where a change stands among those of its configuration: newest first.
pub(super) fn order_key(joined: &str, id: u64) -> Vec<u8> {
    let mut key = order_prefix(joined);
    key.extend_from_slice(&(u64::MAX - id).to_be_bytes());
    key
}

/// Before all changes of a configuration.
pub(super) fn order_prefix(joined: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(joined.len() + 9);
    key.extend_from_slice(joined.as_bytes());
    key.push(SEPARATOR as u8);
    key
}

/// The change that an order key is about.
pub(super) fn id_of_order_key(key: &[u8]) -> Option<u64> {
    Some(u64::MAX - u64::from_be_bytes(*key.last_chunk()?))
}

fn formal_value(id: u64, formal: &Formal, key: &[u8], vault: &Vault) -> VersionValue {
    let effective = &formal.effective;
    let Meta { app_name, tags, desc, used_for, effect, schema } = formal.meta.clone();
    VersionValue {
        id,
        kind: effective.kind.as_str().to_owned(),
        modified_ms: effective.modified_ms,
        created_ms: formal.created_ms,
        user: formal.origin.user.clone(),
        ip: formal.origin.ip.clone(),
        rule: None,
        app_name,
        tags,
        desc,
        used_for,
        effect,
        schema,
        secret: formal.secret,
        body: body_of(effective, formal.secret, &version_place(key), vault),
    }
}

fn gray_value(id: u64, gray: &Gray, key: &[u8], vault: &Vault) -> VersionValue {
    VersionValue {
        id,
        kind: gray.effective.kind.as_str().to_owned(),
        modified_ms: gray.effective.modified_ms,
        created_ms: gray.effective.modified_ms,
        user: gray.origin.user.clone(),
        ip: gray.origin.ip.clone(),
        rule: Some(rule_words(&gray.rule)),
        app_name: gray.app_name.clone(),
        tags: String::new(),
        desc: String::new(),
        used_for: String::new(),
        effect: String::new(),
        schema: String::new(),
        secret: gray.secret,
        body: body_of(&gray.effective, gray.secret, &version_place(key), vault),
    }
}

fn history_value(entry: &HistoryEntry, vault: &Vault) -> HistoryValue {
    let HistoryEntry { line, content, encrypted_data_key } = entry;
    let body = Body { content: content.bytes(), encrypted_data_key };
    HistoryValue {
        namespace: line.key.namespace().to_owned(),
        group: line.key.group().to_owned(),
        data_id: line.key.data_id().to_owned(),
        op: line.op.as_str().to_owned(),
        kind: line.kind.as_str().to_owned(),
        app_name: line.app_name.clone(),
        at_ms: line.at_ms,
        created_ms: line.created_ms,
        user: line.origin.user.clone(),
        ip: line.origin.ip.clone(),
        rule: line.rule.as_ref().map(rule_words),
        secret: line.secret,
        body: seal(encode(&body), line.secret, &history_place(line.id), vault),
    }
}

fn line_of(id: u64, value: &HistoryValue) -> Option<HistoryLine> {
    Some(HistoryLine {
        id,
        key: ConfigKey::new(&value.namespace, &value.group, &value.data_id).ok()?,
        op: Op::parse(&value.op)?,
        kind: Kind::parse(&value.kind),
        app_name: value.app_name.clone(),
        at_ms: value.at_ms,
        created_ms: value.created_ms,
        origin: Origin { user: value.user.clone(), ip: value.ip.clone() },
        rule: match &value.rule {
            Some((kind, expression)) => Some(rule_of(kind, expression)?),
            None => None,
        },
        secret: value.secret,
    })
}

fn read_version(record: &Record, vault: &Vault) -> Result<Option<Restored>, String> {
    let Ok(value) = postcard::from_bytes::<VersionValue>(&record.value) else { return Ok(None) };
    let body = open(&value.body, value.secret, &version_place(&record.key), vault)?;
    Ok(restored_version(&record.key, value, &body))
}

fn restored_version(key: &[u8], value: VersionValue, body: &[u8]) -> Option<Restored> {
    let mut parts = std::str::from_utf8(key).ok()?.split(SEPARATOR);
    let key = ConfigKey::new(parts.next()?, parts.next()?, parts.next()?).ok()?;
    let (content, encrypted_data_key) = read_body(body)?;
    let rule = match &value.rule {
        Some((kind, expression)) => Some(rule_of(kind, expression)?),
        None => None,
    };
    let effective = Arc::new(Effective {
        content,
        kind: Kind::parse(&value.kind),
        encrypted_data_key: encrypted_data_key.into(),
        modified_ms: value.modified_ms,
        rule: rule.clone().map(Arc::new),
    });
    let origin = Origin { user: value.user, ip: value.ip };
    let (id, secret, app_name) = (value.id, value.secret, value.app_name);
    if let Some(rule) = rule {
        let gray = Gray { rule, effective, app_name, origin, secret };
        return Some(Restored::Gray { id, key, gray });
    }
    let VersionValue { tags, desc, used_for, effect, schema, created_ms, .. } = value;
    let meta = Meta { app_name, tags, desc, used_for, effect, schema };
    let formal = Formal { effective, meta, created_ms, origin, secret };
    Some(Restored::Formal { id, key, formal })
}

fn read_capacity(record: &Record) -> Option<Restored> {
    let CapacityValue { configs_max, bytes_max } = postcard::from_bytes(&record.value).ok()?;
    let (kind, name) = std::str::from_utf8(&record.key).ok()?.split_once(SEPARATOR)?;
    let scope = match kind {
        "namespace" => Scope::Namespace(name.to_owned()),
        "group" => Scope::Group(name.to_owned()),
        _ => return None,
    };
    Some(Restored::Capacity { scope, capacity: Capacity { configs_max, bytes_max } })
}

fn read_counters(record: &Record) -> Option<Restored> {
    let value: CountersValue = postcard::from_bytes(&record.value).ok()?;
    let CountersValue { next_id, next_history_id, revision } = value;
    Some(Restored::Counters(Counters { next_id, next_history_id, revision }))
}

fn rule_words(rule: &Rule) -> (String, String) {
    (rule.kind().to_owned(), rule.expression().to_owned())
}

fn rule_of(kind: &str, expression: &str) -> Option<Rule> {
    let expression = expression.to_owned();
    match kind {
        "beta" => Some(Rule::Beta { ips: expression }),
        "tag" => Some(Rule::Tag { tag: expression }),
        _ => None,
    }
}

fn body_of(effective: &Effective, secret: bool, place: &[u8], vault: &Vault) -> Vec<u8> {
    let content = effective.content.bytes();
    let encrypted_data_key = &effective.encrypted_data_key;
    seal(encode(&Body { content, encrypted_data_key }), secret, place, vault)
}

fn read_body(body: &[u8]) -> Option<(Content, &str)> {
    let Body { content, encrypted_data_key } = postcard::from_bytes(body).ok()?;
    Some((Content::of_bytes(content)?, encrypted_data_key))
}

fn seal(body: Vec<u8>, secret: bool, place: &[u8], vault: &Vault) -> Vec<u8> {
    if secret { vault.seal(place, &body) } else { body }
}

fn open(body: &[u8], secret: bool, place: &[u8], vault: &Vault) -> Result<Vec<u8>, String> {
    match secret {
        true => vault.open_sealed(place, body).map_err(|error| error.to_string()),
        false => Ok(body.to_vec()),
    }
}

fn version_key(key: &ConfigKey, gray: &str) -> Vec<u8> {
    format!("{}{SEPARATOR}{gray}", key.joined()).into_bytes()
}

fn version_place(key: &[u8]) -> Vec<u8> {
    [b"version".as_slice(), key].concat()
}

fn history_place(id: u64) -> Vec<u8> {
    [b"history".as_slice(), &id.to_be_bytes()].concat()
}

fn scope_key(scope: &Scope) -> Vec<u8> {
    match scope {
        Scope::Namespace(name) => format!("namespace{SEPARATOR}{name}"),
        Scope::Group(name) => format!("group{SEPARATOR}{name}"),
    }
    .into_bytes()
}

/// Writes bytes at once, where the derived way would write one after the other.
fn raw<S: Serializer>(bytes: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes.as_ref())
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records have no type that postcard cannot write")
}
