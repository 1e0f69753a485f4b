//! One run of a fuzz target: grows inputs apart from the repository, and keeps few of them.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::target::Target;
use crate::workspace::Workspace;

/// An input that takes longer is a finding.
const INPUT_MAX_SECONDS: u64 = 10;

/// A target that needs more memory is a finding.
const MEMORY_MAX_MIB: u64 = 2_048;

/// Longer inputs are not kept: the corpus is in the repository.
const KEPT_MAX_BYTES: u64 = 1_024;

/// A program and its folders.
pub(crate) struct Run<'a> {
    target: &'a Target,
    program: PathBuf,
    /// `target/fuzz/<name>`: what was grown, what was found, what was printed.
    folder: PathBuf,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Good(Growth),
    /// The target panicked, hung or swallowed memory; `input` makes it do so again.
    Found {
        log: PathBuf,
        input: Option<PathBuf>,
    },
}

/// What libFuzzer says of its work.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    runs: u64,
    /// Edges reached with the stored inputs and at the end.
    edges: [u64; 2],
    /// Edges with how often they were passed, likewise.
    features: [u64; 2],
}

impl<'a> Run<'a> {
    pub(crate) fn new(workspace: &Workspace, target: &'a Target, program: PathBuf) -> Self {
        let folder = workspace.target.join("fuzz").join(target.slug());
        Self { target, program, folder }
    }

    /// The inputs in the repository.
    pub(crate) fn corpus(&self) -> PathBuf {
        self.target.folder.join("corpus").join(&self.target.name)
    }

    /// Looks for new inputs for that long.
    pub(crate) fn grow(&self, time: Duration) -> io::Result<Outcome> {
        let grown = self.grown();
        std::fs::create_dir_all(&grown)?;
        std::fs::create_dir_all(self.corpus())?;
        let mut command = self.command();
        command.arg(format!("-max_total_time={}", time.as_secs()));
        command.arg("-print_final_stats=1").arg(&grown).arg(self.corpus());
        self.judge(&mut command)
    }

    /// Runs one input.
    pub(crate) fn on(&self, input: &Path) -> io::Result<Outcome> {
        std::fs::create_dir_all(&self.folder)?;
        // The program runs elsewhere.
        let input = std::fs::canonicalize(input)?;
        let outcome = self.judge(self.command().arg(&input))?;
        Ok(match outcome {
            Outcome::Found { log, .. } => Outcome::Found { log, input: Some(input) },
            good @ Outcome::Good(_) => good,
        })
    }

    /// Adds the grown inputs that reach new edges to the repository's; gives how many.
    pub(crate) fn keep(&self) -> io::Result<usize> {
        let short = self.folder.join("short");
        if short.exists() {
            std::fs::remove_dir_all(&short)?;
        }
        std::fs::create_dir_all(&short)?;
        for entry in std::fs::read_dir(self.grown())? {
            let entry = entry?;
            if entry.metadata()?.len() <= KEPT_MAX_BYTES {
                std::fs::copy(entry.path(), short.join(entry.file_name()))?;
            }
        }
        let before = count(&self.corpus())?;
        let mut command = self.command();
        // By edges alone: with how often they were passed, hundreds of inputs would be kept.
        command
            .args(["-set_cover_merge=1", "-use_counters=0", "-use_cmp=0"])
            .arg(self.corpus())
            .arg(&short);
        let log = self.folder.join("merge.log");
        let status = run_into(&mut command, &log)?;
        if !status.success() {
            return Err(io::Error::other(format!("merging failed, see {}", log.display())));
        }
        Ok(count(&self.corpus())?.saturating_sub(before))
    }

    fn grown(&self) -> PathBuf {
        self.folder.join("corpus")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("-timeout={INPUT_MAX_SECONDS}"))
            .arg(format!("-rss_limit_mb={MEMORY_MAX_MIB}"))
            .arg(format!("-artifact_prefix={}/found-", self.folder.display()))
            .current_dir(&self.folder);
        command
    }

    fn judge(&self, command: &mut Command) -> io::Result<Outcome> {
        let log = self.folder.join("log");
        let status = run_into(command, &log)?;
        let output = std::fs::read(&log)?;
        let output = String::from_utf8_lossy(&output);
        if status.success() {
            return Ok(Outcome::Good(Growth::of(&output)));
        }
        Ok(Outcome::Found { log, input: found_input(&output) })
    }
}

impl Growth {
    /// Reads libFuzzer's lines: `#42 NEW cov: 7 ft: 9 corp: …`.
    fn of(output: &str) -> Self {
        let mut growth = Self::default();
        let mut is_first = true;
        for line in output.lines().filter(|line| line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let after = |name: &str| {
                let at = words.iter().position(|word| *word == name)?;
                words.get(at + 1)?.parse::<u64>().ok()
            };
            let (Some(edges), Some(features)) = (after("cov:"), after("ft:")) else { continue };
            if is_first {
                (growth.edges[0], growth.features[0]) = (edges, features);
                is_first = false;
            }
            (growth.edges[1], growth.features[1]) = (edges, features);
            if let Some(runs) = words[0].strip_prefix('#').and_then(|runs| runs.parse().ok()) {
                growth.runs = runs;
            }
        }
        growth
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, edges, features } = self;
        write!(
            f,
            "{runs} runs, edges {} to {}, features {} to {}",
            edges[0], edges[1], features[0], features[1]
        )
    }
}

fn found_input(output: &str) -> Option<PathBuf> {
    let line = output.lines().find_map(|line| line.split_once("Test unit written to "))?;
    Some(PathBuf::from(line.1.trim()))
}

fn run_into(command: &mut Command, log: &Path) -> io::Result<ExitStatus> {
    let output = File::create(log)?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).status()
}

fn count(folder: &Path) -> io::Result<usize> {
    Ok(std::fs::read_dir(folder)?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_from_the_first_line_to_the_last() {
        let output = "INFO: Seed: 1\n\
            #6\tINITED cov: 252 ft: 334 corp: 5/421b exec/s: 0 rss: 27Mb\n\
            #7\tNEW    cov: 254 ft: 336 corp: 6/512b lim: 95 exec/s: 0 rss: 27Mb L: 91/95\n\
            #99\tDONE   cov: 300 ft: 400 corp: 7/9b lim: 95 exec/s: 9 rss: 27Mb\n";
        let growth = Growth::of(output);
        assert_eq!(growth, Growth { runs: 99, edges: [252, 300], features: [334, 400] });
        assert_eq!(Growth::of("nothing"), Growth::default());
    }

    #[test]
    fn what_was_found_is_named() {
        let output = "==1== ERROR: libFuzzer: deadly signal\n\
            artifact_prefix='/t/found-'; Test unit written to /t/found-crash-0a\nBase64: AA==\n";
        assert_eq!(found_input(output), Some(PathBuf::from("/t/found-crash-0a")));
        assert_eq!(found_input(""), None);
    }
}
