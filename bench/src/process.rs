//! A server process and its children: started, measured through `/proc`, ended with us.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Ticks of `/proc/PID/stat`, which Linux fixes at 100 a second for user space.
const TICKS_PER_SECOND: u64 = 100;

/// Between two looks at something that is being waited for.
const POLL: Duration = Duration::from_millis(20);

/// How long a server may take to end when asked.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Tries to find ports that are free together.
const PORT_TRIES: u32 = 100;

/// How often memory is looked at during a load.
const MEMORY_SAMPLE: Duration = Duration::from_millis(100);

/// A running server.
pub(crate) struct Server {
    pub(crate) name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with its output in `log`, and with as many open files as allowed.
    pub(crate) fn start(name: &str, command: &Command, log: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Start { program: name.to_owned(), source };
        let file = File::create(log).map_err(failed)?;
        // Raising the limit needs the shell: it is a property of the process that starts.
        let child = Command::new("sh")
            .args(["-c", "ulimit -n \"$(ulimit -H -n)\"; exec \"$@\"", "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))))
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            .spawn()
            .map_err(failed)?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Waits until `is_ready`, at most `seconds`.
    pub(crate) fn await_ready(
        &mut self,
        seconds: u64,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !is_ready() {
            let program = self.name.clone();
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return Err(Error::Ended { program, output: self.output() });
            }
            if Instant::now() > deadline {
                return Err(Error::NotReady { program, seconds, output: self.output() });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// CPU time of the process and its children so far.
    pub(crate) fn cpu(&self) -> Duration {
        let ticks: u64 = self.tree().into_iter().filter_map(cpu_ticks).sum();
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
    }

    /// Resident memory of the process and its children.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.tree().into_iter().filter_map(|pid| status_kib(pid, "VmRSS:")).sum::<u64>() * 1_024
    }

    /// The most memory seen while `work` runs.
    pub(crate) fn memory_peak<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        let (peak, done) = (AtomicU64::new(self.memory_bytes()), AtomicBool::new(false));
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    peak.fetch_max(self.memory_bytes(), Ordering::Relaxed);
                    std::thread::sleep(MEMORY_SAMPLE);
                }
            });
            let result = work();
            done.store(true, Ordering::Relaxed);
            result
        });
        (result, peak.into_inner())
    }

    /// Asks the process to end and waits for it; one that does not end in time is killed.
    pub(crate) fn stop(&mut self) {
        let tree = self.tree();
        signal("-TERM", &[self.child.id()]);
        let deadline = Instant::now() + STOP_MAX;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                signal("-KILL", &tree);
                // The kernel ends it now; there is nothing to do about an error here.
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(POLL);
        }
    }

    fn tree(&self) -> Vec<u32> {
        let mut found = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = found.get(next).copied() {
            found.extend(children(pid));
            next += 1;
        }
        found
    }

    fn output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

/// A program on the search path, or where servers live.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// An address on which nothing listened a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::io("find a free port"))?;
    listener.local_addr().map_err(Error::io("find a free port"))
}

/// A port on which nothing listened a moment ago, nor on those at these distances from it.
pub(crate) fn free_port_with(distances: &[i32]) -> Result<u16, Error> {
    for _ in 0..PORT_TRIES {
        let port = free_address()?.port();
        let others: Option<Vec<u16>> = distances
            .iter()
            .map(|distance| u16::try_from(i32::from(port) + distance).ok())
            .collect();
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        if others.is_some_and(|others| others.iter().all(is_free)) {
            return Ok(port);
        }
    }
    Err(Error::io("find free ports")(std::io::ErrorKind::AddrInUse.into()))
}

/// How many files and sockets this process may have open; `None` when the system does not tell.
pub(crate) fn open_files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// True when something accepts connections there.
pub(crate) fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| {
            line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain blanks; fields are counted behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn status_kib(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

fn signal(which: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    // A process that is gone already makes this fail, which is what was wanted.
    let _ = Command::new("kill").arg(which).args(pids).stderr(Stdio::null()).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured_and_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]);
        let log = folder.path().join("log");
        let mut server = Server::start("sleeper", &command, &log).expect("sh is everywhere");
        let mut seen = Vec::new();
        let has_child = server.await_ready(5, || {
            seen = children_named("sleep");
            !seen.is_empty()
        });
        has_child.expect("the shell starts its child");
        assert!(server.memory_bytes() > 0);
        let ((), peak) = server.memory_peak(|| ());
        assert!(peak > 0);
        server.stop();
        assert!(server.tree().len() == 1, "an ended process has no children");
    }

    fn children_named(name: &str) -> Vec<u32> {
        let own = std::process::id();
        let grand = children(own).into_iter().flat_map(children);
        grand
            .filter(|pid| {
                std::fs::read_to_string(format!("/proc/{pid}/comm"))
                    .is_ok_and(|comm| comm.trim() == name)
            })
            .collect()
    }

    #[test]
    fn an_ended_process_is_told_from_a_slow_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sh");
        command.args(["-c", "echo broken; exit 1"]);
        let log = folder.path().join("log");
        let mut server = Server::start("broken", &command, &log).expect("sh is everywhere");
        let error = server.await_ready(5, || false).expect_err("it ended");
        assert!(error.to_string().contains("broken"), "{error}");
    }
}
