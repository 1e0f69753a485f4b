//! History as people think of it: what was published when, and by whom. It is kept as what each
//! change replaced, so what a change published is with the next change of the same version, or is
//! what is published now.

use rialto_configuration::{ConfigKey, Content, Entry, HistoryLine, Kind, Op, Rule};
use rialto_engine::{Configurations, ReadError};

use crate::limits::{HISTORY_PAGES_MAX, HISTORY_ROWS_MAX};

/// What one change published.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    pub(super) id: u64,
    pub(super) at_ms: u64,
    pub(super) who: String,
    pub(super) from: String,
    pub(super) op: Op,
    /// Name of the gray version; empty for what all see.
    pub(super) gray: String,
    pub(super) secret: bool,
    /// Whether it is published now.
    pub(super) is_now: bool,
}

/// A content of the past.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Past {
    pub(super) version: Version,
    /// Absent for a removal.
    pub(super) content: Option<Content>,
    pub(super) kind: Kind,
    /// The key that an encrypted content came with.
    pub(super) encrypted_data_key: String,
}

/// The lines of a page, newest first, as versions. Only the first page knows what is published now.
pub(super) fn versions(lines: &[HistoryLine], first_page: bool) -> Vec<Version> {
    let is_newest = |at: usize, line: &HistoryLine| {
        !lines[..at].iter().any(|newer| newer.gray_name() == line.gray_name())
    };
    let version = |(at, line): (usize, &HistoryLine)| Version {
        is_now: first_page && line.op != Op::Delete && is_newest(at, line),
        ..Version::of(line)
    };
    lines.iter().enumerate().map(version).collect()
}

/// What a change of a configuration published; `None` when it is not its change, or is too old to
/// be found.
pub(super) fn past(
    configurations: &Configurations,
    key: &ConfigKey,
    id: u64,
) -> Result<Option<Past>, ReadError> {
    let mut newer: Vec<HistoryLine> = Vec::new();
    for page in 1..=HISTORY_PAGES_MAX {
        let found = configurations.history(&key.borrow(), page, HISTORY_ROWS_MAX)?;
        for line in found.items {
            if line.id != id {
                newer.push(line);
                continue;
            }
            let next = newer.iter().rev().find(|one| one.gray_name() == line.gray_name());
            let version =
                Version { is_now: next.is_none() && line.op != Op::Delete, ..Version::of(&line) };
            let found = match (line.op, next) {
                (Op::Delete, _) => None,
                (_, Some(next)) => {
                    let entry = configurations.history_entry(next.id)?;
                    entry.map(|entry| (entry.content, entry.encrypted_data_key))
                }
                (_, None) => now(configurations.entry(&key.borrow()).as_deref(), &line),
            };
            let (content, key) = found.unzip();
            let encrypted_data_key = key.unwrap_or_default();
            return Ok(Some(Past { version, content, kind: line.kind, encrypted_data_key }));
        }
        if found.page_no >= found.total.div_ceil(HISTORY_ROWS_MAX) {
            break;
        }
    }
    Ok(None)
}

fn now(entry: Option<&Entry>, line: &HistoryLine) -> Option<(Content, String)> {
    let effective = match &line.rule {
        None => entry?.formal.as_ref().map(|formal| &formal.effective)?,
        Some(rule) => entry?.gray(&Rule::name(rule)).map(|gray| &gray.effective)?,
    };
    Some((effective.content.clone(), effective.encrypted_data_key.to_string()))
}

impl Version {
    fn of(line: &HistoryLine) -> Self {
        Self {
            id: line.id,
            at_ms: line.at_ms,
            who: line.origin.user.clone(),
            from: line.origin.ip.clone(),
            op: line.op,
            gray: line.gray_name(),
            secret: line.secret,
            is_now: false,
        }
    }

    pub(super) fn is_removal(&self) -> bool {
        self.op == Op::Delete
    }

    /// What was done, as a family of words has it.
    pub(super) fn did(&self) -> &'static str {
        match self.op {
            Op::Insert => "insert",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use rialto_configuration::Origin;

    use super::*;

    fn line(id: u64, op: Op, rule: Option<Rule>) -> HistoryLine {
        HistoryLine {
            id,
            key: ConfigKey::new("", "G", "a").unwrap(),
            op,
            kind: Kind::Text,
            app_name: String::new(),
            at_ms: id,
            created_ms: 1,
            origin: Origin::default(),
            rule,
            secret: false,
        }
    }

    #[test]
    fn the_newest_change_of_each_version_is_published_now() {
        let tag = || Some(Rule::Tag { tag: "t".to_owned() });
        let lines = [
            line(5, Op::Update, None),
            line(4, Op::Delete, tag()),
            line(3, Op::Insert, tag()),
            line(2, Op::Insert, Some(Rule::Beta { ips: "1".to_owned() })),
            line(1, Op::Insert, None),
        ];
        let now: Vec<u64> =
            versions(&lines, true).iter().filter(|one| one.is_now).map(|one| one.id).collect();
        assert_eq!(now, [5, 2]);
        assert!(versions(&lines, false).iter().all(|one| !one.is_now));
    }
}
