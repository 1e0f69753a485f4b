//! Orders from outside: an open-loop generator that sends on time whether answers come or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::tape::{Fate, Record, Tape};
use super::web::{Answer, Web};

/// Orders under way at a time; a system that needs more is not keeping up, and the order fails.
const UNDER_WAY_MAX: usize = 2_000;
/// A customer waits this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether the pause is over.
const PAUSE: Duration = Duration::from_millis(20);
/// One order in this many is sent twice with one key, as an impatient customer does.
const TWICE_EVERY: u64 = 25;

/// A running load.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    began: Instant,
}

#[derive(Debug)]
struct Shared {
    tape: Tape,
    /// Thousandths of orders a second, so that a change is one store.
    rate_milli: AtomicU64,
    paused: AtomicBool,
    under_way: Semaphore,
    /// When the orders under way were due, with how many at that moment.
    due: Mutex<BTreeMap<Duration, u32>>,
    /// One bit for each order that was placed: an order sent twice is one order.
    placed: Mutex<Vec<u64>>,
}

impl Load {
    /// Starts sending to `url` at `rate` orders a second.
    pub(crate) fn start(web: &Web, url: &str, rate: f64) -> Self {
        let shared = Arc::new(Shared {
            tape: Tape::default(),
            rate_milli: AtomicU64::new(milli(rate)),
            paused: AtomicBool::new(false),
            under_way: Semaphore::new(UNDER_WAY_MAX),
            due: Mutex::default(),
            placed: Mutex::default(),
        });
        let began = Instant::now();
        let sender = Sender {
            web: web.clone(),
            url: url.to_owned(),
            shared: Arc::clone(&shared),
            began,
            run: std::process::id(),
        };
        tokio::spawn(send_on_time(sender));
        Self { shared, began }
    }

    /// Every order so far.
    pub(crate) fn tape(&self) -> &Tape {
        &self.shared.tape
    }

    /// Time since the load began, the clock of the tape.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Different orders that were placed.
    pub(crate) fn placed_once(&self) -> u64 {
        self.shared.placed.lock().iter().map(|bits| u64::from(bits.count_ones())).sum()
    }

    /// Changes the rate, in orders a second.
    pub(crate) fn set_rate(&self, rate: f64) {
        self.shared.rate_milli.store(milli(rate), Ordering::Relaxed);
    }

    /// The rate, in orders a second.
    pub(crate) fn rate(&self) -> f64 {
        self.shared.rate_milli.load(Ordering::Relaxed) as f64 / 1_000.0
    }

    /// Orders without an answer yet.
    pub(crate) fn under_way(&self) -> usize {
        UNDER_WAY_MAX - self.shared.under_way.available_permits()
    }

    /// When the oldest order without an answer was due, on the clock of the tape.
    pub(crate) fn oldest_due(&self) -> Option<Duration> {
        self.shared.due.lock().keys().next().copied()
    }

    /// Sends no more and waits for the answers that are due.
    pub(crate) async fn pause(&self) {
        self.shared.paused.store(true, Ordering::Relaxed);
        let all = u32::try_from(UNDER_WAY_MAX).unwrap_or(u32::MAX);
        // Every order ends within its patience.
        let _ = timeout(PATIENCE * 2, self.shared.under_way.acquire_many(all)).await;
    }

    /// Sends again.
    pub(crate) fn resume(&self) {
        self.shared.paused.store(false, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Sender {
    web: Web,
    url: String,
    shared: Arc<Shared>,
    began: Instant,
    run: u32,
}

fn milli(rate: f64) -> u64 {
    (rate * 1_000.0).clamp(1.0, 100_000_000.0) as u64
}

/// The n-th order. Most are for tea and cups; some are for a piano, which nobody can pay, so that
/// the shop has to give goods back.
fn order(n: u64) -> String {
    let customer = n % 97;
    let (item, quantity) = match n % 50 {
        49 => ("piano", 1),
        odd if odd % 2 == 1 => ("cup", 1),
        _ => ("tea", 1 + n % 3),
    };
    format!(r#"{{"customer":"customer-{customer}","item":"{item}","quantity":{quantity}}}"#)
}

async fn send_on_time(sender: Sender) {
    let mut due = Instant::now();
    let mut n = 0;
    loop {
        let rate = sender.shared.rate_milli.load(Ordering::Relaxed);
        due += Duration::from_nanos(1_000_000_000_000 / rate.max(1));
        sleep_until(due).await;
        if sender.shared.paused.load(Ordering::Relaxed) {
            sleep(PAUSE).await;
            due = Instant::now();
            continue;
        }
        let one = sender.clone();
        tokio::spawn(async move { one.place(n, due).await });
        if n % TWICE_EVERY == 0 {
            let again = sender.clone();
            tokio::spawn(async move { again.place(n, due).await });
        }
        n += 1;
    }
}

impl Sender {
    async fn place(&self, n: u64, due: Instant) {
        let at = due.duration_since(self.began);
        *self.shared.due.lock().entry(at).or_default() += 1;
        self.place_due(n, due).await;
        let mut dues = self.shared.due.lock();
        if let Some(left) = dues.get_mut(&at) {
            *left -= 1;
            if *left == 0 {
                dues.remove(&at);
            }
        }
    }

    async fn place_due(&self, n: u64, due: Instant) {
        let Ok(_permit) = self.shared.under_way.try_acquire() else {
            let fate = Fate::Failed(format!("{UNDER_WAY_MAX} orders wait for an answer"));
            self.record(due, fate);
            return;
        };
        let key = format!("demo-{}-{n}", self.run);
        let answer = timeout(PATIENCE, self.web.post(&self.url, order(n), Some(&key))).await;
        let fate = match answer {
            Ok(Ok(answer)) => fate(&answer),
            Ok(Err(words)) => Fate::Failed(words),
            Err(_) => Fate::Failed("no answer within 10 s".to_owned()),
        };
        if fate == Fate::Placed {
            self.mark(n);
        }
        self.record(due, fate);
    }

    fn mark(&self, n: u64) {
        let (word, bit) = (usize::try_from(n / 64).unwrap_or(usize::MAX), n % 64);
        let mut placed = self.shared.placed.lock();
        if placed.len() <= word {
            placed.resize(word + 1, 0);
        }
        placed[word] |= 1 << bit;
    }

    fn record(&self, due: Instant, fate: Fate) {
        let took = due.elapsed();
        let due = due.duration_since(self.began);
        self.shared.tape.record(Record { due, took, fate });
    }
}

fn fate(answer: &Answer) -> Fate {
    let status = answer.status;
    let away = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    if status.is_success() {
        Fate::Placed
    } else if away && answer.headers.contains_key(RETRY_AFTER) {
        Fate::SentAway
    } else {
        let words: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        Fate::Failed(format!("{status} {words}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_what_the_shop_reads() {
        for n in 0..100 {
            let read: rialto_shop::contracts::NewOrder = serde_json::from_str(&order(n)).unwrap();
            assert!(read.quantity >= 1, "{read:?}");
        }
    }
}
