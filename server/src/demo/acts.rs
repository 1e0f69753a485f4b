//! The acts: each does something to the system, watches, and says whether it held.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::stage::Stage;
use super::summary::Verdict;
use super::tape::Stretch;
use crate::words::latency;

/// Orders a second in normal traffic.
pub(crate) const RATE: f64 = 100.0;
/// How many times as many come in the overload.
const OVERLOAD: f64 = 4.0;
/// What the slow instance adds to each answer.
const SLOWNESS: Duration = Duration::from_millis(250);
/// Until an ejection is told.
const EJECTION_MAX: Duration = Duration::from_secs(12);
/// Until latency is back to normal.
const RECOVERY_MAX: Duration = Duration::from_secs(12);
/// Until a started instance serves.
const RETURN_MAX: Duration = Duration::from_secs(15);
/// Calls that show that it is back in the traffic.
const RETURN_CALLS: u64 = 20;
/// Until the books agree after the last order.
const BOOKS_MAX: Duration = Duration::from_secs(10);
/// Between two looks while waiting.
const LOOK: Duration = Duration::from_millis(200);

/// How long the acts watch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Of normal traffic.
    pub(crate) calm: Duration,
    /// After something was done.
    pub(crate) watch: Duration,
}

/// What normal is on this machine, measured in the first act.
#[derive(Debug, Clone, Default)]
pub(crate) struct Normal {
    p95_ms: f64,
}

/// Normal traffic: no order fails.
pub(crate) async fn normal(stage: &Stage, pace: Pace) -> (Verdict, Normal) {
    stage.board.act("Act 1 of 6: normal traffic");
    stage.board.say(format!(
        "{RATE:.0} orders a second come through the gateway. Some are sent twice with the same key."
    ));
    let seen = watch(stage, pace.calm).await;
    stage.board.say(told(&seen));
    let normal = Normal { p95_ms: seen.p95_ms };
    let held = seen.failed == 0 && seen.sent_away == 0 && seen.placed > 0;
    (verdict("1 normal traffic", "every order is placed", told(&seen), held), normal)
}

/// An instance is killed in the middle of the traffic: no order fails.
pub(crate) async fn kill(stage: &Stage, pace: Pace) -> Verdict {
    let (act, expected) = ("2 instance killed", "no order fails");
    stage.board.act("Act 2 of 6: a stock instance is killed");
    let from = stage.load.elapsed();
    let pid = match stage.kill("stock-2").await {
        Ok(pid) => pid,
        Err(words) => return verdict(act, expected, words, false),
    };
    stage.board.say(format!("Killed stock 2 (process {pid}) with SIGKILL. It could tell nobody."));
    sleep(pace.watch).await;
    let seen = settled(stage, from).await;
    stage.board.say(format!("Calls under way were tried again on stock 1. {}", told(&seen)));
    verdict(act, expected, told(&seen), seen.failed == 0 && seen.placed > 0)
}

/// It is started again and gets traffic.
pub(crate) async fn revive(stage: &Stage) -> Verdict {
    let (act, expected) = ("3 started again", "it gets traffic; no order fails");
    stage.board.act("Act 3 of 6: it is started again");
    let from = stage.load.elapsed();
    if let Err(words) = stage.start("stock-2") {
        return verdict(act, expected, words, false);
    }
    stage.board.say("Started stock 2 again. It registers itself; nobody is configured anew.");
    let began = Instant::now();
    let mut served = 0;
    while began.elapsed() < RETURN_MAX && served < RETURN_CALLS {
        sleep(LOOK).await;
        served = stage.served("stock-2").await.unwrap_or(0);
    }
    let after = began.elapsed().as_secs_f64();
    let seen = settled(stage, from).await;
    let words = format!("{served} calls to it after {after:.1} s; {}", told(&seen));
    stage.board.say(format!("Callers found it: {words}"));
    verdict(act, expected, words, served >= RETURN_CALLS && seen.failed == 0)
}

