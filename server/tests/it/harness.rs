//! Starts the binary in a folder of its own, with ports that the system chooses.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

/// Longest wait for anything; a busy machine must not fail a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a command that ended has said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary, with nothing of the tester's environment that it reads.
pub(crate) fn rialto(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rialto"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RIALTO_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", home).env_remove("XDG_DATA_HOME").env("NO_COLOR", "1");
    command
}

/// Runs a command to its end.
pub(crate) fn run(home: &Path, arguments: &[&str]) -> Ended {
    ended(rialto(home).args(arguments))
}

/// Runs a prepared command to its end.
pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) folder: PathBuf,
    pub(crate) doors: BTreeMap<String, String>,
}

/// A folder that is gone after the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Every door at a port that the system chooses.
pub(crate) const ANY_PORTS: [&str; 8] = [
    "--set",
    "eureka.listen=127.0.0.1:0",
    "--set",
    "nacos.listen=127.0.0.1:0",
    "--set",
    "gateway.listen=127.0.0.1:0",
    "--set",
    "api.listen=127.0.0.1:0",
];

impl Server {
    /// Starts it with its data in `folder/data` and waits until it serves.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let ready = folder.join("ready.json");
        // A killed server leaves it.
        let _ = fs::remove_file(&ready);
        let mut child = rialto(folder)
            .arg("serve")
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .args(ANY_PORTS)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("out")).unwrap())
            .stderr(File::create(folder.join("err")).unwrap())
            .spawn()
            .unwrap();
        let doors = eventually("the server serves", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{status}: {}", fs::read_to_string(folder.join("err")).unwrap());
            }
            serde_json::from_str(&fs::read_to_string(&ready).ok()?).ok()
        });
        Self { child, folder: folder.to_owned(), doors }
    }

    /// What it printed.
    pub(crate) fn out(&self) -> String {
        fs::read_to_string(self.folder.join("out")).unwrap()
    }

    /// What it logged.
    pub(crate) fn err(&self) -> String {
        fs::read_to_string(self.folder.join("err")).unwrap()
    }

    /// Runs `rialto ctl` against it.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Ended {
        let server = format!("http://{}", self.doors["api"]);
        let mut command = rialto(&self.folder);
        command.arg("ctl").arg("--server").arg(server);
        command.arg("--data").arg(self.folder.join("data"));
        ended(command.args(arguments))
    }

    /// Runs `rialto ctl --json`, which must work.
    #[track_caller]
    pub(crate) fn ctl_json(&self, arguments: &[&str]) -> Json {
        let ended = self.ctl(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.json()
    }

    /// `GET` at a door, without a proxy between: the status line and everything after it.
    pub(crate) fn get(&self, door: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.doors[door]).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the server ends", || child.try_wait().unwrap())
    }

    /// SIGKILL, and the end of it.
    pub(crate) fn kill(mut self) {
        self.signal("KILL");
        assert_eq!(self.wait().signal(), Some(9));
    }

    /// SIGTERM, and a graceful end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
