//! What an import carried and what it could not, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Items that could not be carried are listed up to here; the rest are counted.
const LISTED_MAX: usize = 200;

/// Kinds of items, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Namespace,
    Config,
    Version,
    Gray,
    Service,
    Instance,
    User,
    Role,
    Permission,
}

impl Kind {
    /// Its name, of many.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Config => "configurations",
            Self::Version => "old versions",
            Self::Gray => "beta versions",
            Self::Service => "services",
            Self::Instance => "persistent instances",
            Self::User => "users",
            Self::Role => "roles of users",
            Self::Permission => "permissions",
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    carried: usize,
    unchanged: usize,
}

/// The account of one run.
#[derive(Debug, Default)]
pub(super) struct Report {
    tallies: BTreeMap<Kind, Tally>,
    /// Refused by one of the servers: a failure.
    refused: Vec<String>,
    /// What Nacos's interfaces do not give, or Rialto's do not take: no failure.
    left: Vec<String>,
    passwords: Vec<(String, String)>,
    ephemeral: usize,
}

impl Report {
    pub(super) fn carried(&mut self, kind: Kind) {
        self.tallies.entry(kind).or_default().carried += 1;
    }

    pub(super) fn unchanged(&mut self, kind: Kind) {
        self.tallies.entry(kind).or_default().unchanged += 1;
    }

    pub(super) fn refused(&mut self, what: String) {
        self.refused.push(what);
    }

    pub(super) fn left(&mut self, what: impl Into<String>) {
        self.left.push(what.into());
    }

    /// Instances that come by themselves.
    pub(super) fn ephemeral(&mut self, count: usize) {
        self.ephemeral += count;
    }

    /// A password that nobody knows but this report.
    pub(super) fn password(&mut self, user: &str, password: String) {
        self.passwords.push((user.to_owned(), password));
    }

    /// How many items were refused.
    pub(super) fn refusals(&self) -> usize {
        self.refused.len()
    }

    /// The text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (kind, Tally { carried, unchanged }) in &self.tallies {
            // Writing to a String cannot fail.
            let _ = write!(text, "{:<22}{carried:>9} carried", kind.plural());
            if *unchanged > 0 {
                let _ = write!(text, ", {unchanged} there already");
            }
            text.push('\n');
        }
        if self.tallies.is_empty() {
            text.push_str("nothing to carry\n");
        }
        if !self.passwords.is_empty() {
            text.push_str("\nNew passwords, shown only now; the old ones cannot be read:\n");
            for (user, password) in &self.passwords {
                let _ = writeln!(text, "  {user}  {password}");
            }
        }
        if self.ephemeral > 0 {
            let _ = writeln!(
                text,
                "\nLeft to their clients: {} ephemeral instances register by themselves when their \
                 clients are pointed here.",
                self.ephemeral
            );
        }
        listed(&mut text, "Not carried", &self.left);
        listed(&mut text, "Refused", &self.refused);
        text
    }
}

fn listed(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for line in lines.iter().take(LISTED_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    if lines.len() > LISTED_MAX {
        let _ = writeln!(text, "  and {} more", lines.len() - LISTED_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_what_was_carried_and_what_not() {
        let mut report = Report::default();
        report.carried(Kind::Config);
        report.unchanged(Kind::Config);
        report.ephemeral(3);
        report.password("ann", "secret".to_owned());
        report.refused("configuration a: 400 no".to_owned());
        let text = report.text();
        for part in [
            "configurations                1 carried, 1 there already\n",
            "  ann  secret\n",
            "3 ephemeral instances",
            "Refused:\n  configuration a: 400 no\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(Report::default().text(), "nothing to carry\n");
    }

    #[test]
    fn a_long_list_is_cut() {
        let mut report = Report::default();
        (0..=LISTED_MAX).for_each(|n| report.left(n.to_string()));
        assert!(report.text().ends_with("  and 1 more\n"));
    }
}
