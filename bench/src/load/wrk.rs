//! wrk, the load generator that people compare with.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::error::Error;

/// What wrk did.
#[derive(Debug, PartialEq)]
pub(crate) struct WrkDone {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
}

/// Runs wrk on one thread; an error when any answer was wrong.
pub(crate) fn wrk(
    program: &Path,
    address: SocketAddr,
    path: &str,
    headers: &[&str],
    connections: usize,
    seconds: u64,
) -> Result<WrkDone, Error> {
    let mut command = Command::new(program);
    command.args(["--threads", "1", "--timeout", "10"]);
    command.args(["--connections", &connections.to_string()]);
    command.args(["--duration", &format!("{seconds}s")]);
    for header in headers {
        command.args(["--header", header]);
    }
    command.arg(format!("http://{address}{path}"));
    let output =
        command.output().map_err(|source| Error::Start { program: "wrk".to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let output = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
        return Err(Error::Failed { program: "wrk".to_owned(), output });
    }
    parse(&text).ok_or(Error::Output { program: "wrk".to_owned(), output: text })
}

/// `None` also when some answers were wrong: their cost says nothing.
fn parse(text: &str) -> Option<WrkDone> {
    if text.contains("Non-2xx or 3xx responses") || text.contains("Socket errors") {
        return None;
    }
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "))?;
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?;
    Some(WrkDone {
        requests: requests.0.trim().parse().ok()?,
        per_second: rate.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 8 connections\n\
        \x20 28016 requests in 1.10s, 33.9MB read\nRequests/sec:  25469.09\nTransfer/sec: 30MB\n";

    #[test]
    fn the_summary_is_read() {
        assert_eq!(parse(GOOD), Some(WrkDone { requests: 28_016, per_second: 25_469.09 }));
    }

    #[test]
    fn wrong_answers_are_no_measurement() {
        assert_eq!(parse(&format!("{GOOD}  Non-2xx or 3xx responses: 3\n")), None);
        assert_eq!(parse(&format!("  Socket errors: connect 0, read 4\n{GOOD}")), None);
    }
}
