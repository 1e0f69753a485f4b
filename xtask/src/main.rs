//! One command for every check: `cargo xtask check`, and its parts.
//!
//! Everything that decides whether a change is good runs from here, on a developer's machine and
//! in continuous integration alike, so that the two can't disagree.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command-line tool speaks through standard output")]

mod check;
mod fuzz;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks of the Rialto workspace")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs all checks, cheap to dear; stops at the first that fails
    Check(check::CheckArgs),
    /// Checks what the compiler doesn't: layers, sizes, documents, links
    Tidy(tidy::TidyArgs),
    /// Looks for inputs that break a decoder, with libFuzzer; needs a C++ compiler
    Fuzz(fuzz::FuzzArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let workspace = match Workspace::find() {
        Ok(workspace) => workspace,
        Err(error) => {
            println!("xtask: {error}");
            return ExitCode::FAILURE;
        }
    };
    let good = match cli.command {
        Command::Check(args) => check::run(&workspace, &args),
        Command::Tidy(args) => tidy::run(&workspace, &args),
        Command::Fuzz(args) => fuzz::run(&workspace, &args),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
