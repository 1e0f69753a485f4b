//! Standard output and error. A reader that has gone (`rialto ctl services | head`) is no error.

use std::io::{self, Write as _};

/// Writes text to standard output.
pub(crate) fn print(text: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a line to standard output.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.write_all(b"\n");
    let _ = out.flush();
}

/// Writes a line to standard error, in the name of the program.
pub(crate) fn complain(text: &str) {
    let mut out = io::stderr().lock();
    for part in text.lines() {
        let _ = writeln!(out, "rialto: {part}");
    }
}
