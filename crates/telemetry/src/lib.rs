//! Counts, times and records what happens.
//!
//! The hot path (gateway, doors) touches only relaxed atomics in a shard of its own worker;
//! everything that costs more — rates, percentiles, history — is worked out once a second by
//! [`Telemetry::sample`], which the server calls.

#![forbid(unsafe_code)]

mod calls;
mod counters;
mod events;
mod exposition;
mod histogram;
pub mod limits;
pub mod logs;
mod meter;
pub mod process;
mod routes;
mod series;

use std::sync::Arc;

pub use calls::CallBook;
pub use counters::{Counter, Gauge};
pub use events::{EventKind, EventLog};
pub use meter::{Absorbed, Class, Meter, MeterShard};
pub use routes::RouteBook;
pub use series::HistoryPoint;

use counters::CounterBook;

/// Everything that one process measures. Clones share the same books.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    events: EventLog,
    routes: RouteBook,
    calls: CallBook,
    counters: CounterBook,
}

impl Telemetry {
    /// Empty books.
    pub fn new() -> Self {
        Self::default()
    }

    /// What happened, newest last.
    pub fn events(&self) -> &EventLog {
        &self.inner.events
    }

    /// The gateway's traffic by route.
    pub fn routes(&self) -> &RouteBook {
        &self.inner.routes
    }

    /// The traffic between services.
    pub fn calls(&self) -> &CallBook {
        &self.inner.calls
    }

    /// A counter of a door's own, by name (`rialto_eureka_requests`, without `_total`) and labels.
    /// The same name and labels give the same counter. Past [`limits::COUNTER_LABEL_SETS_MAX`]
    /// label sets of a name, the rest share one whose label values are `other`.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: &[Label<'_>]) -> Counter {
        debug_assert!(!name.ends_with("_total"), "{name}: `_total` is added where it is shown");
        self.inner.counters.counter(name, help, labels)
    }

    /// A gauge of a door's own; the rules are those of [`Telemetry::counter`].
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: &[Label<'_>]) -> Gauge {
        self.inner.counters.gauge(name, help, labels)
    }

    /// Turns counters into rates and percentiles over ten seconds, and into history. Called once a
    /// second; a missed second shows as a gap, not as zeros.
    pub fn sample(&self, now_ms: u64) {
        self.inner.routes.sample(now_ms);
        self.inner.calls.sample(now_ms);
    }

    /// The metrics in the OpenMetrics text format.
    pub fn prometheus(&self) -> String {
        exposition::render(&self.inner)
    }

    /// The media type of [`Telemetry::prometheus`].
    pub const PROMETHEUS_CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

/// A label's name and value.
pub type Label<'a> = (&'static str, &'a str);

#[cfg(test)]
mod tests;
