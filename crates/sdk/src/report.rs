//! Counts the calls of this process and tells the server about once a second: the topology and its
//! numbers come from these reports.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rialto_api::proto;

use crate::limits::EJECTIONS_MAX;

/// How a call ended, as the topology counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Ok,
    ClientError,
    ServerError,
    Limited,
    Cancelled,
}

/// All that this process has to report.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    services: Mutex<BTreeMap<String, Arc<Counts>>>,
    ejections: Mutex<VecDeque<proto::Ejection>>,
}

/// The calls of one service.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    classes: [u64; 5],
    retries: u64,
    latencies: BTreeMap<u64, u64>,
}

impl Reports {
    pub(crate) fn service(&self, name: &str) -> Arc<Counts> {
        self.services.lock().entry(name.to_owned()).or_default().clone()
    }

    /// The balancer took an instance out or put it back. The oldest is forgotten when the server is
    /// away for long.
    pub(crate) fn ejection(&self, ejection: proto::Ejection) {
        let mut ejections = self.ejections.lock();
        if ejections.len() == EJECTIONS_MAX {
            ejections.pop_front();
        }
        ejections.push_back(ejection);
    }

    /// What was counted since it was last taken; `None` when there is nothing.
    pub(crate) fn take(&self) -> Option<proto::CallReport> {
        let calls: Vec<proto::Calls> =
            self.services.lock().iter().filter_map(|(to, counts)| counts.take(to)).collect();
        let ejections: Vec<_> = std::mem::take(&mut *self.ejections.lock()).into();
        (!calls.is_empty() || !ejections.is_empty())
            .then_some(proto::CallReport { calls, ejections })
    }
}

impl Counts {
    pub(crate) fn finished(&self, class: Class, latency: Duration) {
        let mut inner = self.inner.lock();
        inner.classes[class as usize] += 1;
        if class != Class::Limited {
            *inner.latencies.entry(rounded_us(latency)).or_default() += 1;
        }
    }

    pub(crate) fn retried(&self) {
        self.inner.lock().retries += 1;
    }

    fn take(&self, to: &str) -> Option<proto::Calls> {
        let Inner { classes, retries, latencies } = std::mem::take(&mut *self.inner.lock());
        let [ok, client_errors, server_errors, limited, cancelled] = classes;
        if classes.iter().sum::<u64>() + retries == 0 {
            return None;
        }
        let latencies = latencies
            .into_iter()
            .map(|(latency_us, count)| proto::LatencyBucket { latency_us, count })
            .collect();
        Some(proto::Calls {
            to: to.to_owned(),
            ok,
            client_errors,
            server_errors,
            limited,
            cancelled,
            retries,
            latencies,
        })
    }
}

/// Keeps four significant bits, so that an hour of latencies makes at most 500 different numbers
/// that are off by 3 % at most.
fn rounded_us(latency: Duration) -> u64 {
    const HOUR_US: u64 = 3_600_000_000;
    let latency_us = u64::try_from(latency.as_micros()).unwrap_or(HOUR_US).min(HOUR_US);
    let shift = (64 - latency_us.leading_zeros()).saturating_sub(5);
    let low = latency_us >> shift << shift;
    low + (1 << shift >> 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Class, Reports, rounded_us};
    use crate::limits::EJECTIONS_MAX;

    #[test]
    fn counts_are_told_once() {
        let reports = Reports::default();
        assert!(reports.take().is_none());
        let stock = reports.service("stock");
        stock.finished(Class::Ok, Duration::from_millis(3));
        stock.finished(Class::Ok, Duration::from_millis(3));
        stock.finished(Class::Limited, Duration::ZERO);
        reports.service("stock").retried();
        let report = reports.take().unwrap();
        let [calls] = report.calls.as_slice() else { panic!("{report:?}") };
        assert_eq!((calls.ok, calls.limited, calls.retries), (2, 1, 1));
        assert_eq!(calls.latencies.iter().map(|bucket| bucket.count).sum::<u64>(), 2);
        assert!(reports.take().is_none());
    }

    #[test]
    fn old_ejections_are_forgotten_while_the_server_is_away() {
        let reports = Reports::default();
        for number in 0..EJECTIONS_MAX + 5 {
            let instance = number.to_string();
            reports.ejection(rialto_api::proto::Ejection { instance, ..Default::default() });
        }
        let ejections = reports.take().unwrap().ejections;
        assert_eq!((ejections.len(), ejections[0].instance.as_str()), (EJECTIONS_MAX, "5"));
    }

    #[test]
    fn rounding_is_within_four_per_cent() {
        for latency_us in [0, 1, 15, 16, 17, 999, 1_000, 123_456, 3_600_000_000] {
            let rounded = rounded_us(Duration::from_micros(latency_us));
            let off = rounded.abs_diff(latency_us) as f64;
            assert!(off <= latency_us as f64 * 0.04, "{latency_us}: {rounded}");
        }
        assert!(rounded_us(Duration::MAX) <= 3_700_000_000);
    }
}
