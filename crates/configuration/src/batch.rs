//! Commands that share one commit: each sees what those before it did, and nothing is visible to
//! others before the plan is installed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{Command, Origin, Outcome, Publish, Remove, Target};
use crate::content::Kind;
use crate::entry::{Effective, Entry, Formal, Gray, Rule};
use crate::history::{HistoryEntry, HistoryLine, Op};
use crate::import::{ImportItem, ImportOutcome, ImportPolicy};
use crate::key::{ConfigKey, PUBLIC};
use crate::limits::{GRAYS_MAX, MANY_MAX};
use crate::quota::{Capacity, Scope};
use crate::refused::{QuotaKind, Refused};
use crate::state::{Counters, State};

/// Whatever its kind, content under such a dataId is a secret.
const CIPHER_PREFIX: &str = "cipher-";

/// Commands that are decided and not yet stored.
#[derive(Debug)]
pub struct Batch<'s> {
    state: &'s State,
    touched: BTreeMap<ConfigKey, Option<Arc<Entry>>>,
    capacities: BTreeMap<Scope, Option<Capacity>>,
    /// Configurations more than the state has, by namespace and group.
    more: BTreeMap<(String, String), i64>,
    counters: Counters,
    writes: Vec<Write>,
    changes: Vec<Change>,
}

/// What a batch decided.
#[derive(Debug)]
pub struct Plan {
    pub(crate) touched: BTreeMap<ConfigKey, Option<Arc<Entry>>>,
    pub(crate) capacities: BTreeMap<Scope, Option<Capacity>>,
    pub(crate) counters: Counters,
    pub(crate) changes: Vec<Change>,
    writes: Vec<Write>,
}

/// A record to make durable. Later ones of a plan win.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// One version of a configuration becomes what the entry says of it.
    PutVersion {
        /// The configuration.
        entry: Arc<Entry>,
        /// Name of the gray version; empty for the formal one.
        gray: String,
    },
    /// One version goes.
    RemoveVersion {
        /// Of which configuration.
        key: ConfigKey,
        /// Name of the gray version; empty for the formal one.
        gray: String,
    },
    /// History grows.
    AddHistory(Box<HistoryEntry>),
    /// What a namespace or group may hold.
    PutCapacity {
        /// Whose.
        scope: Scope,
        /// What it may hold; `None` removes the exception.
        capacity: Option<Capacity>,
    },
    /// What must not be used again.
    PutCounters(Counters),
}

/// What somebody who watches should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its number; grows by one with each change.
    pub revision: u64,
    /// Which configuration.
    pub key: ConfigKey,
    /// What it is now; `None` when nothing of it is left.
    pub entry: Option<Arc<Entry>>,
    /// Whether all see it now and nobody did before.
    pub appeared: bool,
    /// Whether all saw it before and nobody does now.
    pub disappeared: bool,
    /// Whether anybody reads something else than before. Publishing the same again is a change
    /// that nobody reads.
    pub differs: bool,
}

// === impl Plan ===

impl Plan {
    /// What to make durable before the plan is installed, in order.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }
}

// === impl Batch ===

