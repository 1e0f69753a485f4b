//! What happened lately: the last so many calls, or the calls of the last so many seconds.

use serde::{Deserialize, Serialize};

use crate::Nanos;
use crate::limits::{WINDOW_CALLS_MAX, WINDOW_SECS_MAX};

/// What "lately" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// The last so many calls, at most [`WINDOW_CALLS_MAX`].
    Calls(u32),
    /// The calls of the last so many seconds, at most [`WINDOW_SECS_MAX`].
    Seconds(u32),
}

/// Calls, failures and slow calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u32,
    pub(crate) failed: u32,
    pub(crate) slow: u32,
}

impl Counts {
    fn of(failed: bool, slow: bool) -> Self {
        Self { calls: 1, failed: u32::from(failed), slow: u32::from(slow) }
    }

    fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failed = self.failed.saturating_add(other.failed);
        self.slow = self.slow.saturating_add(other.slow);
    }

    fn remove(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failed = self.failed.saturating_sub(other.failed);
        self.slow = self.slow.saturating_sub(other.slow);
    }

    /// Whether failures make up at least so many percent.
    pub(crate) fn failed_reach(&self, percent: u32) -> bool {
        reach(self.failed, self.calls, percent)
    }

    /// Whether slow calls make up at least so many percent.
    pub(crate) fn slow_reach(&self, percent: u32) -> bool {
        reach(self.slow, self.calls, percent)
    }
}

fn reach(part: u32, all: u32, percent: u32) -> bool {
    all > 0 && u64::from(part) * 100 >= u64::from(all) * u64::from(percent)
}

/// A ring of calls or of seconds, with their sum kept up to date.
#[derive(Debug)]
pub(crate) struct Window {
    ring: Vec<Counts>,
    sum: Counts,
    by_second: bool,
    /// The second, or the number of the call, that comes next or is being counted.
    at: u64,
}

impl Window {
    pub(crate) fn new(kind: WindowKind) -> Self {
        let (length, by_second) = match kind {
            WindowKind::Calls(calls) => (calls.clamp(1, WINDOW_CALLS_MAX), false),
            WindowKind::Seconds(seconds) => (seconds.clamp(1, WINDOW_SECS_MAX), true),
        };
        let ring = vec![Counts::default(); length as usize];
        Self { ring, sum: Counts::default(), by_second, at: 0 }
    }

    /// Counts a call and returns the sums.
    pub(crate) fn record(&mut self, now: Nanos, failed: bool, slow: bool) -> Counts {
        let call = Counts::of(failed, slow);
        if self.by_second {
            self.advance(now);
        } else {
            self.at += 1;
            self.clear_current();
        }
        let length = self.ring.len() as u64;
        self.ring[(self.at % length) as usize].add(call);
        self.sum.add(call);
        self.sum
    }

    /// How many calls the window can hold at most, if it is one of calls.
    pub(crate) fn calls_max(&self) -> Option<u32> {
        (!self.by_second).then(|| u32::try_from(self.ring.len()).unwrap_or(u32::MAX))
    }

    pub(crate) fn clear(&mut self) {
        self.ring.fill(Counts::default());
        self.sum = Counts::default();
    }

    /// Forgets the seconds that went out of the window. A clock that stands still or goes back only
    /// keeps counting in the present second.
    fn advance(&mut self, now: Nanos) {
        let second = now.as_millis() / 1_000;
        if second.saturating_sub(self.at) >= self.ring.len() as u64 {
            self.clear();
            self.at = second;
        }
        while self.at < second {
            self.at += 1;
            self.clear_current();
        }
    }

    fn clear_current(&mut self) {
        let length = self.ring.len() as u64;
        let old = std::mem::take(&mut self.ring[(self.at % length) as usize]);
        self.sum.remove(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_calls() {
        let mut window = Window::new(WindowKind::Calls(3));
        let failures: Vec<u32> = [true, false, true, false, false, false]
            .map(|failed| window.record(Nanos(0), failed, false).failed)
            .to_vec();
        assert_eq!(failures, [1, 1, 2, 1, 1, 0]);
        assert_eq!(window.calls_max(), Some(3));
    }

    #[test]
    fn the_last_seconds() {
        let mut window = Window::new(WindowKind::Seconds(2));
        let calls: Vec<u32> = [100, 101, 101, 102, 110, 109]
            .map(|second| window.record(Nanos::from_secs(second), true, true).calls)
            .to_vec();
        assert_eq!(calls, [1, 2, 3, 3, 1, 2]);
        assert_eq!(window.calls_max(), None);
        window.clear();
        assert_eq!(window.record(Nanos::from_secs(110), false, false).calls, 1);
    }

    #[test]
    fn rates_are_reached_exactly() {
        let counts = Counts { calls: 10, failed: 5, slow: 0 };
        assert!(counts.failed_reach(50));
        assert!(!counts.failed_reach(51));
        assert!(!counts.slow_reach(1));
        assert!(!Counts::default().failed_reach(0));
    }
}
