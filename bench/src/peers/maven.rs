//! Peers that are Maven projects: built once into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The jar of a Maven project from the cache, built first where it is not there.
pub(super) fn jar(maven: &Path, name: &str, files: &[(&str, &str)]) -> Result<PathBuf, Error> {
    let texts: Vec<&str> = files.iter().map(|(_, text)| *text).collect();
    let folder = cache().join(format!("{name}-{:016x}", fingerprint(&texts)));
    let jar = folder.join("peer.jar");
    if jar.is_file() {
        return Ok(jar);
    }
    eprintln!("building {name}; the first time downloads its dependencies");
    let project = folder.join("project");
    for (path, text) in files {
        let file = project.join(path);
        let failed = || Error::io(format!("write the project of {name}"));
        std::fs::create_dir_all(file.parent().unwrap_or(&project)).map_err(failed())?;
        std::fs::write(&file, text).map_err(failed())?;
    }
    let output = Command::new(maven)
        .args(["-q", "-B", "package"])
        .current_dir(&project)
        .output()
        .map_err(|source| Error::Start { program: "mvn".to_owned(), source })?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        return Err(Error::Failed { program: "mvn".to_owned(), output });
    }
    let built = project.join("target/peer.jar");
    std::fs::rename(built, &jar).map_err(Error::io(format!("keep the jar of {name}")))?;
    Ok(jar)
}

/// Where peers are kept.
pub(super) fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| Some(variable("HOME")?.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("rialto-peers")
}

/// FNV-1a: the same text gives the same folder with any version of the compiler.
fn fingerprint(texts: &[&str]) -> u64 {
    texts.iter().flat_map(|text| text.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
