//! Why a benchmark could not be run.

use std::path::PathBuf;

/// What went wrong, and with what.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0} is not a rialto binary; build it with `cargo build --release` or give --bin")]
    NoBinary(PathBuf),
    #[error("cannot start {program}")]
    Start {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{program} ended before it was ready:\n{output}")]
    Ended { program: String, output: String },
    #[error("{program} was not ready after {seconds} s:\n{output}")]
    NotReady { program: String, seconds: u64, output: String },
    #[error("{program} failed:\n{output}")]
    Failed { program: String, output: String },
    #[error("{program} printed something else than expected:\n{output}")]
    Output { program: String, output: String },
    #[error("{what}: {count} answers were wrong, such as {example}")]
    WrongAnswers { what: String, count: u64, example: String },
    #[error("{what}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`: names what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
