//! What the compiler and clippy don't check: layers, sizes, documents, links.
//!
//! Style that lives only in a document erodes; here it fails the build. Each rule is a function
//! from text to complaints, with tests of its own.

mod layers;
mod lexer;
mod lists;
mod markdown;
mod ratchet;
mod source;
mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::workspace::Workspace;
use ratchet::{RATCHET_FILE, Ratchet};

/// Arguments of `cargo xtask tidy`.
#[derive(clap::Args)]
pub(crate) struct TidyArgs {
    /// Lower the figures of xtask/ratchet.toml to what the code needs today
    #[arg(long)]
    shrink: bool,
}

/// One complaint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    /// Counted from 1; 0 speaks of the whole file.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Checks the workspace and prints all complaints; true when there are none.
pub(crate) fn run(workspace: &Workspace, args: &TidyArgs) -> bool {
    match violations(workspace, args.shrink) {
        Ok(found) => {
            for violation in &found {
                println!("{violation}");
            }
            match found.len() {
                0 => println!("tidy: nothing to complain about"),
                many => println!("tidy: {many} complaints"),
            }
            found.is_empty()
        }
        Err(error) => {
            println!("tidy: {error}");
            false
        }
    }
}

fn violations(workspace: &Workspace, shrink: bool) -> Result<Vec<Violation>, String> {
    let mut ratchet = Ratchet::read(&workspace.root).map_err(|e| format!("{RATCHET_FILE}: {e}"))?;
    let files = workspace.files().map_err(|error| error.to_string())?;
    let mut found = layers::check(&workspace.packages, &workspace.root);
    let texts = read_texts(&workspace.root, &files);
    let names: BTreeSet<&str> = texts.iter().map(|(path, _)| path.as_str()).collect();
    let exists = |path: &str| names.contains(path) || workspace.root.join(path).exists();
    for (path, content) in &texts {
        found.extend(text::check(path, content));
        if has_extension(path, "rs") {
            found.extend(source::check(path, content, &mut ratchet));
        }
        if has_extension(path, "md") {
            found.extend(markdown::check_links(path, content, &texts, &exists));
        }
    }
    found.extend(markdown::check_translation(&texts, "README.md", "README.zh-CN.md"));
    found.extend(lists::check(&texts));
    if shrink {
        let list = workspace.root.join(RATCHET_FILE);
        std::fs::write(list, ratchet.shrunk()).map_err(|error| error.to_string())?;
    } else {
        found.extend(ratchet.slack().into_iter().map(|slack| Violation {
            path: RATCHET_FILE.to_owned(),
            line: 0,
            message: format!("{slack}: run `cargo xtask tidy --shrink`"),
        }));
    }
    found.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(found)
}

/// The UTF-8 files among `files`, by path; pictures and recorded bytes are left out.
fn read_texts(root: &Path, files: &[PathBuf]) -> Vec<(String, String)> {
    files
        .iter()
        .filter_map(|path| {
            let content = std::fs::read_to_string(root.join(path)).ok()?;
            Some((path.to_string_lossy().into_owned(), content))
        })
        .collect()
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}
