//! What became of a step, and how it is shown.

use std::io::{IsTerminal, Write};
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines of a failed step's output that are shown; the file has them all.
const SHOWN_LINES_MAX: usize = 150;

/// What became of a step.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It holds; a step that runs tests says how many.
    Passed { tests: Option<TestCount> },
    /// It could not be asked here, which is no failure.
    NotRun(String),
    /// It does not hold; `log` has the whole output.
    Failed { log: PathBuf, tests: Option<TestCount> },
}

/// How many tests ran, as their runner says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestCount {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl TestCount {
    /// Adds up the closing lines of `cargo test`.
    pub(crate) fn of_cargo_test(output: &str) -> Self {
        let mut count = Self::default();
        for line in output.lines().filter(|line| line.starts_with("test result: ")) {
            let figure = |of: &str| -> u64 {
                let words: Vec<&str> = line.split([' ', ';']).filter(|w| !w.is_empty()).collect();
                words
                    .windows(2)
                    .find(|pair| pair[1] == of)
                    .and_then(|pair| pair[0].parse().ok())
                    .unwrap_or(0)
            };
            count.passed += figure("passed");
            count.failed += figure("failed");
        }
        count
    }
}

impl AddAssign for TestCount {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for TestCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Shows on a terminal what runs now; the step's line replaces it.
pub(crate) fn announce(name: &str) {
    if std::io::stdout().is_terminal() {
        print!("…        {name}\r");
        // A terminal that can't be written to is noticed by the next line.
        let _ = std::io::stdout().flush();
    }
}

/// The one line of a step.
pub(crate) fn print_line(state: &str, name: &str, time: Duration, detail: &str) {
    println!("{}", format!("{state:<8} {name:<16} {:>9}  {detail}", seconds(time)).trim_end());
}

/// What a failed step's output says of the failure: its end, and what failed tests wrote before it.
pub(crate) fn print_failure(log: &Path) {
    let output = std::fs::read(log).unwrap_or_default();
    let output = String::from_utf8_lossy(&output);
    let lines: Vec<&str> = output.lines().collect();
    let (before, end) = lines.split_at(lines.len().saturating_sub(SHOWN_LINES_MAX));
    for line in failed_tests(before).iter().chain(end) {
        println!("         {line}");
    }
    println!("         whole output: {}", log.display());
}

/// What `cargo test` repeats of failed tests. With `--no-fail-fast` the programs after them write
/// a lot more.
fn failed_tests<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut shown = Vec::new();
    let mut failure = false;
    for line in lines {
        failure = match *line {
            "failures:" => true,
            line => failure && !line.starts_with("test result: "),
        };
        if failure && shown.len() < SHOWN_LINES_MAX {
            shown.push(*line);
        }
    }
    shown
}

/// A time for people.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 {
        return format!("{:.1} s", time.as_secs_f64());
    }
    format!("{} min {:02} s", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up() {
        let output = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(TestCount::of_cargo_test(output), TestCount { passed: 5, failed: 1 });
        assert_eq!(TestCount::of_cargo_test("nothing ran"), TestCount::default());
    }

    #[test]
    fn what_failed_tests_wrote_is_found() {
        let output = "test a ... ok\n\nfailures:\n\n---- b stdout ----\npanicked\n\n\
            failures:\n    b\n\n\
            test result: FAILED. 1 passed; 1 failed\nrunning 1 test\ntest c ... ok\n";
        let lines: Vec<&str> = output.lines().collect();
        let shown = failed_tests(&lines).join("|");
        assert_eq!(shown, "failures:||---- b stdout ----|panicked||failures:|    b|");
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!(seconds(Duration::from_millis(1_230)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
