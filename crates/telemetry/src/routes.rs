//! The gateway's traffic by route, and its sum with fifteen minutes of history.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rialto_api::rest::Traffic;

use crate::HistoryPoint;
use crate::limits::{LABEL_CHARS_MAX, OTHER, ROUTES_MAX};
use crate::meter::{Meter, Totals};
use crate::series::Series;

/// One meter for each route, and the sum of them all.
#[derive(Debug, Default)]
pub struct RouteBook {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    routes: BTreeMap<String, Entry>,
    sum: Series,
    // What removed routes carried, so that the sum never goes back.
    removed: Totals,
    sampled_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct Entry {
    meter: Arc<Meter>,
    series: Series,
}

impl RouteBook {
    /// The meter of a route, made when it is first asked for. Ask once and keep it: this locks.
    pub fn meter(&self, route_id: &str) -> Arc<Meter> {
        let mut state = self.state.lock();
        let id = clip(route_id);
        let known = state.routes.contains_key(id) || state.routes.len() < ROUTES_MAX;
        let id = if known { id } else { OTHER };
        state.routes.entry(id.to_owned()).or_default().meter.clone()
    }

    /// Forgets a route that is gone. What it carried stays in the sum.
    pub fn remove(&self, route_id: &str) {
        let mut state = self.state.lock();
        if let Some(entry) = state.routes.remove(clip(route_id)) {
            let mut totals = entry.meter.totals();
            // What it has under way ends unseen.
            totals.begun = totals.requests();
            state.removed.add(&totals);
        }
    }

    /// Every route with what it carried, sorted by identifier.
    pub fn list(&self) -> Vec<(String, Traffic)> {
        let state = self.state.lock();
        (state.routes.iter())
            .map(|(id, entry)| (id.clone(), entry.series.traffic(&entry.meter.totals())))
            .collect()
    }

    /// What one route carried.
    pub fn traffic(&self, route_id: &str) -> Option<Traffic> {
        let state = self.state.lock();
        let entry = state.routes.get(clip(route_id))?;
        Some(entry.series.traffic(&entry.meter.totals()))
    }

    /// What all routes carried together, removed ones included.
    pub fn total(&self) -> Traffic {
        let state = self.state.lock();
        state.sum.traffic(&state.totals())
    }

    /// All routes together, second by second, oldest first, for the last fifteen minutes. A second
    /// that was not measured is absent: draw a gap where `at_ms` jumps.
    pub fn history(&self) -> Vec<HistoryPoint> {
        self.state.lock().sum.history()
    }

    pub(crate) fn sample(&self, now_ms: u64) {
        let mut state = self.state.lock();
        let length_ms = length_ms(state.sampled_ms, now_ms);
        if length_ms == 0 {
            return;
        }
        state.sampled_ms = Some(now_ms);
        let mut sum = state.removed.clone();
        for entry in state.routes.values_mut() {
            let totals = entry.meter.totals();
            sum.add(&totals);
            entry.series.sample(totals, now_ms, length_ms);
        }
        state.sum.sample(sum, now_ms, length_ms);
        state.sum.remember(now_ms);
    }

    pub(crate) fn each(&self, mut visit: impl FnMut(&str, &Totals)) {
        for (id, entry) in &self.state.lock().routes {
            visit(id, &entry.meter.totals());
        }
    }
}

impl State {
    fn totals(&self) -> Totals {
        let mut sum = self.removed.clone();
        self.routes.values().for_each(|entry| sum.add(&entry.meter.totals()));
        sum
    }
}

/// Time since the last sampling; the first is taken to cover a second.
pub(crate) fn length_ms(sampled_ms: Option<u64>, now_ms: u64) -> u64 {
    sampled_ms.map_or(1_000, |sampled_ms| now_ms.saturating_sub(sampled_ms))
}

/// A name cut to what is kept of it.
pub(crate) fn clip(name: &str) -> &str {
    match name.char_indices().nth(LABEL_CHARS_MAX) {
        Some((end, _)) => &name[..end],
        None => name,
    }
}
