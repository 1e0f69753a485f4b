//! The table at the end: each act, what was expected, what was seen, and whether it held.

use crate::words::wrap;

/// How an act ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The act in a few words.
    pub(crate) act: String,
    /// What should happen.
    pub(crate) expected: String,
    /// What did.
    pub(crate) seen: String,
    /// Whether that is the same.
    pub(crate) held: bool,
}

/// Width of the columns that are wrapped.
const COLUMN: usize = 25;

/// The table as text.
pub(crate) fn table(verdicts: &[Verdict]) -> String {
    let first = verdicts.iter().map(|v| v.act.chars().count()).max().unwrap_or(0).max(3);
    let mut text = row(first, "ACT", "EXPECTED", "SEEN", "");
    for Verdict { act, expected, seen, held } in verdicts {
        let (expected, seen) = (wrap(expected, COLUMN), wrap(seen, COLUMN));
        let lines = expected.len().max(seen.len());
        for at in 0..lines {
            let cell = |column: &Vec<String>| column.get(at).cloned().unwrap_or_default();
            let (act, outcome) = match at {
                0 => (act.as_str(), if *held { "held" } else { "FAILED" }),
                _ => ("", ""),
            };
            text += &row(first, act, &cell(&expected), &cell(&seen), outcome);
        }
    }
    let held = verdicts.iter().filter(|verdict| verdict.held).count();
    text + &format!("{held} of {} acts held\n", verdicts.len())
}

fn row(first: usize, act: &str, expected: &str, seen: &str, outcome: &str) -> String {
    let line = format!("{act:<first$}  {expected:<COLUMN$}  {seen:<COLUMN$}  {outcome}");
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_wrapped_and_outcomes_stand_in_their_first_line() {
        let verdict = |held| Verdict {
            act: "2 instance killed".to_owned(),
            expected: "no order fails although an instance is gone from one moment to the next"
                .to_owned(),
            seen: "700 placed, 0 failed".to_owned(),
            held,
        };
        let text = table(&[verdict(true), verdict(false)]);
        assert!(text.lines().all(|line| line.chars().count() <= 79), "{text}");
        assert!(text.contains("700 placed, 0 failed       held"), "{text}");
        assert!(text.ends_with("1 of 2 acts held\n"));
        assert!(text.contains("FAILED"));
    }
}
