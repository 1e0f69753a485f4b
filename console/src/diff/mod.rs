//! What changed between two texts, line by line: the shortest script of Myers ("An O(ND) Difference
//! Algorithm and Its Variations"), bounded, so that no pair of texts costs more than a moment.

mod script;

use std::ops::Range;

use crate::limits::{DIFF_CONTEXT, DIFF_ROWS_MAX};

/// A line of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Same,
    Removed,
    Added,
}

/// A row of a comparison as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    Line(Line),
    /// This many unchanged lines are not shown.
    Gap(usize),
}

/// A line with its numbers, cut into what stayed, what changed, and what stayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) old: Option<usize>,
    pub(crate) new: Option<usize>,
    pub(crate) before: String,
    pub(crate) changed: String,
    pub(crate) after: String,
}

/// A comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Diff {
    pub(crate) rows: Vec<Row>,
    pub(crate) added: usize,
    pub(crate) removed: usize,
    /// Whether rows were left out at the end.
    pub(crate) cut: bool,
}

impl Diff {
    /// Compares two texts and keeps a few lines around each change.
    pub(crate) fn of(old: &str, new: &str) -> Self {
        let (old, new) = (lines(old), lines(new));
        let edits = script::edits(&old, &new);
        let mut diff = Self::default();
        let mut shown = 0..0;
        let mut end = (0, 0);
        for (at, edit) in edits.iter().enumerate() {
            diff.removed += edit.old.len();
            diff.added += edit.new.len();
            let lead = edit.old.start.saturating_sub(DIFF_CONTEXT).max(end.0);
            let offset = edit.new.start - (edit.old.start - lead);
            diff.gap(lead - shown.end);
            diff.same(&old, lead..edit.old.start, offset);
            diff.changed(&old[edit.old.clone()], &new[edit.new.clone()], edit);
            let next = edits.get(at + 1).map_or(old.len(), |next| next.old.start);
            let tail = (edit.old.end + DIFF_CONTEXT).min(next);
            diff.same(&old, edit.old.end..tail, edit.new.end);
            (shown, end) = (lead..tail, (tail, edit.new.end));
        }
        if !edits.is_empty() {
            diff.gap(old.len() - shown.end);
        }
        diff.cut = diff.rows.len() > DIFF_ROWS_MAX;
        diff.rows.truncate(DIFF_ROWS_MAX);
        diff
    }

    /// Whether the texts are the same.
    pub(crate) fn is_empty(&self) -> bool {
        self.added == 0 && self.removed == 0
    }

    fn gap(&mut self, lines: usize) {
        if lines > 0 {
            self.rows.push(Row::Gap(lines));
        }
    }

    fn same(&mut self, old: &[&str], range: Range<usize>, new_start: usize) {
        let start = range.start;
        for at in range {
            self.rows.push(Row::Line(Line {
                kind: Kind::Same,
                old: Some(at + 1),
                new: Some(new_start + (at - start) + 1),
                before: shown(old[at]),
                changed: String::new(),
                after: String::new(),
            }));
        }
    }

    fn changed(&mut self, old: &[&str], new: &[&str], edit: &script::Edit) {
        let pairs = old.len().min(new.len());
        for (at, text) in old.iter().enumerate() {
            let other = new.get(at).filter(|_| at < pairs).copied();
            let number = edit.old.start + at + 1;
            self.rows.push(Row::Line(line(Kind::Removed, Some(number), None, text, other)));
        }
        for (at, text) in new.iter().enumerate() {
            let other = old.get(at).filter(|_| at < pairs).copied();
            let number = edit.new.start + at + 1;
            self.rows.push(Row::Line(line(Kind::Added, None, Some(number), text, other)));
        }
    }
}

impl Line {
    /// The sign in front of the line, which says without colour what it is.
    pub(crate) fn sign(&self) -> &'static str {
        match self.kind {
            Kind::Same => "",
            Kind::Removed => "−",
            Kind::Added => "+",
        }
    }

    /// CSS class.
    pub(crate) fn class(&self) -> &'static str {
        match self.kind {
            Kind::Same => "same",
            Kind::Removed => "removed",
            Kind::Added => "added",
        }
    }
}

/// The lines of a text. A line that ends in `\r\n` differs from one that ends in `\n`; an end of
/// the last line is no line of its own.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.last() == Some(&"") {
        lines.pop();
    }
    lines
}

