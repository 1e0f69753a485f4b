//! Where the workspace is and what it is made of, as `cargo metadata` tells it.
//!
//! Read once per run; the checks work on this snapshot and never ask cargo again.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Why the workspace can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    #[error("cannot run {program}; is it installed?")]
    Start {
        program: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("{program} failed: {detail}")]
    Failed { program: &'static str, detail: String },
    #[error("cargo metadata printed something else than expected: {0}")]
    Metadata(#[from] serde_json::Error),
}

/// The checked-out workspace.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One member package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One entry of a manifest's dependency tables.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal dependency, else "dev" or "build".
    pub(crate) kind: Option<String>,
    /// Only with a feature that somebody has to ask for.
    pub(crate) optional: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    /// Finds the workspace that this program belongs to.
    pub(crate) fn find() -> Result<Self, WorkspaceError> {
        // Set by `cargo run`, thus right even when several clones share one target folder.
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .current_dir(here)
            .output()
            .map_err(|source| WorkspaceError::Start { program: "cargo metadata", source })?;
        let json = stdout_of("cargo metadata", output)?;
        let metadata: Metadata = serde_json::from_slice(&json)?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            packages: metadata.packages,
        })
    }

    /// All files that git tracks or would track, relative to the root, sorted.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, WorkspaceError> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .map_err(|source| WorkspaceError::Start { program: "git ls-files", source })?;
        let listed = stdout_of("git ls-files", output)?;
        let mut files: Vec<PathBuf> = String::from_utf8_lossy(&listed)
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .filter(|path| self.root.join(path).is_file())
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}

impl Package {
    /// The package's folder relative to `root`, with forward slashes.
    pub(crate) fn folder(&self, root: &Path) -> String {
        let folder = self.manifest_path.parent().unwrap_or(root);
        folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned()
    }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn stdout_of(
    program: &'static str,
    output: std::process::Output,
) -> Result<Vec<u8>, WorkspaceError> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(WorkspaceError::Failed { program, detail })
}
