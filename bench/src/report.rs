//! What was measured: tables of ratios for people, JSON for programs.

use std::fmt::Write as _;

use serde::Serialize;

/// Everything that one run measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    tables: Vec<Table>,
    /// What was not measured here, and why.
    left_out: Vec<String>,
}

/// Where it was measured.
#[derive(Debug, Default, Serialize)]
struct Machine {
    processors: usize,
    model: String,
    kernel: String,
    /// Processes that wanted a processor in the minute before; many spoil latencies.
    load_before: String,
}

/// Rows that share their columns.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    title: String,
    /// Names of the sides; the first is ours.
    sides: Vec<String>,
    rows: Vec<Row>,
}

/// One measure of one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    /// One value per side of the table.
    pub(crate) values: Vec<Option<f64>>,
    /// Ours divided by the first peer's, or the peer's by ours where more is better.
    pub(crate) ratio: Option<f64>,
    pub(crate) goals: Vec<Goal>,
}

/// What the figure should be.
#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) text: String,
    pub(crate) holds: bool,
}

impl Report {
    pub(crate) fn new() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let machine = Machine {
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            model: model.unwrap_or_default().trim_start_matches([' ', '\t', ':']).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        };
        Self { machine, ..Self::default() }
    }

    pub(crate) fn add(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Notes that something was not measured.
    pub(crate) fn leave_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        eprintln!("not measured: {what}");
        self.left_out.push(what);
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has only strings and numbers")
    }

    pub(crate) fn to_markdown(&self) -> String {
        let Machine { processors, model, kernel, load_before } = &self.machine;
        let mut text = format!(
            "{processors} processors ({model}), Linux {kernel}, load before the run {load_before}\n"
        );
        for table in &self.tables {
            table.write_markdown(&mut text);
        }
        if !self.left_out.is_empty() {
            text.push_str("\nNot measured:\n");
            for what in &self.left_out {
                let _ = writeln!(text, "- {what}");
            }
        }
        text
    }
}

impl Table {
    pub(crate) fn new(title: &str, sides: &[&str]) -> Self {
        let sides = sides.iter().map(|side| (*side).to_owned()).collect();
        Self { title: title.to_owned(), sides, rows: Vec::new() }
    }

    /// Adds a measure of which less is better; the ratio is ours to the first peer's.
    pub(crate) fn less(&mut self, what: &str, unit: &'static str, values: &[Option<f64>]) {
        let ratio = ratio(values.first(), values.get(1));
        self.push(what, unit, values, ratio);
    }

    /// Adds a measure of which more is better; the ratio is ours to the first peer's as well.
    pub(crate) fn more(&mut self, what: &str, unit: &'static str, values: &[Option<f64>]) {
        self.less(what, unit, values);
    }

    /// Judges the ratio of the row added last.
    pub(crate) fn goal_ratio(&mut self, effort_judges: bool, bound: Bound) {
        let Some(row) = self.rows.last_mut().filter(|_| effort_judges) else { return };
        row.goals.extend(row.ratio.map(|ratio| bound.judge(ratio, "×")));
    }

    /// Judges the ratio of the row added last to another peer than the first.
    pub(crate) fn goal_ratio_to(&mut self, side: usize, effort_judges: bool, bound: Bound) {
        let Some(row) = self.rows.last_mut().filter(|_| effort_judges) else { return };
        let Some(ratio) = ratio(row.values.first(), row.values.get(side)) else { return };
        row.goals.push(bound.judge(ratio, &format!("× {}", self.sides[side])));
    }

    /// Judges our own value of the row added last.
    pub(crate) fn goal_value(&mut self, effort_judges: bool, bound: Bound) {
        let Some(row) = self.rows.last_mut().filter(|_| effort_judges) else { return };
        let value = row.values.first().copied().flatten();
        row.goals.extend(value.map(|value| bound.judge(value, row.unit)));
    }