impl<'s> Batch<'s> {
    pub(crate) const fn new(state: &'s State) -> Self {
        Self {
            state,
            touched: BTreeMap::new(),
            capacities: BTreeMap::new(),
            more: BTreeMap::new(),
            counters: state.counters,
            writes: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Decides a command at a time in milliseconds since the epoch.
    ///
    /// # Errors
    /// When it is refused; then it leaves nothing in the batch.
    pub fn apply(&mut self, now_ms: u64, command: Command) -> Result<Outcome, Refused> {
        match command {
            Command::Publish(publish) => self.publish(now_ms, *publish),
            Command::Remove(remove) => Ok(self.remove(now_ms, &remove)),
            Command::RemoveMany { keys, origin } => self.remove_many(now_ms, keys, &origin),
            Command::Import { items, policy, origin } => {
                self.import(now_ms, items, policy, &origin).map(Outcome::Imported)
            }
            Command::SetCapacity { scope, capacity } => {
                self.writes.push(Write::PutCapacity { scope: scope.clone(), capacity });
                self.capacities.insert(scope, capacity);
                Ok(Outcome::CapacitySet)
            }
        }
    }

    /// Ends the batch.
    #[must_use]
    pub fn finish(mut self) -> Plan {
        if self.counters != self.state.counters {
            self.writes.push(Write::PutCounters(self.counters));
        }
        let Self { touched, capacities, counters, writes, changes, .. } = self;
        Plan { touched, capacities, counters, changes, writes }
    }

    fn publish(&mut self, now_ms: u64, publish: Publish) -> Result<Outcome, Refused> {
        publish.check()?;
        let before = self.entry(&publish.key);
        let rule = publish.target.rule();
        let held = before.as_ref().and_then(|entry| version_of(entry, rule.as_ref()));
        self.check_fits(&publish, before.as_deref(), held.is_some())?;
        if let Some(held) = &held
            && !publish.cas.trim().is_empty()
            && publish.cas != held.effective.content.md5_text()
        {
            return Err(Refused::Conflict);
        }
        let mut entry = match &before {
            Some(entry) => (**entry).clone(),
            None => self.new_entry(publish.key.clone()),
        };
        let inserted = held.is_none();
        let change = Done { op: if inserted { Op::Insert } else { Op::Update }, now_ms };
        let gray = rule.as_ref().map(Rule::name).unwrap_or_default();
        let origin = publish.origin.clone();
        match rule {
            None => entry.put_formal(now_ms, publish),
            Some(rule) => entry.put_gray(now_ms, rule, publish),
        }
        entry.arrange();
        let entry = Arc::new(entry);
        let rule = entry.gray(&gray).map(|gray| gray.rule.clone());
        let noted = match held {
            Some(held) => Some(held),
            None => version_of(&entry, rule.as_ref()),
        };
        if let Some(noted) = noted {
            self.note(&entry.key, &noted, rule, origin, change);
        }
        self.writes.push(Write::PutVersion { entry: Arc::clone(&entry), gray });
        let id = entry.id;
        self.replace(before.as_ref(), entry);
        Ok(Outcome::Published { id, inserted })
    }

    /// Limits that depend on what is there: gray versions and quotas.
    fn check_fits(
        &self,
        publish: &Publish,
        before: Option<&Entry>,
        is_there: bool,
    ) -> Result<(), Refused> {
        let is_gray = publish.target != Target::Formal;
        if is_gray && !is_there && before.is_some_and(|entry| entry.grays.len() >= GRAYS_MAX) {
            return Err(Refused::GraysTooMany { max: GRAYS_MAX });
        }
        let quotas = self.state.quotas();
        if !quotas.enabled {
            return Ok(());
        }
        let (namespace, group) = (publish.key.namespace(), publish.key.group());
        let in_public = namespace == PUBLIC;
        let (scope, kind) = match in_public {
            true => (Scope::Group(group.to_owned()), QuotaKind::Group),
            false => (Scope::Namespace(namespace.to_owned()), QuotaKind::Namespace),
        };
        let exception = match self.capacities.get(&scope) {
            Some(set) => *set,
            None => self.state.exception(&scope),
        };
        let capacity = quotas.of(&scope, exception);
        let over = |kind, max| Err(Refused::Quota { kind, max });
        if publish.content.bytes().len() as u64 > capacity.bytes_max {
            return over(QuotaKind::Size, capacity.bytes_max);
        }
        if is_gray || is_there {
            return Ok(());
        }
        let more = |wanted: &dyn Fn(&str, &str) -> bool| -> i64 {
            let wanted = |(names, _): &(&(String, String), &i64)| wanted(&names.0, &names.1);
            self.more.iter().filter(wanted).map(|(_, more)| *more).sum()
        };
        if self.state.total().saturating_add_signed(more(&|_, _| true)) >= quotas.cluster_max {
            return over(QuotaKind::Cluster, quotas.cluster_max);
        }
        let used = match in_public {
            true => (self.state.group_total(namespace, group))
                .saturating_add_signed(more(&|n, g| n == namespace && g == group)),
            false => (self.state.namespace_total(namespace))
                .saturating_add_signed(more(&|n, _| n == namespace)),
        };
        if used >= capacity.configs_max {
            return over(kind, capacity.configs_max);
        }
        Ok(())
    }

    /// Removes one version; all of them when it is the formal one, so that nothing is left that
    /// no list shows.
    fn remove(&mut self, now_ms: u64, remove: &Remove) -> Outcome {
        let Some(before) = self.entry(&remove.key) else {
            return Outcome::Removed { existed: false };
        };
        let mut after = (*before).clone();
        let gone: Vec<Option<Rule>> = match remove.target.rule() {
            None => {
                let formal = before.formal.as_ref().map(|_| None);
                after.formal = None;
                let grays = after.grays.drain(..).map(|gray| Some(gray.rule));
                formal.into_iter().chain(grays).collect()
            }
            Some(rule) => {
                let gone = |gray: &mut Gray| gray.rule.is_same_version(&rule);
                after.grays.extract_if(.., gone).map(|gray| Some(gray.rule)).collect()
            }
        };
        if gone.is_empty() {
            return Outcome::Removed { existed: false };
        }
        for rule in gone {
            let gray = rule.as_ref().map(Rule::name).unwrap_or_default();
            if let Some(held) = version_of(&before, rule.as_ref()) {
                let change = Done { op: Op::Delete, now_ms };
                self.note(&before.key, &held, rule, remove.origin.clone(), change);
            }
            self.writes.push(Write::RemoveVersion { key: before.key.clone(), gray });
        }
        self.replace(Some(&before), Arc::new(after));
        Outcome::Removed { existed: true }
    }

    fn remove_many(
        &mut self,
        now_ms: u64,
        keys: Vec<ConfigKey>,
        origin: &Origin,
    ) -> Result<Outcome, Refused> {
        check_many(keys.len())?;
        let mut count = 0;
        for key in keys {
            let remove = Remove { key, target: Target::Formal, origin: origin.clone() };
            let outcome = self.remove(now_ms, &remove);
            count += usize::from(outcome == Outcome::Removed { existed: true });
        }
        Ok(Outcome::RemovedMany { count })
    }

    fn import(
        &mut self,
        now_ms: u64,
        items: Vec<ImportItem>,
        policy: ImportPolicy,
        origin: &Origin,
    ) -> Result<ImportOutcome, Refused> {
        check_many(items.len())?;
        let mut outcome = ImportOutcome::default();
        let mut ended = false;
        for item in items {
            let key = item.key.clone();
            let there = self.entry(&key).is_some_and(|entry| entry.formal.is_some());
            if ended || (there && policy == ImportPolicy::Skip) {
                outcome.skipped.push(key);
            } else if there && policy == ImportPolicy::Abort {
                outcome.failed.push(key);
                ended = true;
            } else if self.publish(now_ms, item.into_publish(origin.clone())).is_ok() {
                outcome.succeeded += 1;
            } else {
                outcome.failed.push(key);
            }
        }
        Ok(outcome)
    }

    fn entry(&self, key: &ConfigKey) -> Option<Arc<Entry>> {
        match self.touched.get(key) {
            Some(touched) => touched.clone(),
            None => self.state.get(&key.borrow()).cloned(),
        }
    }

    const fn new_entry(&mut self, key: ConfigKey) -> Entry {
        let id = self.counters.next_id;
        self.counters.next_id += 1;
        Entry { id, key, formal: None, grays: Vec::new() }
    }

    fn replace(&mut self, before: Option<&Arc<Entry>>, after: Arc<Entry>) {
        let was = before.is_some_and(|entry| entry.formal.is_some());
        let is = after.formal.is_some();
        let key = after.key.clone();
        if was != is {
            let names = (key.namespace().to_owned(), key.group().to_owned());
            *self.more.entry(names).or_default() += if is { 1 } else { -1 };
        }
        let differs = before.is_none_or(|before| !before.reads_as(&after));
        let entry = (!after.is_empty()).then_some(after);
        self.counters.revision += 1;
        self.changes.push(Change {
            revision: self.counters.revision,
            key: key.clone(),
            entry: entry.clone(),
            appeared: is && !was,
            disappeared: was && !is,
            differs,
        });
        self.touched.insert(key, entry);
    }

    fn note(
        &mut self,
        key: &ConfigKey,
        held: &Held,
        rule: Option<Rule>,
        origin: Origin,
        done: Done,
    ) {
        let id = self.counters.next_history_id;
        self.counters.next_history_id += 1;
        let line = HistoryLine {
            id,
            key: key.clone(),
            op: done.op,
            kind: held.effective.kind,
            app_name: held.app_name.clone(),
            at_ms: done.now_ms,
            created_ms: held.created_ms,
            origin,
            rule,
            secret: held.secret,
        };
        let content = held.effective.content.clone();
        let encrypted_data_key = held.effective.encrypted_data_key.to_string();
        let entry = Box::new(HistoryEntry { line, content, encrypted_data_key });
        self.writes.push(Write::AddHistory(entry));
    }
}

fn check_many(count: usize) -> Result<(), Refused> {
    if count <= MANY_MAX {
        return Ok(());
    }
    Err(Refused::TooMany { what: "configurations at once", max: MANY_MAX })
}

/// A version, formal or gray.
struct Held {
    effective: Arc<Effective>,
    app_name: String,
    created_ms: u64,
    secret: bool,
}

#[derive(Clone, Copy)]
struct Done {
    op: Op,
    now_ms: u64,
}

fn version_of(entry: &Entry, rule: Option<&Rule>) -> Option<Held> {
    match rule {
        None => entry.formal.as_ref().map(|formal| Held {
            effective: Arc::clone(&formal.effective),
            app_name: formal.meta.app_name.clone(),
            created_ms: formal.created_ms,
            secret: formal.secret,
        }),
        Some(rule) => {
            entry.grays.iter().find(|gray| gray.rule.is_same_version(rule)).map(|gray| Held {
                effective: Arc::clone(&gray.effective),
                app_name: gray.app_name.clone(),
                created_ms: gray.effective.modified_ms,
                secret: gray.secret,
            })
        }
    }
}

impl Target {
    /// The rule of a gray version; absent for the formal one.
    pub(crate) fn rule(&self) -> Option<Rule> {
        match self {
            Self::Formal => None,
            Self::Beta { ips } => Some(Rule::Beta { ips: ips.clone() }),
            Self::Tag(tag) => Some(Rule::Tag { tag: tag.clone() }),
        }
    }
}

impl Entry {
    fn put_formal(&mut self, now_ms: u64, publish: Publish) {
        let before = self.formal.take();
        let (held_meta, held_secret, created_ms) = match before {
            Some(formal) => (formal.meta, formal.secret, formal.created_ms),
            None => Default::default(),
        };
        let secret = is_secret(&publish, held_secret);
        let created_ms = if created_ms == 0 { now_ms } else { created_ms };
        self.formal = Some(Formal {
            effective: Arc::new(Effective {
                content: publish.content,
                kind: publish.kind.unwrap_or(Kind::Text),
                encrypted_data_key: publish.encrypted_data_key.into(),
                modified_ms: now_ms,
                rule: None,
            }),
            meta: publish.meta.over(held_meta),
            created_ms,
            origin: publish.origin,
            secret,
        });
    }

    fn put_gray(&mut self, now_ms: u64, rule: Rule, publish: Publish) {
        let held = self.grays.iter().position(|gray| gray.rule.is_same_version(&rule));
        let held = held.map(|at| self.grays.remove(at));
        let (held_app, held_secret) = match held {
            Some(gray) => (gray.app_name, gray.secret),
            None => (String::new(), self.formal.as_ref().is_some_and(|formal| formal.secret)),
        };
        let secret = is_secret(&publish, held_secret);
        self.grays.push(Gray {
            effective: Arc::new(Effective {
                content: publish.content,
                kind: self.formal.as_ref().map(|one| one.effective.kind).unwrap_or_default(),
                encrypted_data_key: publish.encrypted_data_key.into(),
                modified_ms: now_ms,
                rule: Some(Arc::new(rule.clone())),
            }),
            rule,
            app_name: publish.meta.app_name.unwrap_or(held_app),
            origin: publish.origin,
            secret,
        });
    }
}

fn is_secret(publish: &Publish, held: bool) -> bool {
    publish.key.data_id().starts_with(CIPHER_PREFIX) || publish.secret.unwrap_or(held)
}
