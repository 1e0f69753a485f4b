//! How a command ends: one clear line on standard error, and an exit code for scripts.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Exit codes; `--help` documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Anything without a code of its own.
    Failed = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// The configuration is refused.
    Configuration = 3,
    /// A door cannot listen.
    Listen = 4,
    /// The data folder is in use by another process.
    DataInUse = 5,
    /// The data folder is of another version, damaged or not readable.
    Data = 6,
    /// The disk is full.
    DiskFull = 7,
    /// The server cannot be reached.
    Unreachable = 8,
    /// The server refused.
    Refused = 9,
    /// An act of the demo did not hold.
    NotHeld = 10,
}

/// The table of exit codes for `--help` and the manual page.
pub(crate) const EXIT_CODES_HELP: &str = "\
Exit codes:
  0   stopped as asked
  1   failed for another reason
  2   command line not understood
  3   configuration refused
  4   cannot listen: port in use, not permitted, not this machine's address
  5   data folder in use by another process
  6   data folder of another version, damaged or not readable
  7   disk full
  8   server cannot be reached (ctl, import)
  9   server refused (ctl, import)
  10  an act of the demo did not hold (demo --once)";

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure told in these words: what happened, to what, what to do.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A failure told by an error and its sources, each once.
    pub(crate) fn caused(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, chain(error))
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error and its sources in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented() {
        for exit in [
            Exit::Failed,
            Exit::Usage,
            Exit::Configuration,
            Exit::Listen,
            Exit::DataInUse,
            Exit::Data,
            Exit::DiskFull,
            Exit::Unreachable,
            Exit::Refused,
            Exit::NotHeld,
        ] {
            assert!(EXIT_CODES_HELP.contains(&format!("\n  {} ", exit as u8)), "{exit:?}");
        }
    }
}
