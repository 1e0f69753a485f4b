//! Clients that come and go: does anything grow?
//!
//! Each second new services with new instances come over HTTP and are left to expire, clients
//! connect, register, subscribe and are lost, and configurations change. What a server holds is
//! the same then at any time, and so should its memory be.

use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::sides::{Kind, Side};
use super::words;
use crate::effort::Effort;
use crate::error::Error;
use crate::load::closed;
use crate::report::{Bound, Report, Table, median, mib};
use crate::rialto::Binary;

/// Clients that come and go in a round.
const CLIENTS: usize = 50;

/// Instances that come over HTTP in a round. No beat follows: Nacos's numbers end them after 30 s.
const INSTANCES: usize = 200;

/// Configurations that change in a round.
const CONFIGURATIONS: usize = 64;

/// Connections of both.
const CONNECTIONS: usize = 16;

/// A round begins at most this often.
const ROUND: Duration = Duration::from_secs(1);

/// Memory of the last quarter of the time beside that of the second one. What fills up to a bound
/// does so in the first.
pub(crate) fn run(binary: &Binary, effort: &Effort, report: &mut Report) -> Result<(), Error> {
    let side = Kind::Rialto(binary).start()?;
    let time = Duration::from_secs(effort.churn_seconds);
    let begin = Instant::now();
    let mut quarters: [Vec<f64>; 4] = Default::default();
    let mut rounds = 0;
    while begin.elapsed() < time {
        let round_begin = Instant::now();
        round(&side, rounds)?;
        rounds += 1;
        let quarter = begin.elapsed().as_secs() * 4 / effort.churn_seconds.max(1);
        let memory_mb = mib(side.server().memory_bytes());
        quarters[usize::try_from(quarter).unwrap_or(3).min(3)].push(memory_mb);
        if rounds % 60 == 0 {
            eprintln!("{rounds} rounds, {memory_mb:.1} MB");
        }
        std::thread::sleep(ROUND.saturating_sub(round_begin.elapsed()));
    }
    let [_, second, _, last] = quarters.map(median);
    let mut table = Table::new("Nacos door, churn", &["last quarter", "second quarter"]);
    let clients = rounds * CLIENTS;
    let instances = rounds * INSTANCES;
    let what = format!(
        "memory, {} min, {clients} clients and {instances} instances came and went",
        time.as_secs() / 60
    );
    table.less(&what, "MB", &[last, second]);
    table.goal_ratio(effort.judges, Bound::AtMost(1.05));
    report.add(table);
    Ok(())
}

fn round(side: &Side, round: usize) -> Result<(), Error> {
    let crowd = Crowd::gather(side.grpc(), (0..CLIENTS).map(|n| messages(round, n)).collect())?;
    let instances: Vec<_> =
        (0..INSTANCES).map(|n| words::register(round * INSTANCES + n, 0)).collect();
    closed(side.http(), &instances, CONNECTIONS, None)?.all_right("registering")?;
    let changes: Vec<_> = (0..CONFIGURATIONS).map(|n| words::publish_of(n, round)).collect();
    closed(side.http(), &changes, CONNECTIONS, None)?.all_right("publishing")?;
    drop(crowd);
    Ok(())
}

fn messages(round: usize, client: usize) -> Vec<Vec<u8>> {
    words::grpc_member(|of| format!("churn-{round}-{}", of % CLIENTS), client, round)
}
