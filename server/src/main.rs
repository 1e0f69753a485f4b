//! The binary: the way into the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    rialto_server::run()
}
