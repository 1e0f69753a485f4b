//! The steps, in order from cheap to dear.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::outcome::{Outcome, TestCount};
use super::tools::Tools;
use crate::workspace::{Workspace, cargo};

/// A compat driver that ends with this code says that something it needs is not here.
const EXIT_NOT_RUN: i32 = 77;

/// Added to every default port of the demo, so that it runs beside a developer's own server.
const DEMO_PORT_OFFSET: &str = "21000";

/// One check.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) about: &'static str,
    /// Commands that it needs besides the Rust toolchain.
    pub(crate) needs: Vec<&'static str>,
    work: Work,
}

enum Work {
    Tidy,
    Cargo(&'static [&'static str]),
    Deny,
    Tests(&'static [&'static str]),
    Docs,
    Compat(PathBuf),
    BenchSmoke,
    Demo,
}

/// All steps of this workspace.
pub(crate) fn all(workspace: &Workspace) -> Vec<Step> {
    let step = |name: &str, about, needs: &[&'static str], work| Step {
        name: name.to_owned(),
        about,
        needs: needs.to_vec(),
        work,
    };
    let clippy = &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let tests =
        &["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"];
    let mut steps = vec![
        step("fmt", "formatting", &[], Work::Cargo(FORMAT)),
        step("tidy", "layers, sizes, documents, links", &[], Work::Tidy),
        step("deny", "licences and sources of dependencies", &["cargo-deny"], Work::Deny),
        step("clippy", "lints as errors", &[], Work::Cargo(clippy)),
        step("tests", "unit and integration tests, fuzz corpora", &[], Work::Tests(tests)),
        step("doctests", "examples in the documentation", &[], Work::Tests(DOC_TESTS)),
        step("docs", "the documentation builds without a warning", &[], Work::Docs),
        step("build", "the rialto binary", &[], Work::Cargo(BUILD)),
    ];
    for driver in compat_drivers(&workspace.root) {
        let part = driver.parent().and_then(Path::file_name).unwrap_or_default();
        let part = part.to_string_lossy().into_owned();
        let name = format!("compat-{part}");
        steps.push(step(&name, "other people's clients", needs_of(&part), Work::Compat(driver)));
    }
    let peers = ["nginx", "haproxy", "wrk"];
    steps.push(step("bench-smoke", "every benchmark runs", &peers, Work::BenchSmoke));
    steps.push(step("demo", "the demo holds every act", &[], Work::Demo));
    steps
}

const FORMAT: &[&str] = &["fmt", "--all", "--check", "--", "--color", "never"];
const DOC_TESTS: &[&str] = &["test", "--workspace", "--doc"];
const BUILD: &[&str] = &["build", "--package", "rialto-server"];

impl Step {
    pub(crate) fn run(&self, workspace: &Workspace, tools: &Tools) -> Outcome {
        let log = Log::new(workspace, &self.name);
        match &self.work {
            Work::Tidy => log.run(&mut own(workspace, &["tidy"])),
            Work::Cargo(args) => log.run(cargo().args(*args)),
            Work::Tests(args) => log.run_tests(cargo().args(*args)),
            Work::Docs => log.run(
                cargo()
                    .args(["doc", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "-D warnings"),
            ),
            Work::Deny => {
                let program = tools.find("cargo-deny").unwrap_or_else(|| "cargo-deny".into());
                // Advisories need a network; they are a matter of their own schedule.
                let args = ["check", "bans", "licenses", "sources"];
                log.run(Command::new(program).args(args))
            }
            Work::Compat(driver) => {
                let Some(binary) = rialto(workspace) else { return log.fail(NO_BINARY) };
                log.run(Command::new(driver).arg(binary))
            }
            Work::BenchSmoke => {
                let Some(binary) = rialto(workspace) else { return log.fail(NO_BINARY) };
                let args = ["run", "--package", "rialto-bench", "--", "smoke", "--bin"];
                log.run(cargo().args(args).arg(binary))
            }
            Work::Demo => {
                let Some(binary) = rialto(workspace) else { return log.fail(NO_BINARY) };
                log.run(Command::new(binary).args([
                    "demo",
                    "--once",
                    "--port-offset",
                    DEMO_PORT_OFFSET,
                ]))
            }
        }
    }
}

const NO_BINARY: &str = "there is no rialto binary: run the step `build` first";

/// The output of one step, in a file.
struct Log {
    path: PathBuf,
    root: PathBuf,
}

impl Log {
    fn new(workspace: &Workspace, step: &str) -> Self {
        let folder = workspace.target.join("check");
        // A folder that can't be made is reported when the file in it can't.
        let _ = std::fs::create_dir_all(&folder);
        Self { path: folder.join(format!("{step}.log")), root: workspace.root.clone() }
    }

    fn run(self, command: &mut Command) -> Outcome {
        match self.status_of(command) {
            Ok(Some(0)) => Outcome::Passed { tests: None },
            Ok(Some(EXIT_NOT_RUN)) => Outcome::NotRun(self.last_line()),
            Ok(_) => Outcome::Failed { log: self.path, tests: None },
            Err(error) => self.fail(&error.to_string()),
        }
    }

    fn run_tests(self, command: &mut Command) -> Outcome {
        let status = match self.status_of(command) {
            Ok(status) => status,
            Err(error) => return self.fail(&error.to_string()),
        };
        let tests = Some(TestCount::of_cargo_test(&self.read()));
        match status {
            Some(0) => Outcome::Passed { tests },
            _ => Outcome::Failed { log: self.path, tests },
        }
    }

    fn fail(self, why: &str) -> Outcome {
        // Best effort: what matters is that the step failed.
        let _ = std::fs::write(&self.path, format!("{why}\n"));
        Outcome::Failed { log: self.path, tests: None }
    }

    fn status_of(&self, command: &mut Command) -> std::io::Result<Option<i32>> {
        let file = File::create(&self.path)?;
        let status = command
            .current_dir(&self.root)
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .status()?;
        Ok(status.code())
    }

    fn read(&self) -> String {
        let bytes = std::fs::read(&self.path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn last_line(&self) -> String {
        self.read().lines().next_back().unwrap_or("not run").to_owned()
    }
}

/// This program again, for a part of it whose output goes to a file.
fn own(workspace: &Workspace, args: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "xtask".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(&workspace.root);
    command
}

/// The binary that the step `build` made.
fn rialto(workspace: &Workspace) -> Option<PathBuf> {
    let path =
        workspace.target.join("debug").join(format!("rialto{}", std::env::consts::EXE_SUFFIX));
    path.is_file().then_some(path)
}

/// Executables `compat/<part>/run`, sorted; each takes the binary and ends with 0, 1 or 77.
fn compat_drivers(root: &Path) -> Vec<PathBuf> {
    let Ok(parts) = std::fs::read_dir(root.join("compat")) else { return Vec::new() };
    let mut drivers: Vec<PathBuf> =
        parts.flatten().map(|part| part.path().join("run")).filter(|run| run.is_file()).collect();
    drivers.sort();
    drivers
}

/// Commands that a compat driver needs.
fn needs_of(part: &str) -> &'static [&'static str] {
    match part {
        "eureka" => &["python3", "java", "mvn", "node", "npm"],
        "nacos" => &["python3", "java", "mvn", "node", "npm", "go"],
        "java" => &["java", "mvn"],
        "node" => &["node", "npm"],
        "python" => &["python3"],
        "console" => &["chromium", "node", "npm"],
        _ => &[],
    }
}
