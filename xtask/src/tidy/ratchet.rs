//! Sizes over the limit that existed before the limit: they are listed, and may only shrink.
//!
//! The list is `xtask/ratchet.toml`. Nothing is ever added to it by a program; `--shrink` lowers
//! or removes entries whose offenders have become smaller.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

/// Path of the list, from the workspace root.
pub(crate) const RATCHET_FILE: &str = "xtask/ratchet.toml";

/// Which size a rule measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    FileLines,
    FunctionLines,
}

/// Listed offenders by size and name: a path, or `path::function`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ratchet {
    allowed: BTreeMap<(Size, String), usize>,
    seen: BTreeMap<(Size, String), usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RatchetFile {
    #[serde(default)]
    file_lines: BTreeMap<String, usize>,
    #[serde(default)]
    function_lines: BTreeMap<String, usize>,
}

impl Size {
    /// The most that a new file or function may have.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::FileLines => 500,
            Self::FunctionLines => 70,
        }
    }
}

impl Ratchet {
    /// Reads the list; a missing file is an empty list.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        match std::fs::read_to_string(root.join(RATCHET_FILE)) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: RatchetFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let files = file.file_lines.into_iter().map(|(k, v)| ((Size::FileLines, k), v));
        let functions = file.function_lines.into_iter().map(|(k, v)| ((Size::FunctionLines, k), v));
        Ok(Self { allowed: files.chain(functions).collect(), seen: BTreeMap::new() })
    }

    /// Judges one measured size; `Some` is the complaint.
    pub(crate) fn judge(&mut self, size: Size, name: &str, measured: usize) -> Option<String> {
        let limit = size.limit();
        if measured <= limit {
            return None;
        }
        let key = (size, name.to_owned());
        // Of functions with one name in one file the longest counts.
        let seen = self.seen.entry(key.clone()).or_default();
        *seen = measured.max(*seen);
        match self.allowed.get(&key) {
            None => Some(format!("{measured} lines, at most {limit} are allowed: split it")),
            Some(allowed) if measured > *allowed => Some(format!(
                "{measured} lines, grown from {allowed}: what is over the limit may only shrink"
            )),
            Some(_) => None,
        }
    }

    /// Entries that allow more than is needed; asked after everything was judged.
    pub(crate) fn slack(&self) -> Vec<String> {
        self.allowed
            .iter()
            .filter_map(|((size, name), allowed)| match self.seen.get(&(*size, name.clone())) {
                None => Some(format!("{name} is within the limit now")),
                Some(seen) if seen < allowed => {
                    Some(format!("{name} has {seen} lines now, the list allows {allowed}"))
                }
                Some(_) => None,
            })
            .collect()
    }

    /// The list as it should be: every entry lowered to what was seen, the needless ones gone.
    pub(crate) fn shrunk(&self) -> String {
        let mut text = String::from(
            "# Files and functions that were over the limit when the limit came. They may only\n\
             # shrink: `cargo xtask tidy --shrink` lowers the figures, nothing raises them.\n",
        );
        for (size, table) in
            [(Size::FileLines, "file_lines"), (Size::FunctionLines, "function_lines")]
        {
            let _ = write!(text, "\n[{table}]\n");
            for ((of, name), allowed) in &self.allowed {
                if let Some(seen) = self.seen.get(&(*of, name.clone())).filter(|_| *of == size) {
                    let _ = writeln!(text, "\"{name}\" = {}", seen.min(allowed));
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Ratchet {
        Ratchet::parse("[file_lines]\n\"a.rs\" = 600\n[function_lines]\n\"a.rs::f\" = 80\n")
            .expect("valid list")
    }

    #[test]
    fn a_new_offender_is_refused() {
        assert!(listed().judge(Size::FileLines, "b.rs", 501).is_some());
        assert_eq!(listed().judge(Size::FileLines, "b.rs", 500), None);
    }

    #[test]
    fn a_listed_offender_may_stay_but_not_grow() {
        assert_eq!(listed().judge(Size::FileLines, "a.rs", 600), None);
        assert!(listed().judge(Size::FileLines, "a.rs", 601).is_some());
    }

    #[test]
    fn the_list_may_not_allow_more_than_is_needed() {
        let mut ratchet = listed();
        ratchet.judge(Size::FileLines, "a.rs", 550);
        assert_eq!(ratchet.slack().len(), 2);
        let shrunk = Ratchet::parse(&ratchet.shrunk()).expect("what is written can be read");
        assert_eq!(
            shrunk.allowed.into_iter().collect::<Vec<_>>(),
            [((Size::FileLines, "a.rs".into()), 550)]
        );
    }

    #[test]
    fn unknown_tables_are_refused() {
        assert!(Ratchet::parse("[files]\n").is_err());
    }
}