fn line(
    kind: Kind,
    old: Option<usize>,
    new: Option<usize>,
    text: &str,
    other: Option<&str>,
) -> Line {
    let (start, end) = other.map_or((0, text.len()), |other| differing(text, other));
    let part = |range: Range<usize>| shown(&text[range]);
    let (before, changed, after) = (part(0..start), part(start..end), part(end..text.len()));
    // A line that is new as a whole needs no mark inside.
    let whole = before.trim().is_empty() && after.trim().is_empty();
    if whole {
        return Line {
            kind,
            old,
            new,
            before: format!("{before}{changed}{after}"),
            changed: String::new(),
            after: String::new(),
        };
    }
    Line { kind, old, new, before, changed, after }
}

/// A carriage return would be invisible, and it may be the only thing that changed.
fn shown(text: &str) -> String {
    text.replace('\r', "␍")
}

/// The range of bytes of `text` between what it has in common with `other` at both ends.
fn differing(text: &str, other: &str) -> (usize, usize) {
    let common = |one: &mut dyn Iterator<Item = (char, char)>| -> usize {
        one.take_while(|(left, right)| left == right).map(|(left, _)| left.len_utf8()).sum()
    };
    let start = common(&mut text.chars().zip(other.chars()));
    let (rest, other_rest) = (&text[start..], &other[start..]);
    let end = common(&mut rest.chars().rev().zip(other_rest.chars().rev()));
    (start, text.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(old: &str, new: &str) -> Vec<String> {
        let row = |row: Row| match row {
            Row::Gap(lines) => format!("…{lines}"),
            Row::Line(line) => {
                let mark = if line.changed.is_empty() { "" } else { "|" };
                let number = |at: Option<usize>| at.map_or("-".to_owned(), |at| at.to_string());
                format!(
                    "{}{}:{}{}{mark}{}{mark}{}",
                    line.sign(),
                    number(line.old),
                    number(line.new),
                    line.before,
                    line.changed,
                    line.after
                )
            }
        };
        Diff::of(old, new).rows.into_iter().map(row).collect()
    }

    #[test]
    fn a_changed_line_shows_what_changed_inside_it() {
        let rows = drawn("a: 1\nport: 80\n", "a: 1\nport: 8080\n");
        assert_eq!(rows, ["1:1a: 1", "−2:-port: 80", "+-:2port: 80|80|"]);
        let rows = drawn("x=old-value;\n", "x=new-value;\n");
        assert_eq!(rows, ["−1:-x=|old|-value;", "+-:1x=|new|-value;"]);
    }

    #[test]
    fn far_unchanged_lines_are_left_out_and_counted() {
        let old: String = (1..=30).map(|at| format!("{at}\n")).collect();
        let new = old.replace("\n3\n", "\nthree\n").replace("\n25\n", "\n25\nnew\n");
        let rows = drawn(&old, &new);
        assert_eq!(rows[0..4], ["1:11", "2:22", "−3:-3", "+-:3three"]);
        assert_eq!(rows[4..8], ["4:44", "5:55", "6:66", "…16"]);
        assert_eq!(
            rows[8..],
            ["23:2323", "24:2424", "25:2525", "+-:26new", "26:2726", "27:2827", "28:2928", "…2"]
        );
    }

    #[test]
    fn appearing_and_vanishing_texts_are_changes_too() {
        assert_eq!(drawn("", "a\nb"), ["+-:1a", "+-:2b"]);
        assert_eq!(drawn("a\n", ""), ["−1:-a"]);
        assert!(Diff::of("a\n", "a\n").is_empty());
        assert!(drawn("a\n", "a\n").is_empty());
    }

    #[test]
    fn a_change_of_line_ends_is_seen() {
        assert_eq!(drawn("a\r\n", "a\n"), ["−1:-a|␍|", "+-:1a"]);
    }

    #[test]
    fn a_huge_difference_is_cut() {
        let old: String = (0..DIFF_ROWS_MAX).map(|at| format!("a{at}\n")).collect();
        let new: String = (0..DIFF_ROWS_MAX).map(|at| format!("b{at}\n")).collect();
        let diff = Diff::of(&old, &new);
        assert!(diff.cut && diff.rows.len() == DIFF_ROWS_MAX);
        assert_eq!((diff.added, diff.removed), (DIFF_ROWS_MAX, DIFF_ROWS_MAX));
    }
}
