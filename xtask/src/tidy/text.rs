//! Rules for every text file: nothing that is true on one machine only.

use super::Violation;

/// Files written by package managers, which name their registries themselves.
const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json"];

/// Folders of one machine. Split here so that this file doesn't accuse itself.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("../sha", "red"),
];

/// Package registries: the ordinary clients know where theirs is, and mirrors differ.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("repo1.", "maven.org"),
    concat!("repo.maven.", "apache.org"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
];

/// Complaints about one text file.
pub(crate) fn check(path: &str, content: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut complain = |line: usize, message: String| {
        found.push(Violation { path: path.to_owned(), line, message });
    };
    if is_foreign(path) {
        return found;
    }
    let is_lock = LOCK_FILES.iter().any(|lock| path.ends_with(lock));
    for (index, line) in content.lines().enumerate() {
        if let Some(folder) = MACHINE_PATHS.iter().find(|folder| has_path(line, folder)) {
            complain(index + 1, format!("names a folder of one machine ({folder})"));
        }
        if let Some(host) = REGISTRY_HOSTS.iter().find(|host| !is_lock && line.contains(**host)) {
            complain(index + 1, format!("names a package registry's host ({host})"));
        }
        if line.ends_with([' ', '\t']) && !path.ends_with(".txt") && !path.contains("/testdata/") {
            complain(index + 1, "trailing blank".to_owned());
        }
        if is_conflict_marker(line) {
            complain(index + 1, "conflict marker".to_owned());
        }
    }
    if !content.is_empty() && !content.ends_with('\n') && path.ends_with(".rs") {
        complain(0, "does not end with a newline".to_owned());
    }
    found
}

/// Other people's text, kept as it came: vendored scripts, recorded cases, fuzz inputs.
pub(crate) fn is_foreign(path: &str) -> bool {
    ["/vendor/", "/corpus/", "/vectors/", "/golden/", "/testdata/", "/snapshots/"]
        .iter()
        .any(|folder| path.contains(folder))
        || path.ends_with(".golden.txt")
        || path.contains("golden.txt")
}

/// True when `line` has `folder` as the beginning of a path, not in the middle of one.
fn has_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | '~'))
    })
}

fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<< ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn complaints(path: &str, content: &str, expected: usize) {
        let found = check(path, content);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[test]
    fn machine_paths_are_refused_only_at_the_start_of_a_path() {
        complaints("a.md", &format!("see {}x\n", MACHINE_PATHS[0]), 1);
        complaints("a.md", &format!("see target{}x\n", MACHINE_PATHS[0]), 0);
    }

    #[test]
    fn registry_hosts_are_refused_outside_lock_files() {
        let line = format!("https://{}/\n", REGISTRY_HOSTS[0]);
        complaints("a.toml", &line, 1);
        complaints("Cargo.lock", &line, 0);
    }

    #[test]
    fn trailing_blanks_and_conflicts_are_refused() {
        complaints("a.rs", "x \n<<<<<<< here\n", 2);
        complaints("a.rs", "x", 1);
    }

    #[test]
    fn foreign_text_is_left_alone() {
        complaints("console/assets/vendor/x.js", "x \n", 0);
        complaints("crates/http1/fuzz/corpus/head/1", "x \n", 0);
    }
}
