//! Where a value was written, for error messages and `rialto config explain`.

use std::fmt;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the built-in value.
    Default,
    /// In a file.
    File {
        /// The file as it was named.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// In an environment variable of this name.
    Variable(String),
    /// On the command line, as typed.
    Flag(String),
}

impl Place {
    /// The place of a byte offset in a file's text.
    pub fn in_file(path: &str, text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(text) => write!(f, "flag {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters() {
        let text = "a = 1\nä = 2\n";
        for (offset, line, column) in [(0, 1, 1), (4, 1, 5), (6, 2, 1), (8, 2, 2), (999, 3, 1)] {
            assert_eq!(
                Place::in_file("f", text, offset),
                Place::File { path: "f".to_owned(), line, column },
                "{offset}"
            );
        }
        assert_eq!(Place::in_file("f", text, 7).to_string(), "f:2:1", "inside a character");
    }
}
