//! A small shop of four services, written as a user of Rialto would write it.
//!
//! ```text
//! storefront ──► order ──► stock      (how many are left)
//!                     └──► account    (who has how much money)
//! ```
//!
//! Each service runs in as many instances as you like; those of one service share a SQLite file.
//! They find one another through Rialto, by name. Start reading at [`contracts`]: it says what the
//! services ask of each other, and the clients are made from it. Then `order`, which has the one
//! difficult task: an order takes goods *and* money, or neither, and never twice.

#![forbid(unsafe_code)]

mod account;
mod chaos;
pub mod contracts;
mod database;
mod order;
mod problem;
mod serve;
mod stock;
mod storefront;

use std::process::ExitCode;

pub use serve::{Options, Service};

/// Runs one service until SIGTERM or Ctrl-C: `SERVICE [OPTIONS]`, where SERVICE is `storefront`,
/// `order`, `stock` or `account`; `--help` tells the options.
///
/// Starts a runtime of its own, so it must not be called from asynchronous code.
pub fn main(args: Vec<String>) -> ExitCode {
    serve::main(args)
}

/// [`main`] for the binary of one service: the arguments of the process are its options.
pub fn main_of(service: &str) -> ExitCode {
    let options = std::env::args().skip(1);
    main(std::iter::once(service.to_owned()).chain(options).collect())
}