    fn push(&mut self, what: &str, unit: &'static str, values: &[Option<f64>], ratio: Option<f64>) {
        let values = values.to_vec();
        let row = Row { what: what.to_owned(), unit, values, ratio, goals: Vec::new() };
        eprintln!("{}: {}", self.title, row.summary(&self.sides));
        self.rows.push(row);
    }

    fn write_markdown(&self, text: &mut String) {
        let sides = self.sides.join(" | ");
        let _ = write!(text, "\n### {}\n\n| measure | {sides} | ratio | goal |\n", self.title);
        text.push_str(&"|---".repeat(self.sides.len() + 3));
        text.push_str("|\n");
        for row in &self.rows {
            let _ = write!(text, "| {}, {} ", row.what, row.unit);
            for value in &row.values {
                let _ = write!(text, "| {} ", value.map_or("–".to_owned(), figure));
            }
            let ratio = row.ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
            let goals: Vec<String> = row.goals.iter().map(Goal::in_words).collect();
            let goal = if goals.is_empty() { "–".to_owned() } else { goals.join("; ") };
            let _ = writeln!(text, "| {ratio} | {goal} |");
        }
    }
}

impl Row {
    fn summary(&self, sides: &[String]) -> String {
        let mut text = self.what.clone();
        for (side, value) in sides.iter().zip(&self.values) {
            let value = value.map_or("–".to_owned(), figure);
            let _ = write!(text, "  {side} {value} {}", self.unit);
        }
        text
    }
}

impl Goal {
    fn in_words(&self) -> String {
        format!("{}: {}", self.text, if self.holds { "holds" } else { "**missed**" })
    }
}

/// A limit on a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn judge(self, value: f64, unit: &str) -> Goal {
        match self {
            Self::AtMost(limit) => {
                Goal { text: format!("≤ {limit} {unit}"), holds: value <= limit }
            }
            Self::AtLeast(limit) => {
                Goal { text: format!("≥ {limit} {unit}"), holds: value >= limit }
            }
        }
    }
}

/// The median, which one disturbed round can't move far.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

/// Bytes of memory as people read them.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1_024.0 * 1_024.0)
}

fn ratio(ours: Option<&Option<f64>>, theirs: Option<&Option<f64>>) -> Option<f64> {
    let (ours, theirs) = (ours.copied().flatten()?, theirs.copied().flatten()?);
    (theirs > 0.0).then(|| ours / theirs)
}

/// Three significant digits, and groups of thousands.
fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_people() {
        assert_eq!(figure(0.123), "0.12");
        assert_eq!(figure(12.34), "12.3");
        assert_eq!(figure(1_234_567.0), "1,234,567");
    }

    #[test]
    fn the_median_ignores_one_bad_round() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![1.0, 3.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_goal_is_judged_on_the_ratio() {
        let mut table = Table::new("t", &["rialto", "nginx"]);
        table.less("cpu", "µs", &[Some(8.0), Some(10.0)]);
        table.goal_ratio(true, Bound::AtMost(0.9));
        let mut text = String::new();
        table.write_markdown(&mut text);
        assert!(text.contains("| cpu, µs | 8.00 | 10.0 | 0.80 | ≤ 0.9 ×: holds |"), "{text}");
    }

    #[test]
    fn an_absent_peer_has_no_ratio() {
        let mut table = Table::new("t", &["rialto", "nginx"]);
        table.more("rate", "/s", &[Some(8.0), None]);
        table.goal_ratio(true, Bound::AtLeast(5.0));
        assert!(table.rows[0].goals.is_empty() && table.rows[0].ratio.is_none());
    }

    #[test]
    fn each_peer_can_have_its_goal() {
        let mut table = Table::new("t", &["rialto", "r-nacos", "Nacos"]);
        table.more("rate", "/s", &[Some(80.0), Some(10.0), Some(20.0)]);
        table.goal_ratio(true, Bound::AtLeast(5.0));
        table.goal_ratio_to(2, true, Bound::AtLeast(8.0));
        let mut text = String::new();
        table.write_markdown(&mut text);
        assert!(text.contains("| ≥ 5 ×: holds; ≥ 8 × Nacos: **missed** |"), "{text}");
    }
}
