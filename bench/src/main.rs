//! Benchmarks beside real peers, as ratios in one run.
//!
//! A figure from one machine says little and a figure from yesterday less. So every peer is
//! started here, measured in turn with us under the same load, and only what was measured in one
//! run is divided. CPU time of the server's processes is the main measure: on a shared machine it
//! is steadier than wall time.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command-line tool speaks through standard output")]
#![allow(clippy::print_stderr, reason = "progress goes beside the report")]

mod catalog;
mod cold_start;
mod effort;
mod error;
mod eureka;
mod gateway;
mod load;
mod nacos;
mod peers;
mod process;
mod report;
mod rialto;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use effort::Effort;
use error::Error;
use report::Report;
use rialto::Binary;

#[derive(Parser)]
#[command(name = "rialto-bench", about = "Rialto beside the products that it replaces")]
struct Cli {
    /// What to measure
    what: What,
    /// The rialto binary; default: the one beside this program
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
    /// Print the report as JSON instead of Markdown
    #[arg(long)]
    json: bool,
    /// Seconds of each measurement
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// How often each side has its turn
    #[arg(long, value_name = "COUNT")]
    rounds: Option<u32>,
    /// Seconds of load on a JVM before its first figure; less than 60 would flatter us
    #[arg(long, value_name = "SECONDS")]
    warm: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// CPU, latency and memory of the gateway beside nginx and HAProxy
    Gateway,
    /// Heartbeats and full fetches of the Eureka door beside the real server
    Eureka,
    /// Naming and configuration of the Nacos door beside r-nacos and the real server
    Nacos,
    /// Clients of the Nacos door that come and go for an hour: does memory grow?
    Churn,
    /// A million instances in the catalog beside a thousand
    Catalog,
    /// From the start of the process to serving ten thousand services from disk
    ColdStart,
    /// Each of them for a moment: do they run, not how fast
    Smoke,
    /// Everything but the hour of churn, in full
    All,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(report) => {
            println!("{}", if cli.json { report.to_json() } else { report.to_markdown() });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("rialto-bench: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<Report, Error> {
    let mut effort = if cli.what == What::Smoke { Effort::smoke() } else { Effort::full() };
    effort.seconds = cli.seconds.unwrap_or(effort.seconds);
    if cli.what == What::Churn {
        effort.churn_seconds = cli.seconds.unwrap_or(effort.churn_seconds);
    }
    effort.rounds = cli.rounds.unwrap_or(effort.rounds).max(1);
    effort.jvm_warm_seconds = cli.warm.unwrap_or(effort.jvm_warm_seconds);
    let wants = |what| cli.what == what || matches!(cli.what, What::Smoke | What::All);
    let mut report = Report::new();
    if cli.what != What::Catalog {
        let binary = Binary::find(cli.bin.as_deref())?;
        if wants(What::Gateway) {
            gateway::run(&binary, &effort, &mut report)?;
        }
        if wants(What::Eureka) {
            eureka::run(&binary, &effort, &mut report)?;
        }
        if wants(What::Nacos) {
            nacos::run(&binary, &effort, &mut report)?;
        }
        if cli.what == What::Churn || cli.what == What::Smoke {
            nacos::churn(&binary, &effort, &mut report)?;
        }
        if wants(What::ColdStart) {
            cold_start::run(&binary, &effort, &mut report)?;
        }
    }
    if wants(What::Catalog) {
        catalog::run(&effort, &mut report)?;
    }
    Ok(report)
}