/// An instance becomes slow: callers stop using it, and latency recovers.
pub(crate) async fn slow(stage: &Stage, pace: Pace, normal: &Normal) -> Verdict {
    let (act, expected) = ("4 instance slow", "ejected; latency recovers; no order fails");
    stage.board.act("Act 4 of 6: an account instance becomes slow");
    let from = stage.load.elapsed();
    let last = stage.last_event().await;
    let name = busiest(stage, ["account-1", "account-2"]).await;
    if let Err(words) = stage.slow(name, SLOWNESS).await {
        return verdict(act, expected, words, false);
    }
    let (spoken, slowness) = (name.replace('-', " "), SLOWNESS.as_millis());
    stage.board.say(format!("{spoken} now takes {slowness} ms longer for everything."));
    let began = Instant::now();
    let ejected = loop {
        sleep(LOOK).await;
        let events = stage.events_after(last).await;
        let subject = format!("account/{name}");
        let found = events.into_iter().find(|e| e.kind == "ejected" && e.subject == subject);
        if found.is_some() || began.elapsed() > EJECTION_MAX {
            break found;
        }
    };
    let after = began.elapsed().as_secs_f64();
    if let Some(event) = &ejected {
        stage.board.say(format!("Ejected after {after:.1} s: {}", event.detail));
    }
    let bound_ms = (normal.p95_ms * 4.0).max(SLOWNESS.as_secs_f64() * 500.0);
    // Each caller judges for itself, from its own calls.
    let (recovered, fast) = recovery(stage, pace.watch, bound_ms).await;
    stage.board.say(told(&recovered));
    let whole = settled(stage, from).await;
    if let Err(words) = stage.slow(name, Duration::ZERO).await {
        return verdict(act, expected, words, false);
    }
    stage.board.say(format!("{spoken} is fast again. It is tried again after its rest."));
    let words = format!(
        "{}; then 95 % under {}; {} failed",
        if ejected.is_some() {
            format!("ejected after {after:.1} s")
        } else {
            "NOT ejected".into()
        },
        latency(recovered.p95_ms),
        whole.failed
    );
    verdict(act, expected, words, ejected.is_some() && fast && whole.failed == 0)
}

/// Watches until orders are as fast as that again, and whether they became so.
async fn recovery(stage: &Stage, time: Duration, p95_ms_max: f64) -> (Stretch, bool) {
    let began = Instant::now();
    loop {
        let seen = watch(stage, time / 2).await;
        let fast = seen.placed > 0 && seen.p95_ms < p95_ms_max;
        if fast || began.elapsed() > RECOVERY_MAX {
            return (seen, fast);
        }
    }
}

