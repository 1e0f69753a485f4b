//! Builds a fuzz target with the counters that libFuzzer is guided by.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::target::Target;
use crate::workspace::{Workspace, cargo};

/// What the compiler adds to all that is built: a counter for each edge, a table of their
/// places, and a call at each comparison, from which libFuzzer learns what it is compared with.
/// Debug assertions and overflow checks stay on, so that more mistakes are seen.
const RUSTFLAGS: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Cdebuginfo=line-tables-only",
];

/// Between two flags in the environment variable that may hold blanks in one.
const FLAG_SEPARATOR: &str = "\u{1f}";

/// How targets are built.
pub(crate) struct Build {
    /// One for all packages, so that what they share is built once.
    folder: PathBuf,
    /// Named, so that build scripts and macros are built without the flags.
    triple: String,
    lock: PathBuf,
}

impl Build {
    pub(crate) fn new(workspace: &Workspace) -> Result<Self, String> {
        let folder = workspace.target.join("fuzz");
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let triple = host_triple().ok_or("rustc -vV does not name its host")?;
        Ok(Self { folder, triple, lock: workspace.root.join("Cargo.lock") })
    }

    /// Gives the program, or the file that has the compiler's output.
    pub(crate) fn target(&self, target: &Target) -> Result<PathBuf, PathBuf> {
        let log = self.folder.join(format!("{}.build.log", target.slug()));
        let built = self.build(target, &log);
        if let Err(error) = &built {
            // Best effort: what matters is that it was not built.
            let _ = std::fs::write(&log, format!("{error}\n"));
        }
        let program = self.folder.join(&self.triple).join("release").join(&target.name);
        if built.is_ok_and(|good| good) { Ok(program) } else { Err(log) }
    }

    fn build(&self, target: &Target, log: &Path) -> std::io::Result<bool> {
        // What is fuzzed has the versions of what is shipped; cargo adds what only fuzzing needs.
        std::fs::copy(&self.lock, target.folder.join("Cargo.lock"))?;
        let output = File::create(log)?;
        let status = cargo()
            .args(["build", "--release", "--target", &self.triple, "--bin", &target.name])
            .current_dir(&target.folder)
            .env("CARGO_TARGET_DIR", &self.folder)
            .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join(FLAG_SEPARATOR))
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .status()?;
        Ok(status.success())
    }
}

fn host_triple() -> Option<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}
