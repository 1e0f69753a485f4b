//! Open loop: requests start when they are due, whether or not earlier ones were answered.
//!
//! Latency counts from the time when a request was due. A closed loop would wait for a slow
//! server and then call it fast, because it asked less often.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::block_on;
use super::connection::Connection;
use crate::error::Error;

/// Requests that are due in the same tick start together.
const TICK: Duration = Duration::from_millis(1);

/// The first part of a run is not counted: connections open, pools fill.
const SETTLE: Duration = Duration::from_millis(500);

/// Latencies of one run.
#[derive(Debug)]
pub(crate) struct Latency {
    sorted_us: Vec<u32>,
    wrong: u64,
}

impl Latency {
    /// Latencies in microseconds, in any order.
    pub(crate) fn of(mut us: Vec<u32>) -> Self {
        us.sort_unstable();
        Self { sorted_us: us, wrong: 0 }
    }

    /// The latency that `share` of the requests did not exceed, in milliseconds.
    pub(crate) fn quantile_ms(&self, share: f64) -> Option<f64> {
        let last = self.sorted_us.len().checked_sub(1)?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index within the list"
        )]
        let index = (last as f64 * share).round() as usize;
        Some(f64::from(self.sorted_us[index.min(last)]) / 1_000.0)
    }

    /// Requests with another answer than a good one.
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong
    }
}

/// Sends `per_second` requests over at most `connections` for `time`.
pub(crate) fn open(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    per_second: f64,
    time: Duration,
) -> Result<Latency, Error> {
    let (due, queue) = mpsc::unbounded_channel();
    let schedule = std::thread::spawn(move || tick(&due, per_second, time));
    let latency = block_on(drive(address, Arc::from(request), connections, queue));
    // It ends with its time, and has nothing to report.
    let _ = schedule.join();
    latency
}

/// Tells when requests are due. A thread of its own, because a runtime's timer is a
/// millisecond coarse and late when the runtime is busy.
fn tick(due: &mpsc::UnboundedSender<Instant>, per_second: f64, time: Duration) {
    let begin = Instant::now();
    let mut owed = 0.0;
    let mut at = begin;
    while at.duration_since(begin) < time + SETTLE {
        at += TICK;
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        owed += per_second * TICK.as_secs_f64();
        while owed >= 1.0 {
            owed -= 1.0;
            if due.send(at).is_err() {
                return;
            }
        }
    }
}

async fn drive(
    address: SocketAddr,
    request: Arc<[u8]>,
    connections: usize,
    queue: mpsc::UnboundedReceiver<Instant>,
) -> Latency {
    let counted_from = Instant::now() + SETTLE;
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (queue, request) = (Arc::clone(&queue), Arc::clone(&request));
        tasks.spawn(async move {
            let mut seen = (Vec::new(), 0_u64);
            let Ok(mut connection) = Connection::open(address).await else { return (seen.0, 1) };
            loop {
                let due = queue.lock().await.recv().await;
                let Some(due) = due else { return seen };
                let answer = connection.exchange(&request, None).await;
                let is_good = answer.is_ok_and(|answer| (200..300).contains(&answer.status));
                if !is_good {
                    seen.1 += 1;
                }
                if due >= counted_from {
                    let us = u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX);
                    seen.0.push(us);
                }
            }
        });
    }
    let mut latency = Latency { sorted_us: Vec::new(), wrong: 0 };
    while let Some(result) = tasks.join_next().await {
        match result {
            Ok((latencies, wrong)) => {
                latency.sorted_us.extend(latencies);
                latency.wrong += wrong;
            }
            Err(_) => latency.wrong += 1,
        }
    }
    latency.sorted_us.sort_unstable();
    latency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let latency = Latency { sorted_us: (1..=1_000).collect(), wrong: 0 };
        assert_eq!(latency.quantile_ms(0.0), Some(0.001));
        assert_eq!(latency.quantile_ms(0.99), Some(0.990));
        assert_eq!(latency.quantile_ms(1.0), Some(1.0));
        assert_eq!(Latency { sorted_us: Vec::new(), wrong: 0 }.quantile_ms(0.5), None);
    }
}
