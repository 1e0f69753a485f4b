//! The demo's processes: started, killed, and gone at the end whatever happens.
//!
//! Three nets: each child is killed when its handle is dropped (also by a panic); each child ends
//! by itself when its standard input closes (also when the demo is killed with SIGKILL); and each
//! is in a process group of its own, so that Ctrl-C in the terminal reaches the demo alone, which
//! then ends the others in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::process::{Child, Command};

/// How long a process gets to end in order.
const GRACE: Duration = Duration::from_secs(5);

/// How a process is started, again and again the same way.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    /// Name, also of its log file.
    pub(crate) name: String,
    /// Arguments of this same program.
    pub(crate) arguments: Vec<String>,
    /// Environment besides the inherited one.
    pub(crate) environment: Vec<(String, String)>,
}

/// The processes that run.
#[derive(Debug)]
pub(crate) struct Crew {
    program: PathBuf,
    folder: PathBuf,
    children: Mutex<BTreeMap<String, Child>>,
}

impl Crew {
    /// A crew of this program whose logs go into `folder`.
    ///
    /// # Errors
    /// When the program's own file cannot be found.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        Ok(Self { program, folder: folder.to_owned(), children: Mutex::default() })
    }

    /// Starts a process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&self, role: &Role) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(self.log(&role.name))?;
        let mut command = Command::new(&self.program);
        // What this shell has set for another Rialto is not meant for the demo's own.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RIALTO_") {
                command.env_remove(name);
            }
        }
        command
            .args(&role.arguments)
            .envs(role.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        self.children.lock().insert(role.name.clone(), child);
        Ok(())
    }

    /// Where a process writes what it has to say.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// The last words of a process, for the message when it failed.
    pub(crate) fn last_words(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.log(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join(" | ")
    }

    /// Whether a process runs.
    pub(crate) fn runs(&self, name: &str) -> bool {
        let mut children = self.children.lock();
        children.get_mut(name).is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Processes that ended without being told to, with how they ended.
    pub(crate) fn ended(&self) -> Vec<(String, ExitStatus)> {
        let mut children = self.children.lock();
        let ended = children.iter_mut().filter_map(|(name, child)| {
            let status = child.try_wait().ok().flatten()?;
            Some((name.clone(), status))
        });
        ended.collect()
    }

    /// Ends a process at once, without a word to it (SIGKILL), and tells its process identifier.
    ///
    /// # Errors
    /// When there is no such process.
    pub(crate) async fn kill(&self, name: &str) -> io::Result<u32> {
        let child = self.children.lock().remove(name);
        let mut child = child.ok_or_else(|| io::Error::other(format!("{name} does not run")))?;
        let pid = child.id().unwrap_or(0);
        child.kill().await.map(|()| pid)
    }

    /// Ends everybody: their standard input closes, and after a while they are killed.
    pub(crate) async fn dismiss(&self) {
        let mut children = std::mem::take(&mut *self.children.lock());
        for child in children.values_mut() {
            drop(child.stdin.take());
        }
        let all = async {
            for child in children.values_mut() {
                // Whether it ended well is of no interest any more.
                let _ = child.wait().await;
            }
        };
        // What is left is killed when `children` is dropped.
        let _ = tokio::time::timeout(GRACE, all).await;
    }
}

/// Ends this process once its standard input closes: the one who started it is gone.
pub(crate) fn end_with_parent() {
    let watch = || {
        let mut input = io::stdin().lock();
        // Nothing is ever sent; the end is what is waited for.
        let _ = io::copy(&mut input, &mut io::sink());
        std::process::exit(0);
    };
    // Without the thread the other two nets remain.
    let _ = std::thread::Builder::new().name("parent".to_owned()).spawn(watch);
}
