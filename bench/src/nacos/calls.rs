//! Closed loop over gRPC: so many connections, each makes the next call when the last is answered.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::wire::Client;
use crate::error::Error;
use crate::load::block_on;

/// Sends `calls`, one list for each connection, in turn until the time is over. Gives how many
/// were answered as they should be; connections are set up before the time begins and `begin` is
/// called then.
pub(super) fn closed(
    address: SocketAddr,
    calls: &[Vec<Vec<u8>>],
    time: Duration,
    begin: impl FnOnce(),
) -> Result<u64, Error> {
    let work = async {
        let mut clients = Vec::new();
        for _ in calls {
            clients.push(Client::connect(address).await?);
        }
        begin();
        let until = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for (client, messages) in clients.into_iter().zip(calls) {
            tasks.spawn(drive(client, messages.clone(), until));
        }
        let mut done = 0;
        while let Some(count) = tasks.join_next().await {
            done += count??;
        }
        Ok(done)
    };
    block_on(work)?
        .map_err(|error: io::Error| Error::io(format!("call {address} over gRPC"))(error))
}

async fn drive(mut client: Client, messages: Vec<Vec<u8>>, until: Instant) -> io::Result<u64> {
    let mut done = 0;
    for message in messages.iter().cycle() {
        if Instant::now() >= until {
            break;
        }
        client.call(message).await?;
        done += 1;
    }
    Ok(done)
}
