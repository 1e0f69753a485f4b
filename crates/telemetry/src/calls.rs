//! Who calls whom: one meter for each pair of services seen lately, for the topology.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rialto_api::rest::EdgeView;

use crate::limits::{EDGES_MAX, HISTORY_MS, OTHER};
use crate::meter::{Meter, Totals};
use crate::routes::{clip, length_ms};
use crate::series::Series;

/// One meter for each caller and callee.
#[derive(Debug, Default)]
pub struct CallBook {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    edges: BTreeMap<(String, String), Entry>,
    sampled_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct Entry {
    meter: Arc<Meter>,
    series: Series,
}

impl CallBook {
    /// The meter of a pair, made when it is first asked for. Ask once and keep it: this locks.
    pub fn meter(&self, from: &str, to: &str) -> Arc<Meter> {
        let mut state = self.state.lock();
        let key = (clip(from).to_owned(), clip(to).to_owned());
        let known = state.edges.contains_key(&key) || state.edges.len() < EDGES_MAX;
        let key = if known { key } else { (OTHER.to_owned(), OTHER.to_owned()) };
        state.edges.entry(key).or_default().meter.clone()
    }

    /// The pairs that carried something in the last fifteen minutes, sorted.
    pub fn edges(&self) -> Vec<EdgeView> {
        let state = self.state.lock();
        let since_ms = state.sampled_ms.unwrap_or(0).saturating_sub(HISTORY_MS);
        (state.edges.iter())
            .map(|(key, entry)| (key, entry, entry.meter.totals()))
            .filter(|(_, entry, totals)| totals.begun > 0 && entry.series.active_ms() >= since_ms)
            .map(|((from, to), entry, totals)| EdgeView {
                from: from.clone(),
                to: to.clone(),
                traffic: entry.series.traffic(&totals),
            })
            .collect()
    }

    pub(crate) fn sample(&self, now_ms: u64) {
        let mut state = self.state.lock();
        let length_ms = length_ms(state.sampled_ms, now_ms);
        if length_ms == 0 {
            return;
        }
        state.sampled_ms = Some(now_ms);
        for entry in state.edges.values_mut() {
            entry.series.sample(entry.meter.totals(), now_ms, length_ms);
        }
        // A pair still held by somebody stays, or its later calls would be lost.
        state.edges.retain(|_, entry| {
            Arc::strong_count(&entry.meter) > 1 || entry.series.active_ms() + HISTORY_MS >= now_ms
        });
    }

    pub(crate) fn each(&self, mut visit: impl FnMut(&str, &str, &Totals)) {
        for ((from, to), entry) in &self.state.lock().edges {
            visit(from, to, &entry.meter.totals());
        }
    }
}
