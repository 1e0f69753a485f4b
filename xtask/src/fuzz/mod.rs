//! Runs the fuzz targets of the crates with libFuzzer, on the stable toolchain.
//!
//! Each crate with a decoder has its targets in a `fuzz/` package of its own, outside the
//! workspace, as cargo-fuzz lays them out. That tool wants a nightly toolchain for its sanitizers;
//! coverage, which is what guides libFuzzer, can be had from the stable one.

mod build;
mod run;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use crate::check::outcome::{print_failure, print_line};
use crate::workspace::Workspace;
use build::Build;
use run::{Outcome, Run};
use target::Target;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct FuzzArgs {
    /// Only these: a target, a package's all, or one of a package as PACKAGE/TARGET
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Seconds of each target
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// Add what reaches new code to the corpora in the repository
    #[arg(long)]
    keep: bool,
    /// Run the one target on this input only, to see a failure again
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// List the targets and end
    #[arg(long)]
    list: bool,
}

/// Runs the targets; true when none failed.
pub(crate) fn run(workspace: &Workspace, args: &FuzzArgs) -> bool {
    let chosen = match chosen(workspace, &args.targets) {
        Ok(chosen) => chosen,
        Err(why) => {
            println!("fuzz: {why}");
            return false;
        }
    };
    if args.list {
        for target in &chosen {
            println!("{target}");
        }
        return true;
    }
    let build = match Build::new(workspace) {
        Ok(build) => build,
        Err(why) => {
            println!("fuzz: {why}");
            return false;
        }
    };
    let mut failed = 0;
    for target in &chosen {
        failed += usize::from(!one(workspace, &build, target, args));
    }
    match failed {
        0 => println!("\nfuzz: nothing found"),
        many => println!("\nfuzz: {many} of {} targets failed", chosen.len()),
    }
    failed == 0
}

fn chosen(workspace: &Workspace, wanted: &[String]) -> Result<Vec<Target>, String> {
    let all = target::all(workspace)?;
    if let Some(unknown) = wanted.iter().find(|want| !all.iter().any(|t| t.is(want))) {
        return Err(format!("there is no target {unknown}; --list shows them"));
    }
    let is_chosen = |t: &Target| wanted.is_empty() || wanted.iter().any(|want| t.is(want));
    Ok(all.into_iter().filter(is_chosen).collect())
}

/// Builds and runs one target and prints its line.
fn one(workspace: &Workspace, build: &Build, target: &Target, args: &FuzzArgs) -> bool {
    let name = target.to_string();
    let begin = std::time::Instant::now();
    let program = match build.target(target) {
        Ok(program) => program,
        Err(log) => {
            print_line("no build", &name, begin.elapsed(), "");
            print_failure(&log);
            return false;
        }
    };
    let run = Run::new(workspace, target, program);
    let outcome = match &args.input {
        Some(input) => run.on(input),
        None => run.grow(Duration::from_secs(args.seconds)),
    };
    let (state, detail) = match &outcome {
        Ok(Outcome::Good(growth)) => ("ok", growth.to_string()),
        Ok(Outcome::Found { .. }) => ("FAILED", String::new()),
        Err(error) => ("not run", error.to_string()),
    };
    print_line(state, &name, begin.elapsed(), &detail);
    match outcome {
        Ok(Outcome::Good(_)) if args.keep && args.input.is_none() => keep(&run),
        Ok(Outcome::Good(_)) => true,
        Ok(Outcome::Found { log, input }) => {
            print_failure(&log);
            if let Some(input) = input {
                println!("         repeat it: cargo xtask fuzz {name} --input {}", input.display());
            }
            false
        }
        Err(_) => false,
    }
}

fn keep(run: &Run<'_>) -> bool {
    match run.keep() {
        Ok(added) => {
            println!("         {added} inputs added to {}", run.corpus().display());
            true
        }
        Err(error) => {
            println!("         nothing kept: {error}");
            false
        }
    }
}
