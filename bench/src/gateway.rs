//! The gateway beside nginx and HAProxy: one worker each, one upstream, the same load in turn.
//!
//! Ours runs with routing, timeouts, access log and metrics; nginx and HAProxy run bare, with
//! their logs off. What is compared is CPU time per proxied request.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::effort::Effort;
use crate::error::Error;
use crate::load::{self, WrkDone, open, wrk};
use crate::peers::{Nginx, haproxy, nginx_proxy, nginx_upstream};
use crate::process::{self, Server};
use crate::report::{Bound, Report, Table, median, mib};
use crate::rialto::{Binary, Rialto};

/// Body of the answers that are proxied.
const BODY_BYTES: usize = 1_024;

/// Share of the peak rate at which latency is taken.
const LATENCY_LOAD: f64 = 0.6;

/// Secret of the tokens below.
const JWT_KEY: &str = "benchmark-only-secret-of-forty-two-letters";

/// A token signed with it, good until the year 2100.
const JWT_HEADER: &str = "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiJiZW5jaCIsImlzcyI6InJpYWx0by1iZW5jaCIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwfQ.\
    M4Tggrdq7cvApWRmttKu4l_0APNQaEEdHFZNYOTCMzk";

/// Time in which a server that just started comes to rest.
const REST: Duration = Duration::from_secs(2);

/// Measures all scenarios.
pub(crate) fn run(binary: &Binary, effort: &Effort, report: &mut Report) -> Result<(), Error> {
    let tools = (process::find("nginx"), process::find("wrk"));
    let (Some(_), Some(wrk)) = tools else {
        report.leave_out("gateway: needs nginx (upstream and peer) and wrk");
        return Ok(());
    };
    let bench = Bench::start(binary, wrk)?;
    if bench.haproxy.is_none() {
        report.leave_out("gateway beside HAProxy: haproxy is not installed");
    }
    let mut table = Table::new("Gateway, 1 KiB answers", &["rialto", "nginx", "HAProxy"]);
    bench.idle(effort, &mut table);
    let [few, many] = effort.connections;
    let peak = bench.cpu(effort, few, &bench.plain, &[], &mut table)?;
    table.goal_ratio(effort.judges, Bound::AtMost(0.9));
    bench.cpu(effort, many, &bench.plain, &[], &mut table)?;
    table.goal_ratio(effort.judges, Bound::AtMost(0.95));
    bench.busy_memory(effort, many, &mut table)?;
    bench.cpu(effort, few, &bench.guarded, &[JWT_HEADER], &mut table)?;
    table.goal_ratio(effort.judges, Bound::AtMost(1.3));
    bench.latency(effort, few, peak * LATENCY_LOAD, &mut table)?;
    report.add(table);
    Ok(())
}

/// All sides, running.
struct Bench {
    wrk: PathBuf,
    plain: Ours,
    guarded: Ours,
    nginx: Nginx,
    haproxy: Option<(Server, SocketAddr)>,
    // Last, so that servers end before what they use.
    _upstream: Nginx,
    _folder: TempDir,
}

/// One of our servers.
struct Ours {
    rialto: Rialto,
    address: SocketAddr,
    about: &'static str,
    _data: TempDir,
}

