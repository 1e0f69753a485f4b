//! Turns in proportion to weights, for many endpoints: earliest deadline first, as in Envoy
//! (`edf_scheduler.h`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Time between two turns of an endpoint of weight 1. Only ratios matter.
const PERIOD: f64 = 1e9;
/// Keeps the tiniest weights from running into the end of the numbers.
const PERIOD_MAX: f64 = 1e14;

/// Endpoints by when their turn is due.
#[derive(Debug, Default)]
pub(crate) struct TurnQueue {
    due: BinaryHeap<Reverse<(u64, u32)>>,
    passed_over: Vec<Reverse<(u64, u32)>>,
}

impl TurnQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.due.clear();
    }

    /// Fills it with endpoints, weights and random numbers of 0 to 1: first turns are spread, so
    /// that many callers do not march in step.
    pub(crate) fn fill(&mut self, members: impl Iterator<Item = (u32, f64, f64)>) {
        self.due
            .extend(members.map(|(slot, weight, unit)| {
                Reverse(((period(weight) as f64 * unit) as u64, slot))
            }));
    }

    /// The endpoint whose turn is due first among the open ones; it queues up again.
    pub(crate) fn next(
        &mut self,
        weight: impl Fn(u32) -> f64,
        open: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut found = None;
        while let Some(Reverse((due, slot))) = self.due.pop() {
            if open(slot) {
                self.due.push(Reverse((due.saturating_add(period(weight(slot))), slot)));
                found = Some(slot);
                break;
            }
            self.passed_over.push(Reverse((due, slot)));
        }
        self.due.extend(self.passed_over.drain(..));
        found
    }
}

fn period(weight: f64) -> u64 {
    (PERIOD / weight).min(PERIOD_MAX) as u64
}
