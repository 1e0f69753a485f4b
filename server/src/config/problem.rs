//! What is wrong with a configuration: each message says where, what, and what to write instead.

use std::fmt;

use super::limits::PROBLEMS_MAX;
use super::place::Place;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key that does not exist.
    #[error("{place}: unknown setting \"{key}\"{}", hint(*.nearest))]
    UnknownKey {
        /// As written.
        key: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
        /// Where.
        place: Place,
    },
    /// A variable `RIALTO_…` that names no setting.
    #[error("variable {variable}: unknown setting{}", hint(.nearest.as_deref()))]
    UnknownVariable {
        /// As written.
        variable: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A value of another type or form than the setting takes.
    #[error("{place}: {key} is {found}; expected {expected}")]
    WrongValue {
        /// The setting.
        key: String,
        /// What was there.
        found: String,
        /// What should be, with an example.
        expected: String,
        /// Where.
        place: Place,
    },
    /// A file that is not TOML.
    #[error("{place}: this is not TOML: {message}")]
    Syntax {
        /// The parser's words.
        message: String,
        /// Where.
        place: Place,
    },
    /// A route that cannot be read or that the gateway refuses.
    #[error("{place}: {message}")]
    Route {
        /// What is wrong with it.
        message: String,
        /// Where.
        place: Place,
    },
    /// Values that are fine by themselves and refused together.
    #[error("{place}: {message}")]
    Refused {
        /// Why, and what to do.
        message: String,
        /// Where the value was written.
        place: Place,
    },
    /// More than the limit.
    #[error("{subject} is too large: {found} {unit}, at most {limit}")]
    TooLarge {
        /// What is too large.
        subject: String,
        /// How large it is.
        found: usize,
        /// How large it may be.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
}

/// Everything that is wrong with a configuration, at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, or nothing when there are none.
    pub fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Each problem, in the order of the layers.
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().take(PROBLEMS_MAX).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.0.len().saturating_sub(PROBLEMS_MAX) {
            0 => Ok(()),
            more => write!(f, "\n… and {more} more"),
        }
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; `rialto config explain` lists them all".to_owned(),
        |name| format!("; did you mean \"{name}\"?"),
    )
}
