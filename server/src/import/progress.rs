//! How far an import is: one line that changes on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use super::report::Kind;

/// Between two lines where no line can be changed.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two changes of the one line.
const CHANGE_EVERY: Duration = Duration::from_millis(50);

/// Characters of a name that are shown, so that the line stays one.
const NAME_MAX_CHARS: usize = 40;

/// Shows on standard error, so that the report alone is on standard output.
#[derive(Debug)]
pub(super) struct Progress {
    is_terminal: bool,
    shown: Option<(Kind, Instant)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { is_terminal: stderr().is_terminal(), shown: None }
    }

    /// Now `done` of `total` are done, `name` is next.
    pub(super) fn at(&mut self, kind: Kind, done: usize, total: usize, name: &str) {
        let every = if self.is_terminal { CHANGE_EVERY } else { LINE_EVERY };
        let is_due = self.shown.is_none_or(|(last, when)| last != kind || when.elapsed() >= every);
        if !is_due {
            return;
        }
        self.shown = Some((kind, Instant::now()));
        let kind = kind.plural();
        let mut err = stderr().lock();
        // Nobody is left to tell when standard error is closed.
        let _ = if self.is_terminal {
            let name: String = name.chars().take(NAME_MAX_CHARS).collect();
            write!(err, "\r\x1b[K{kind}: {done} of {total}  {name}").and_then(|()| err.flush())
        } else {
            writeln!(err, "{kind}: {done} of {total}")
        };
    }

    /// Takes the changing line away.
    pub(super) fn end(&mut self) {
        if self.is_terminal && self.shown.take().is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
