//! States and commands for tests.

use rialto_configuration::{
    Command, ConfigKey, Content, HistoryEntry, KeyRef, Labels, Op, Origin, Outcome, Plan, Policy,
    Publish, PublishMeta, Refused, Remove, State, Target, Write,
};

/// A state with what it wrote down.
pub(crate) struct Rig {
    pub(crate) state: State,
    pub(crate) now_ms: u64,
    pub(crate) writes: Vec<Write>,
}

pub(crate) fn key(data_id: &str) -> ConfigKey {
    ConfigKey::new("", "G", data_id).unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin { user: "ann".to_owned(), ip: "10.0.0.9".to_owned() }
}

pub(crate) fn publish(data_id: &str, text: &str) -> Publish {
    Publish {
        key: key(data_id),
        content: Content::new(text),
        target: Target::Formal,
        cas: String::new(),
        kind: None,
        meta: PublishMeta::default(),
        encrypted_data_key: String::new(),
        secret: None,
        origin: origin(),
    }
}

pub(crate) fn beta(data_id: &str, text: &str, ips: &str) -> Publish {
    Publish { target: Target::Beta { ips: ips.to_owned() }, ..publish(data_id, text) }
}

pub(crate) fn tagged(data_id: &str, text: &str, tag: &str) -> Publish {
    Publish { target: Target::Tag(tag.to_owned()), ..publish(data_id, text) }
}

pub(crate) fn remove(data_id: &str, target: Target) -> Command {
    Command::Remove(Remove { key: key(data_id), target, origin: origin() })
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Policy::default())
    }

    pub(crate) fn with(policy: Policy) -> Self {
        Self { state: State::new(policy), now_ms: 1_000, writes: Vec::new() }
    }

    pub(crate) fn run(&mut self, command: Command) -> Result<Outcome, Refused> {
        let mut batch = self.state.batch();
        let outcome = batch.apply(self.now_ms, command);
        self.install(batch_finish(batch));
        self.now_ms += 1;
        outcome
    }

    pub(crate) fn publish(&mut self, publish: Publish) -> Result<Outcome, Refused> {
        self.run(Command::Publish(Box::new(publish)))
    }

    pub(crate) fn install(&mut self, plan: Plan) {
        self.writes.extend_from_slice(plan.writes());
        self.state.install(plan);
    }

    /// What somebody at an address with a tag reads.
    pub(crate) fn read(&self, data_id: &str, client_ip: &str, tag: &str) -> Option<String> {
        let entry = self.state.get(&KeyRef::new("", "G", data_id))?;
        let effective = entry.effective(&Labels { client_ip, tag })?;
        Some(effective.content.text().to_owned())
    }

    pub(crate) fn history(&self) -> Vec<(Op, String, String)> {
        let entries = self.writes.iter().filter_map(|write| match write {
            Write::AddHistory(entry) => Some(&**entry),
            _ => None,
        });
        let shown = |entry: &HistoryEntry| {
            (entry.line.op, entry.line.gray_name(), entry.content.text().to_owned())
        };
        entries.map(shown).collect()
    }
}

fn batch_finish(batch: rialto_configuration::Batch<'_>) -> Plan {
    batch.finish()
}
