//! The one binary, `rialto`: configuration, wiring of the parts, command line and demo.
//!
//! Only this crate reads the environment, files of configuration, signals and the wall clock; what
//! it starts decides nothing by itself. A library so that the configuration decoder can be fuzzed.

#![forbid(unsafe_code)]

mod cli;
pub mod config;
mod ctl;
mod demo;
mod exit;
mod import;
mod output;
mod serve;
mod terminal;
mod words;

pub use cli::run;