/// The one that gets more calls at present: its slowness is felt.
async fn busiest(stage: &Stage, names: [&'static str; 2]) -> &'static str {
    let [one, other] = names;
    let before = (stage.served(one).await, stage.served(other).await);
    sleep(Duration::from_secs(1)).await;
    let after = (stage.served(one).await, stage.served(other).await);
    let gained = |before: Option<u64>, after: Option<u64>| {
        after.unwrap_or(0).saturating_sub(before.unwrap_or(0))
    };
    let (first, second) = (gained(before.0, after.0), gained(before.1, after.1));
    if second > first { other } else { one }
}

/// More comes than the gateway lets in: the rest is sent away, those let in keep their latency.
pub(crate) async fn overload(stage: &Stage, pace: Pace, normal: &Normal) -> Verdict {
    let (act, expected) = (
        "5 overload",
        "the excess is answered 429 or 503 with Retry-After; the rest keeps its latency",
    );
    stage.board.act("Act 5 of 6: the gateway is overloaded");
    if let Err(words) = stage.limit(Some(RATE)).await {
        return verdict(act, expected, words, false);
    }
    let flood = RATE * OVERLOAD;
    stage
        .board
        .say(format!("The route now lets {RATE:.0} a second in, and {flood:.0} a second come."));
    stage.load.set_rate(flood);
    let seen = watch(stage, pace.watch).await;
    stage.load.set_rate(RATE);
    stage.board.say(told(&seen));
    // Calm returns before the limit goes, so that no order of the flood meets an open gate.
    sleep(Duration::from_millis(500)).await;
    let lifted = stage.limit(None).await;
    let bound_ms = (normal.p95_ms * 4.0).max(300.0);
    let held = seen.failed == 0
        && seen.sent_away > seen.orders / 3
        && seen.placed > 0
        && seen.p95_ms < bound_ms
        && lifted.is_ok();
    let words = format!(
        "{} placed, 95 % under {}; {} sent away; {} failed",
        seen.placed,
        latency(seen.p95_ms),
        seen.sent_away,
        seen.failed
    );
    verdict(act, expected, words, held)
}

/// What the storefront counts together.
#[derive(Debug, Deserialize)]
struct Books {
    orders: Orders,
    agree: bool,
    differences: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Orders {
    confirmed: u64,
    rejected: u64,
    quantity: u64,
    money_cents: u64,
}

/// The books: orders, stock and money agree, and every order that was answered is there once.
pub(crate) async fn books(stage: &Stage) -> Verdict {
    let (act, expected) =
        ("6 final count", "orders, stock and money agree; nothing is lost or taken twice");
    stage.board.act("Act 6 of 6: the books");
    stage.load.pause().await;
    let placed = stage.load.placed_once();
    let failed = stage.load.tape().totals().failed;
    stage.board.say(format!("No more orders. {placed} different ones were answered as placed."));
    let began = Instant::now();
    let counted = loop {
        let counted = stage.ask_shop::<Books>("/totals").await;
        let agree = counted.as_ref().is_ok_and(|books| books.agree);
        if agree || began.elapsed() > BOOKS_MAX {
            break counted;
        }
        sleep(LOOK).await;
    };
    let books = match counted {
        Ok(books) => books,
        Err(words) => return verdict(act, expected, format!("cannot be counted: {words}"), false),
    };
    let Orders { confirmed, rejected, quantity, money_cents } = books.orders;
    let known = confirmed + rejected;
    // An order without an answer may have been placed all the same.
    let complete = (placed..=placed + failed).contains(&known);
    let money = money_cents as f64 / 100.0;
    let mut words = format!(
        "{confirmed} orders took {quantity} goods and {money:.2} of money, {rejected} took nothing"
    );
    for difference in &books.differences {
        words += &format!("; {difference}");
    }
    if !complete {
        words += &format!("; {placed} were answered as placed, the shop knows {known}");
    }
    stage.board.say(words.clone());
    verdict(act, expected, words, books.agree && complete)
}

fn verdict(act: &str, expected: &str, seen: impl Into<String>, held: bool) -> Verdict {
    Verdict { act: act.to_owned(), expected: expected.to_owned(), seen: seen.into(), held }
}

/// Watches for a while, and until what was due then has ended.
async fn watch(stage: &Stage, time: Duration) -> Stretch {
    let from = stage.load.elapsed();
    sleep(time).await;
    settled(stage, from).await
}

/// The stretch from then to now, once its orders have ended; they do within a customer's patience.
async fn settled(stage: &Stage, from: Duration) -> Stretch {
    let to = stage.load.elapsed();
    let deadline = Instant::now() + Duration::from_secs(11);
    while stage.load.oldest_due().is_some_and(|due| due < to) && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
    stage.load.tape().stretch(from, to)
}

fn told(seen: &Stretch) -> String {
    let mut words = format!("{} placed, {} failed", seen.placed, seen.failed);
    if seen.sent_away > 0 {
        words += &format!(", {} sent away", seen.sent_away);
    }
    words += &format!("; half under {}, 95 % under {}", latency(seen.p50_ms), latency(seen.p95_ms));
    if let Some(failure) = &seen.failure {
        words += &format!("; first failure: {failure}");
    }
    words
}
