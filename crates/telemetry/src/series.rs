//! From counters to rates and percentiles: the last ten seconds of a meter, second by second.

use std::collections::VecDeque;

use rialto_api::rest::Traffic;

use crate::histogram::{self, BUCKETS};
use crate::limits::{HISTORY_MS, WINDOW_MS};
use crate::meter::{Class, Totals};

/// One second of a history. A second in which nobody measured has no point.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPoint {
    /// End of the second.
    pub at_ms: u64,
    /// Requests ended, per second.
    pub rate: f64,
    /// Of them, answered 500 or above or not at all.
    pub error_rate: f64,
    /// Of them, refused by limiter, queue or breaker.
    pub limited_rate: f64,
    /// Half took less; absent when there was no request.
    pub p50_ms: Option<f64>,
    /// Ninety-nine in a hundred took less; absent when there was no request.
    pub p99_ms: Option<f64>,
}

/// The recent past of one meter.
#[derive(Debug, Default)]
pub(crate) struct Series {
    last: Totals,
    window: VecDeque<Slice>,
    history: VecDeque<HistoryPoint>,
    active_ms: u64,
}

/// What one sampling added. Buckets are kept sparse: most meters use few of them.
#[derive(Debug)]
struct Slice {
    length_ms: u64,
    ended: [u64; 5],
    buckets: Vec<(u8, u64)>,
}

impl Series {
    /// Takes the counters as of now; `length_ms` is the time since the last sampling.
    pub(crate) fn sample(&mut self, totals: Totals, now_ms: u64, length_ms: u64) {
        let added = totals.since(&self.last);
        if added.begun > 0 || added.requests() > 0 || totals.in_flight() > 0 || self.active_ms == 0
        {
            self.active_ms = now_ms;
        }
        let buckets = (added.buckets.iter().enumerate())
            .filter(|(_, count)| **count > 0)
            .map(|(index, count)| (u8::try_from(index).expect("there are 200 buckets"), *count))
            .collect();
        self.window.push_back(Slice { length_ms, ended: added.ended, buckets });
        let mut length_sum_ms: u64 = self.window.iter().map(|slice| slice.length_ms).sum();
        while self.window.len() > 1 && length_sum_ms > WINDOW_MS {
            length_sum_ms -= self.window.pop_front().map_or(0, |slice| slice.length_ms);
        }
        self.last = totals;
    }

    /// Adds the last sampling to the history.
    pub(crate) fn remember(&mut self, now_ms: u64) {
        let Some(slice) = self.window.back() else { return };
        let rates = Rates::of(std::iter::once(slice));
        let timed = !slice.buckets.is_empty();
        self.history.push_back(HistoryPoint {
            at_ms: now_ms,
            rate: rates.all,
            error_rate: rates.errors,
            limited_rate: rates.limited,
            p50_ms: timed.then_some(rates.p50_ms),
            p99_ms: timed.then_some(rates.p99_ms),
        });
        while self.history.front().is_some_and(|point| point.at_ms + HISTORY_MS < now_ms) {
            self.history.pop_front();
        }
    }

    pub(crate) fn history(&self) -> Vec<HistoryPoint> {
        self.history.iter().cloned().collect()
    }

    /// When it last carried something.
    pub(crate) fn active_ms(&self) -> u64 {
        self.active_ms
    }

    /// Counters as of now with the rates as of the last sampling.
    pub(crate) fn traffic(&self, totals: &Totals) -> Traffic {
        let rates = Rates::of(self.window.iter());
        Traffic {
            requests: totals.requests(),
            errors: totals.ended[Class::ServerError as usize],
            limited: totals.ended[Class::Limited as usize],
            retries: totals.retries,
            in_flight: totals.in_flight(),
            rate: rates.all,
            error_rate: rates.errors,
            limited_rate: rates.limited,
            p50_ms: rates.p50_ms,
            p99_ms: rates.p99_ms,
        }
    }
}

struct Rates {
    all: f64,
    errors: f64,
    limited: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Rates {
    fn of<'a>(slices: impl Iterator<Item = &'a Slice>) -> Self {
        let mut length_ms = 0;
        let mut ended = [0_u64; 5];
        let mut buckets = [0_u64; BUCKETS];
        for slice in slices {
            length_ms += slice.length_ms;
            ended.iter_mut().zip(slice.ended).for_each(|(sum, count)| *sum += count);
            slice.buckets.iter().for_each(|(index, count)| buckets[usize::from(*index)] += count);
        }
        let per_second = |count: u64| match length_ms {
            0 => 0.0,
            _ => count as f64 * 1_000.0 / length_ms as f64,
        };
        Self {
            all: per_second(ended.iter().sum()),
            errors: per_second(ended[Class::ServerError as usize]),
            limited: per_second(ended[Class::Limited as usize]),
            p50_ms: histogram::quantile_ms(&buckets, 0.5),
            p99_ms: histogram::quantile_ms(&buckets, 0.99),
        }
    }
}
