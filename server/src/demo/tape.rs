//! Every order's fate, and what a stretch of time looked like.

use std::time::Duration;

use parking_lot::Mutex;

/// Orders remembered; a demo that runs for hours forgets the oldest.
const RECORDS_MAX: usize = 400_000;

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Placed.
    Placed,
    /// Answered 429 or 503 with a Retry-After: told to come back later.
    SentAway,
    /// Anything else, in words.
    Failed(String),
}

/// One order.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// When it should have been sent, since the load began: an answer that comes late because the
    /// generator was held up counts as late.
    pub(crate) due: Duration,
    /// From then to the end of the answer.
    pub(crate) took: Duration,
    /// How it ended.
    pub(crate) fate: Fate,
}

/// All orders so far.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    records: Vec<Record>,
    totals: Totals,
}

/// Counts since the load began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Placed.
    pub(crate) placed: u64,
    /// Sent away.
    pub(crate) sent_away: u64,
    /// Failed.
    pub(crate) failed: u64,
}

/// What a stretch of time looked like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stretch {
    /// Orders due in it that have ended.
    pub(crate) orders: usize,
    /// Placed.
    pub(crate) placed: usize,
    /// Sent away with a Retry-After.
    pub(crate) sent_away: usize,
    /// Failed.
    pub(crate) failed: usize,
    /// The first failure in words.
    pub(crate) failure: Option<String>,
    /// Half of the placed orders took at most this long, in milliseconds.
    pub(crate) p50_ms: f64,
    /// Nineteen in twenty took at most this long.
    pub(crate) p95_ms: f64,
    /// Ninety-nine in a hundred took at most this long.
    pub(crate) p99_ms: f64,
}

impl Tape {
    /// Adds an order.
    pub(crate) fn record(&self, record: Record) {
        let mut inner = self.inner.lock();
        match record.fate {
            Fate::Placed => inner.totals.placed += 1,
            Fate::SentAway => inner.totals.sent_away += 1,
            Fate::Failed(_) => inner.totals.failed += 1,
        }
        if inner.records.len() >= RECORDS_MAX {
            inner.records.drain(..RECORDS_MAX / 2);
        }
        inner.records.push(record);
    }

    /// Counts since the load began.
    pub(crate) fn totals(&self) -> Totals {
        self.inner.lock().totals
    }

    /// The orders due from `from` until before `to`.
    pub(crate) fn stretch(&self, from: Duration, to: Duration) -> Stretch {
        let inner = self.inner.lock();
        let within = inner.records.iter().filter(|record| record.due >= from && record.due < to);
        let mut stretch = Stretch::default();
        let mut times: Vec<f64> = Vec::new();
        for record in within {
            stretch.orders += 1;
            match &record.fate {
                Fate::Placed => {
                    stretch.placed += 1;
                    times.push(record.took.as_secs_f64() * 1_000.0);
                }
                Fate::SentAway => stretch.sent_away += 1,
                Fate::Failed(words) => {
                    stretch.failed += 1;
                    stretch.failure.get_or_insert_with(|| words.clone());
                }
            }
        }
        drop(inner);
        times.sort_by(f64::total_cmp);
        stretch.p50_ms = percentile(&times, 50);
        stretch.p95_ms = percentile(&times, 95);
        stretch.p99_ms = percentile(&times, 99);
        stretch
    }
}

/// The value that `percent` of the sorted values do not exceed; 0 when there are none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).and_then(|at| sorted.get(at)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(due_ms: u64, took_ms: u64, fate: Fate) -> Record {
        Record { due: Duration::from_millis(due_ms), took: Duration::from_millis(took_ms), fate }
    }

    #[test]
    fn a_stretch_counts_what_was_due_in_it() {
        let tape = Tape::default();
        for n in 1..=100 {
            tape.record(record(1_000 + n, n, Fate::Placed));
        }
        tape.record(record(1_500, 1, Fate::SentAway));
        tape.record(record(1_600, 1, Fate::Failed("502 Bad Gateway".to_owned())));
        tape.record(record(9_000, 900, Fate::Placed));
        let stretch = tape.stretch(Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!((stretch.orders, stretch.placed, stretch.sent_away), (102, 100, 1));
        assert_eq!((stretch.p50_ms, stretch.p95_ms, stretch.p99_ms), (50.0, 95.0, 99.0));
        assert_eq!(stretch.failure.as_deref(), Some("502 Bad Gateway"));
        assert_eq!(tape.totals(), Totals { placed: 101, sent_away: 1, failed: 1 });
        let empty = tape.stretch(Duration::ZERO, Duration::ZERO);
        assert_eq!(empty, Stretch::default());
    }

    #[test]
    fn the_oldest_is_forgotten_but_counted() {
        let tape = Tape::default();
        for _ in 0..=RECORDS_MAX {
            tape.record(record(1, 1, Fate::Placed));
        }
        assert_eq!(tape.totals().placed, RECORDS_MAX as u64 + 1);
        let kept = tape.stretch(Duration::ZERO, Duration::from_secs(1)).orders;
        assert_eq!(kept, RECORDS_MAX / 2 + 1);
    }
}
