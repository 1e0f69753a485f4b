//! From a change to the subscriber that sees it, end to end, as subscribers grow.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::wire::Client;
use super::words;
use crate::error::Error;
use crate::load::{Latency, block_on};

/// The service that changes.
const SERVICE: &str = "pushed";

/// Longest wait until all subscribers have seen a change.
const SEEN_MAX: Duration = Duration::from_secs(20);

/// Between two changes, so that each is pushed by itself.
const PAUSE: Duration = Duration::from_millis(200);

/// Tries of the first registration.
const BEGIN_TRIES: u32 = 25;

/// Clients that connect at the same time.
const CONNECTING_MAX: usize = 32;

/// When a change was seen.
type Seen = (u64, Instant);

/// Adds subscribers up to each count in turn and changes the service `changes` times at each.
pub(super) fn curve(
    address: SocketAddr,
    counts: &[usize],
    changes: usize,
) -> Result<Vec<Latency>, Error> {
    block_on(async {
        let (sender, mut receiver) = unbounded_channel();
        let mut subscribers = JoinSet::new();
        let mut publisher = Client::connect(address).await?;
        let mut latencies = Vec::new();
        let mut version = 0;
        begin(&mut publisher).await?;
        for count in counts {
            grow(address, &mut subscribers, *count, &sender).await?;
            let mut times = Vec::new();
            // The first is not counted: buffers grow.
            for round in 0..=changes {
                version += 1;
                let change = Change { version, subscribers: *count };
                let seen = change.make(&mut publisher, &mut receiver).await?;
                if round > 0 {
                    times.extend(seen);
                }
            }
            latencies.push(Latency::of(times));
        }
        Ok(latencies)
    })?
    .map_err(|error: io::Error| Error::io(format!("push to clients of {address}"))(error))
}

/// The first registration. A Nacos that just started says that a connection is there a moment
/// before it takes instances of it.
async fn begin(publisher: &mut Client) -> io::Result<()> {
    let first = words::grpc_register(SERVICE, 0, 0);
    for _ in 1..BEGIN_TRIES {
        if publisher.call(&first).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    publisher.call(&first).await
}

/// Connects and subscribes clients until there are `count`.
async fn grow(
    address: SocketAddr,
    subscribers: &mut JoinSet<()>,
    count: usize,
    sender: &UnboundedSender<Seen>,
) -> io::Result<()> {
    while subscribers.len() < count {
        let mut connecting = JoinSet::new();
        for _ in 0..CONNECTING_MAX.min(count - subscribers.len()) {
            connecting.spawn(async move {
                let mut client = Client::connect(address).await?;
                client.call(&words::grpc_subscribe(SERVICE)).await?;
                Ok::<_, io::Error>(client)
            });
        }
        while let Some(client) = connecting.join_next().await {
            subscribers.spawn(watch(client??, sender.clone()));
        }
    }
    Ok(())
}

/// Tells of each change that this client sees. Ends with the connection, and is missed then.
async fn watch(mut client: Client, sender: UnboundedSender<Seen>) {
    let seen = |kind: &str, body: &[u8]| {
        if let Some(version) = newest(body).filter(|_| kind == "NotifySubscriberRequest") {
            // Whoever measures may be done already.
            let _ = sender.send((version, Instant::now()));
        }
    };
    let _ = client.listen(seen).await;
}

/// The latest version in a list, in which a server may keep the instance that another one replaced.
fn newest(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let behind = text.split("\"seq\":\"").skip(1);
    behind.filter_map(|rest| rest.split('"').next()?.parse().ok()).max()
}

/// One change that all subscribers must see: another instance. When only its metadata
/// changed, r-nacos was not seen to push.
struct Change {
    version: u64,
    subscribers: usize,
}

impl Change {
    async fn make(
        &self,
        publisher: &mut Client,
        seen: &mut UnboundedReceiver<Seen>,
    ) -> io::Result<Vec<u32>> {
        tokio::time::sleep(PAUSE).await;
        let version = usize::try_from(self.version).unwrap_or(usize::MAX);
        let change = words::grpc_register(SERVICE, version, version);
        let begin = Instant::now();
        let deadline = tokio::time::Instant::now() + SEEN_MAX;
        publisher.call(&change).await?;
        let mut times = Vec::with_capacity(self.subscribers);
        while times.len() < self.subscribers {
            match timeout_at(deadline, seen.recv()).await {
                // A push that was sent again is of this version, too; there are none without loss.
                Ok(Some((of, at))) if of == self.version => {
                    let us = at.duration_since(begin).as_micros();
                    times.push(u32::try_from(us).unwrap_or(u32::MAX));
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => {
                    let (seen, all) = (times.len(), self.subscribers);
                    let why = format!("{seen} of {all} subscribers saw a change within 20 s");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                }
            }
        }
        Ok(times)
    }
}
