//! Which fuzz targets there are, as the manifests in the crates' `fuzz/` folders say.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::workspace::Workspace;

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The package's name without what all of ours begin with.
    package: String,
    pub(crate) name: String,
    /// The package of the targets.
    pub(crate) folder: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    bin: Vec<Bin>,
}

#[derive(Deserialize)]
struct Bin {
    name: String,
}

impl Target {
    /// True when a person means it by `wanted`: its name, its package, or both.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        match wanted.split_once('/') {
            Some((package, name)) => package == self.package && name == self.name,
            None => wanted == self.name || wanted == self.package,
        }
    }

    /// A name for folders and files.
    pub(crate) fn slug(&self) -> String {
        format!("{}-{}", self.package, self.name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.name)
    }
}

/// All targets of the workspace's packages.
pub(crate) fn all(workspace: &Workspace) -> Result<Vec<Target>, String> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        let folder = package.manifest_path.with_file_name("fuzz");
        let manifest = folder.join("Cargo.toml");
        if manifest.is_file() {
            let text = std::fs::read_to_string(&manifest)
                .map_err(|error| format!("{}: {error}", manifest.display()))?;
            found.extend(of_manifest(&package.name, &folder, &text)?);
        }
    }
    Ok(found)
}

fn of_manifest(package: &str, folder: &Path, text: &str) -> Result<Vec<Target>, String> {
    let manifest: Manifest = toml::from_str(text)
        .map_err(|error| format!("{}: {error}", folder.join("Cargo.toml").display()))?;
    let package = package.strip_prefix("rialto-").unwrap_or(package);
    let target = |bin: Bin| Target {
        package: package.to_owned(),
        name: bin.name,
        folder: folder.to_owned(),
    };
    Ok(manifest.bin.into_iter().map(target).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_called_by_its_name_its_package_or_both() {
        let text = "[[bin]]\nname = \"json\"\n[[bin]]\nname = \"xml\"\n";
        let all = of_manifest("rialto-eureka", Path::new("fuzz"), text).expect("valid");
        assert_eq!(all.len(), 2);
        for (wanted, is) in
            [("json", true), ("eureka", true), ("eureka/json", true), ("nacos/json", false)]
        {
            assert_eq!(all[0].is(wanted), is, "{wanted}");
        }
        assert_eq!(all[1].to_string(), "eureka/xml");
    }

    #[test]
    fn a_broken_manifest_is_named() {
        let error = of_manifest("x", Path::new("some/fuzz"), "bin = 7").expect_err("no list");
        assert!(error.contains("some/fuzz"), "{error}");
    }
}
