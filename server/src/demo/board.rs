//! What the audience sees: the act, the story so far, the numbers of the last seconds.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::Mutex;

use super::tape::{Stretch, Totals};
use crate::output;
use crate::words::latency;

/// Lines of the story kept for the view.
const STORY_MAX: usize = 100;
/// Samples kept for the curves, one each half second.
pub(crate) const SAMPLES_MAX: usize = 120;

/// The board; the acts write on it, the view reads it.
#[derive(Debug)]
pub(crate) struct Board {
    began: Instant,
    plain: bool,
    shown: Mutex<Shown>,
}

/// What is on the board.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// Console address and how to sign in, once there is one.
    pub(crate) console: String,
    /// The act that plays.
    pub(crate) act: String,
    /// What was said, oldest first, with the time since the beginning.
    pub(crate) story: VecDeque<(u64, String)>,
    /// Instances in the catalog.
    pub(crate) instances: Vec<Member>,
    /// Counts since the load began.
    pub(crate) totals: Totals,
    /// The last seconds.
    pub(crate) lately: Stretch,
    /// Orders a second, as sent.
    pub(crate) rate: f64,
    /// Orders without an answer yet.
    pub(crate) under_way: usize,
    /// Placed orders a second, and p99 in milliseconds, newest last.
    pub(crate) placed_curve: VecDeque<u64>,
    /// See `placed_curve`.
    pub(crate) latency_curve: VecDeque<u64>,
}

/// An instance of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Service.
    pub(crate) service: String,
    /// Which of the service's two.
    pub(crate) name: String,
    /// Where it listens, if it is in the catalog.
    pub(crate) address: String,
    /// How it is.
    pub(crate) health: Health,
    /// Calls that it served since it started, if it tells.
    pub(crate) served: Option<u64>,
    /// Calls a second, as of the last sample.
    pub(crate) calls: u64,
}

/// How an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Registered and available.
    Up,
    /// Registered, but callers send it nothing.
    Ejected,
    /// The process is gone, the catalog does not know yet.
    Dead,
    /// Not in the catalog.
    Gone,
}

impl Board {
    /// An empty board; a plain one prints what is said.
    pub(crate) fn new(plain: bool) -> Self {
        Self { began: Instant::now(), plain, shown: Mutex::default() }
    }

    /// Says a line of the story.
    pub(crate) fn say(&self, line: impl Into<String>) {
        let line = line.into();
        let seconds = self.began.elapsed().as_secs();
        if self.plain {
            output::line(&format!("{seconds:>3} s  {line}"));
        }
        let mut shown = self.shown.lock();
        shown.story.push_back((seconds, line));
        if shown.story.len() > STORY_MAX {
            shown.story.pop_front();
        }
    }

    /// Begins an act.
    pub(crate) fn act(&self, title: &str) {
        self.shown.lock().act = title.to_owned();
        if self.plain {
            output::line("");
        }
        self.say(format!("── {title}"));
    }

    /// Changes what is shown.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock());
    }

    /// A copy for drawing.
    pub(crate) fn shown(&self) -> Shown {
        self.shown.lock().clone()
    }

    /// Whether lines are printed instead of a view drawn.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Prints the numbers of the last seconds, when plain.
    pub(crate) fn tell_numbers(&self) {
        if !self.plain {
            return;
        }
        let (lately, rate) = {
            let shown = self.shown.lock();
            (shown.lately.clone(), shown.rate)
        };
        let seconds = self.began.elapsed().as_secs();
        output::line(&format!("{seconds:>3} s     {}", numbers(&lately, rate)));
    }
}

/// A stretch in a line.
pub(crate) fn numbers(stretch: &Stretch, rate: f64) -> String {
    format!(
        "{rate:.0} orders/s: {} placed, {} sent away, {} failed; half under {}, 99 % under {}",
        stretch.placed,
        stretch.sent_away,
        stretch.failed,
        latency(stretch.p50_ms),
        latency(stretch.p99_ms)
    )
}

impl Shown {
    /// Takes how the instances are now, and works out their calls a second from what they served
    /// `seconds` ago.
    pub(crate) fn members(&mut self, mut members: Vec<Member>, seconds: f64) {
        for member in &mut members {
            let before = self.instances.iter().find(|old| {
                (&old.service, &old.name, &old.address)
                    == (&member.service, &member.name, &member.address)
            });
            if let Some(before) = before.and_then(|old| old.served)
                && let Some(now) = member.served
            {
                let calls = now.saturating_sub(before) as f64 / seconds.max(0.001);
                member.calls = calls.round() as u64;
            }
        }
        self.instances = members;
    }

    /// Adds a sample to the curves.
    pub(crate) fn sample(&mut self, placed_per_second: u64, p99_ms: u64) {
        self.placed_curve.push_back(placed_per_second);
        self.latency_curve.push_back(p99_ms);
        for curve in [&mut self.placed_curve, &mut self.latency_curve] {
            while curve.len() > SAMPLES_MAX {
                curve.pop_front();
            }
        }
    }
}
