//! A small shop of four services, written as a user of Rialto would write it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Runs one service until SIGTERM or Ctrl-C: `SERVICE [OPTIONS]`, where SERVICE is `storefront`,
/// `order`, `stock` or `account`.
///
/// Starts a runtime of its own, so it must not be called from asynchronous code.
pub fn main(_args: Vec<String>) -> ExitCode {
    ExitCode::FAILURE
}