impl Bench {
    fn start(binary: &Binary, wrk: PathBuf) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        let upstream = nginx_upstream(folder.path(), BODY_BYTES)?;
        let behind = upstream.address;
        let guarded = format!(
            "rate_limit = {{ per_second = 1000000, burst = 1000000 }}\n\
             auth = {{ jwt = {{ algorithm = \"HS256\", key = \"{JWT_KEY}\" }} }}\n\
             filters = [\n\
             {{ name = \"AddRequestHeader\", header = \"x-from\", value = \"bench\" }},\n\
             {{ name = \"SetResponseHeader\", header = \"x-by\", value = \"rialto\" }},\n]\n"
        );
        Ok(Self {
            wrk,
            plain: Ours::start(binary, behind, "", "proxy")?,
            guarded: Ours::start(binary, behind, &guarded, "JWT, limiter, two header filters")?,
            nginx: nginx_proxy(folder.path(), behind)?,
            haproxy: haproxy(folder.path(), behind)?,
            _upstream: upstream,
            _folder: folder,
        })
    }

    /// Memory before any request.
    fn idle(&self, effort: &Effort, table: &mut Table) {
        if effort.judges {
            std::thread::sleep(REST);
        }
        let values = self.sides(&self.plain).map(|side| side.map(|(s, _)| mib(s.memory_bytes())));
        table.less("memory, idle, all doors open", "MB", &values);
        table.goal_value(effort.judges, Bound::AtMost(25.0));
    }

    /// CPU per request of each side in turn; gives the lowest peak rate of ours and nginx.
    fn cpu(
        &self,
        effort: &Effort,
        connections: usize,
        ours: &Ours,
        headers: &[&str],
        table: &mut Table,
    ) -> Result<f64, Error> {
        let sides = self.sides(ours);
        let mut cost: [Vec<f64>; 3] = Default::default();
        let mut rates: [Vec<f64>; 3] = Default::default();
        for round in 0..=effort.rounds {
            for (index, (server, address)) in
                sides.iter().enumerate().filter_map(|(index, side)| Some((index, (*side)?)))
            {
                // The first round warms pools and caches, and is short.
                let seconds = if round == 0 { 1 } else { effort.seconds };
                let before = server.cpu();
                let done = self.load(address, headers, connections, seconds)?;
                if round > 0 {
                    let cpu = server.cpu().saturating_sub(before);
                    cost[index].push(micros_each(cpu, done.requests));
                    rates[index].push(done.per_second);
                }
            }
        }
        let what = format!("CPU per request, {}, {connections} connections", ours.about);
        table.less(&what, "µs", &cost.map(median));
        let [ours, nginx, _] = rates.map(median);
        Ok(ours.unwrap_or_default().min(nginx.unwrap_or_default()))
    }

    fn busy_memory(
        &self,
        effort: &Effort,
        connections: usize,
        table: &mut Table,
    ) -> Result<(), Error> {
        let mut peaks = [None; 3];
        for (peak, side) in peaks.iter_mut().zip(self.sides(&self.plain)) {
            let Some((server, address)) = side else { continue };
            let (done, bytes) =
                server.memory_peak(|| self.load(address, &[], connections, effort.seconds.min(4)));
            done?;
            *peak = Some(mib(bytes));
        }
        table.less(&format!("memory, {connections} busy connections"), "MB", &peaks);
        table.goal_value(effort.judges, Bound::AtMost(40.0));
        Ok(())
    }

    /// Latency at a fixed rate, the same for each side.
    fn latency(
        &self,
        effort: &Effort,
        connections: usize,
        per_second: f64,
        table: &mut Table,
    ) -> Result<(), Error> {
        let request = load::request("GET", "/bench", &[]);
        let mut quantiles: [[Vec<f64>; 3]; 2] = Default::default();
        for _ in 0..effort.rounds {
            for (index, side) in self.sides(&self.plain).into_iter().enumerate() {
                let Some((server, address)) = side else { continue };
                let time = Duration::from_secs(effort.seconds);
                let latency = open(address, &request, connections, per_second, time)?;
                if latency.wrong() > 0 {
                    let what = format!("latency of {}", server.name);
                    let example = "at a fixed rate".to_owned();
                    return Err(Error::WrongAnswers { what, count: latency.wrong(), example });
                }
                for (of, share) in quantiles.iter_mut().zip([0.5, 0.99]) {
                    of[index].extend(latency.quantile_ms(share));
                }
            }
        }
        let [half, most] = quantiles.map(|of| of.map(median));
        let load = format!("{connections} connections, {per_second:.0} requests/s");
        table.less(&format!("latency p50, {load}"), "ms", &half);
        table.less(&format!("latency p99, {load}"), "ms", &most);
        table.goal_ratio(effort.judges, Bound::AtMost(1.5));
        Ok(())
    }

    fn load(
        &self,
        address: SocketAddr,
        headers: &[&str],
        connections: usize,
        seconds: u64,
    ) -> Result<WrkDone, Error> {
        wrk(&self.wrk, address, "/bench", headers, connections, seconds)
    }

    fn sides<'a>(&'a self, ours: &'a Ours) -> [Option<(&'a Server, SocketAddr)>; 3] {
        [
            Some((&ours.rialto.server, ours.address)),
            Some((&self.nginx.server, self.nginx.address)),
            self.haproxy.as_ref().map(|(server, address)| (server, *address)),
        ]
    }
}

impl Ours {
    fn start(
        binary: &Binary,
        upstream: SocketAddr,
        route: &str,
        about: &'static str,
    ) -> Result<Self, Error> {
        let data = tempfile::tempdir().map_err(Error::io("make a temporary folder"))?;
        let config = format!(
            "[[routes]]\nid = \"bench\"\nuri = \"http://{upstream}\"\npaths = [\"/**\"]\n{route}"
        );
        let log = access_log(data.path());
        let settings = ["gateway.workers=1", log.as_str()];
        let rialto = binary.start(data.path(), &settings, Some(&config))?;
        let address = rialto.door("gateway")?;
        Ok(Self { rialto, address, about, _data: data })
    }
}

/// Access log on, into a file: that is part of the work that is measured.
fn access_log(data: &Path) -> String {
    format!("gateway.access_log={}", data.join("access.log").display())
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn micros_each(cpu: Duration, requests: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / requests.max(1) as f64
}
