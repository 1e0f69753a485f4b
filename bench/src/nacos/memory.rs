//! What a server holds: idle, with instances, for each connected client.
//!
//! Each figure is of a server that did nothing else before: what a load left behind would show.

use std::time::Duration;

use super::crowd::Crowd;
use super::sides::{Kinds, Side};
use super::words;
use crate::effort::Effort;
use crate::error::Error;
use crate::load::closed;
use crate::report::{Bound, Table, mib};

/// Instances that one connection registers of one service at once.
pub(super) const BATCH_INSTANCES: usize = 250;

/// Services among which the clients are.
const SERVICES: usize = 50;

/// Connections that register.
const CONNECTIONS: usize = 16;

/// Until a server comes to rest.
const REST: Duration = Duration::from_secs(2);

/// Measures memory of every side.
pub(super) fn run(kinds: &Kinds<'_>, effort: &Effort, table: &mut Table) -> Result<(), Error> {
    let mut idle = Vec::new();
    let mut filled = Vec::new();
    let mut client = Vec::new();
    let instances = effort.instances[1];
    for kind in kinds.all() {
        let Some(kind) = kind else {
            for values in [&mut idle, &mut filled, &mut client] {
                values.push(None);
            }
            continue;
        };
        let side = kind.start()?;
        let before = at_rest(&side);
        idle.push(Some(mib(before)));
        register(&side, instances)?;
        filled.push(Some(mib(side.server().memory_bytes().saturating_sub(before))));
        drop(side);
        let side = kind.start()?;
        client.push(Some(of_client(&side, effort.nacos_clients)? / 1_024.0));
    }
    table.less("memory, idle", "MB", &idle);
    table.goal_value(effort.judges, Bound::AtMost(25.0));
    table.less(&format!("memory, {instances} instances over idle"), "MB", &filled);
    table.goal_value(effort.judges, Bound::AtMost(15.0));
    let what = "memory of a connected client, one instance and ten subscriptions";
    table.less(what, "KB", &client);
    table.goal_value(effort.judges, Bound::AtMost(40.0));
    let many = kinds.ours().start()?;
    let total = many_instances(&many, effort.nacos_many)?;
    table.less(&format!("memory, {} instances in all", effort.nacos_many), "MB", &[Some(total)]);
    table.goal_value(effort.judges, Bound::AtMost(500.0));
    Ok(())
}

fn at_rest(side: &Side) -> u64 {
    std::thread::sleep(REST);
    side.server().memory_bytes()
}

fn register(side: &Side, instances: usize) -> Result<(), Error> {
    let requests: Vec<_> = (0..instances).map(|index| words::register(index, 0)).collect();
    closed(side.http(), &requests, CONNECTIONS, None)?.all_right("registering").map(drop)
}

/// Bytes of each of so many clients.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn of_client(side: &Side, clients: usize) -> Result<f64, Error> {
    // The first ones pay for what all share.
    let _first = Crowd::gather(side.grpc(), (0..SERVICES).map(messages).collect())?;
    let before = at_rest(side);
    let _crowd =
        Crowd::gather(side.grpc(), (SERVICES..SERVICES + clients).map(messages).collect())?;
    let after = at_rest(side);
    Ok(after.saturating_sub(before) as f64 / clients as f64)
}

fn messages(index: usize) -> Vec<Vec<u8>> {
    words::grpc_member(|of| words::service(of % SERVICES), index, 0)
}

/// Megabytes of a server with so many instances, which one connection holds.
fn many_instances(side: &Side, instances: usize) -> Result<f64, Error> {
    let batches = instances / BATCH_INSTANCES;
    let messages = (0..batches).map(|batch| {
        let from = batch * BATCH_INSTANCES;
        words::grpc_register_batch(&words::service(batch), from..from + BATCH_INSTANCES)
    });
    let _holder = Crowd::gather(side.grpc(), vec![messages.collect()])?;
    let _ = at_rest(side);
    Ok(mib(side.server().memory_bytes()))
}
