//! Runs all checks, cheap to dear, and says what did not run.
//!
//! Each step's output goes to a file; the terminal gets one line per step, and the end of the
//! file when the step fails. On a machine without some foreign tool the steps that need it are
//! left out and listed at the end; under `CI=true` such a tool is installed first, and its
//! absence is a failure.

pub(crate) mod outcome;
mod steps;
mod tools;

use std::time::{Duration, Instant};

use crate::workspace::Workspace;
use outcome::{Outcome, TestCount, seconds};
use steps::Step;
use tools::Tools;

/// Arguments of `cargo xtask check`.
#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Run only this step; may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Go on after a step that failed
    #[arg(long)]
    keep_going: bool,
    /// List the steps and end
    #[arg(long)]
    list: bool,
}

/// Runs the steps; true when none failed.
pub(crate) fn run(workspace: &Workspace, args: &CheckArgs) -> bool {
    let steps = steps::all(workspace);
    if args.list {
        for step in &steps {
            println!("{:<16} {}", step.name, step.about);
        }
        return true;
    }
    if let Some(unknown) = args.only.iter().find(|name| !steps.iter().any(|s| s.name == **name)) {
        println!("check: there is no step {unknown}; --list shows them");
        return false;
    }
    let chosen = steps.into_iter().filter(|s| args.only.is_empty() || args.only.contains(&s.name));
    Run::new(workspace, args.keep_going).steps(chosen)
}

/// One run of the checks.
struct Run<'a> {
    workspace: &'a Workspace,
    tools: Tools,
    keep_going: bool,
    failed: Vec<String>,
    left_out: Vec<String>,
    tests: TestCount,
}

impl<'a> Run<'a> {
    fn new(workspace: &'a Workspace, keep_going: bool) -> Self {
        Self {
            workspace,
            tools: Tools::new(workspace),
            keep_going,
            failed: Vec::new(),
            left_out: Vec::new(),
            tests: TestCount::default(),
        }
    }

    fn steps(mut self, steps: impl Iterator<Item = Step>) -> bool {
        let begin = Instant::now();
        for step in steps {
            self.step(&step);
            if !self.failed.is_empty() && !self.keep_going {
                break;
            }
        }
        self.summary(begin.elapsed())
    }

    fn step(&mut self, step: &Step) {
        let begin = Instant::now();
        let missing = self.tools.missing(&step.needs);
        if !missing.is_empty() {
            return self.leave_out(step, &missing);
        }
        outcome::announce(&step.name);
        let outcome = step.run(self.workspace, &self.tools);
        let time = begin.elapsed();
        match outcome {
            Outcome::Passed { tests: Some(count) } => {
                self.tests += count;
                outcome::print_line("ok", &step.name, time, &count.to_string());
            }
            Outcome::Passed { tests: None } => outcome::print_line("ok", &step.name, time, ""),
            Outcome::NotRun(why) => {
                outcome::print_line("not run", &step.name, time, &why);
                self.left_out.push(format!("{}: {why}", step.name));
                if self.tools.is_ci() {
                    self.fail(&step.name);
                }
            }
            Outcome::Failed { log, tests } => {
                self.tests += tests.unwrap_or_default();
                outcome::print_line("FAILED", &step.name, time, "");
                outcome::print_failure(&log);
                self.fail(&step.name);
            }
        }
    }

    fn leave_out(&mut self, step: &Step, missing: &[tools::Missing]) {
        let names: Vec<&str> = missing.iter().map(|tool| tool.command).collect();
        let what = format!("needs {}", names.join(", "));
        outcome::print_line("not run", &step.name, Duration::ZERO, &what);
        for tool in missing {
            self.left_out.push(format!("{}: needs {}; {}", step.name, tool.command, tool.hint));
        }
        if self.tools.is_ci() {
            self.fail(&step.name);
        }
    }

    fn fail(&mut self, step: &str) {
        println!("         repeat it with: cargo xtask check --only {step}");
        self.failed.push(step.to_owned());
    }

    fn summary(self, time: Duration) -> bool {
        if !self.left_out.is_empty() {
            println!("\nDid not run:");
            for what in &self.left_out {
                println!("  {what}");
            }
        }
        println!();
        if self.tests != TestCount::default() {
            println!("{}", self.tests);
        }
        match self.failed.as_slice() {
            [] => println!("check: all good, {}", seconds(time)),
            failed => println!("check: failed: {}, {}", failed.join(", "), seconds(time)),
        }
        self.failed.is_empty()
    }
}
