//! The metrics as text for Prometheus: read from the meters when somebody asks, never before.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::meter::{Class, Totals};
use crate::{Inner, histogram, process};

/// The metrics in the OpenMetrics text format.
pub(crate) fn render(inner: &Arc<Inner>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Books(Arc::clone(inner))));
    let mut out = String::with_capacity(8 * 1_024);
    text::encode(&mut out, &registry).expect("a string takes everything");
    out
}

#[derive(Debug)]
struct Books(Arc<Inner>);

impl Collector for Books {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut routes = Vec::new();
        self.0.routes.each(|id, totals| routes.push((id.to_owned(), totals.clone())));
        let mut edges = Vec::new();
        self.0.calls.each(|from, to, totals| {
            edges.push((from.to_owned(), to.to_owned(), totals.clone()));
        });
        route_counters(&mut encoder, &routes)?;
        route_durations(&mut encoder, &routes)?;
        edge_counters(&mut encoder, &edges)?;
        own(&mut encoder, &self.0)?;
        encoder
            .encode_descriptor(
                "process_resident_memory",
                "Resident memory of the process",
                Some(&Unit::Bytes),
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::try_from(process::memory_bytes()).unwrap_or(i64::MAX))
    }
}

fn route_counters(encoder: &mut DescriptorEncoder<'_>, routes: &[(String, Totals)]) -> fmt::Result {
    let mut requests = encoder.encode_descriptor(
        "rialto_requests",
        "Requests ended, by route and by how they ended",
        None,
        MetricType::Counter,
    )?;
    for (route, totals) in routes {
        let route = escape(route);
        for class in Class::ALL {
            let labels = [("route", route.as_str()), ("class", class.as_str())];
            counter(&mut requests, &labels, totals.ended[class as usize])?;
        }
    }
    let mut retries = encoder.encode_descriptor(
        "rialto_request_retries",
        "Further tries on another instance, by route",
        None,
        MetricType::Counter,
    )?;
    for (route, totals) in routes {
        counter(&mut retries, &[("route", escape(route).as_str())], totals.retries)?;
    }
    let mut in_flight = encoder.encode_descriptor(
        "rialto_requests_in_flight",
        "Requests under way, by route",
        None,
        MetricType::Gauge,
    )?;
    for (route, totals) in routes {
        let value = i64::try_from(totals.in_flight()).unwrap_or(i64::MAX);
        in_flight.encode_family(&[("route", escape(route).as_str())])?.encode_gauge(&value)?;
    }
    Ok(())
}

fn route_durations(
    encoder: &mut DescriptorEncoder<'_>,
    routes: &[(String, Totals)],
) -> fmt::Result {
    let mut durations = encoder.encode_descriptor(
        "rialto_request_duration",
        "Time from a request's head to the end of its answer, by route",
        Some(&Unit::Seconds),
        MetricType::Histogram,
    )?;
    for (route, totals) in routes {
        let buckets = coarse(totals);
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum_s = totals.latency_us as f64 / 1_000_000.0;
        durations
            .encode_family(&[("route", escape(route).as_str())])?
            .encode_histogram::<NoLabelSet>(sum_s, count, &buckets, None)?;
    }
    Ok(())
}

fn edge_counters(
    encoder: &mut DescriptorEncoder<'_>,
    edges: &[(String, String, Totals)],
) -> fmt::Result {
    let mut calls = encoder.encode_descriptor(
        "rialto_calls",
        "Calls between services, by caller, callee and by how they ended",
        None,
        MetricType::Counter,
    )?;
    for (from, to, totals) in edges {
        let (from, to) = (escape(from), escape(to));
        for class in Class::ALL {
            let labels = [("from", from.as_str()), ("to", to.as_str()), ("class", class.as_str())];
            counter(&mut calls, &labels, totals.ended[class as usize])?;
        }
    }
    Ok(())
}

fn own(encoder: &mut DescriptorEncoder<'_>, inner: &Inner) -> fmt::Result {
    for (name, family) in inner.counters.counters().iter() {
        let mut metric = encoder.encode_descriptor(name, family.help, None, MetricType::Counter)?;
        for (labels, member) in &family.members {
            match labels.is_empty() {
                true => metric.encode_counter::<NoLabelSet, u64, u64>(&member.value(), None)?,
                false => counter(&mut metric, &escaped(labels), member.value())?,
            }
        }
    }
    for (name, family) in inner.counters.gauges().iter() {
        let mut metric = encoder.encode_descriptor(name, family.help, None, MetricType::Gauge)?;
        for (labels, member) in &family.members {
            match labels.is_empty() {
                true => metric.encode_gauge(&member.value())?,
                false => metric.encode_family(&escaped(labels))?.encode_gauge(&member.value())?,
            }
        }
    }
    Ok(())
}

fn counter(
    metric: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    value: u64,
) -> fmt::Result {
    metric.encode_family(labels)?.encode_counter::<NoLabelSet, u64, u64>(&value, None)
}

/// One bucket for each power of two from 256 µs: their bounds are bounds of the fine buckets, so
/// that the counts are exact.
fn coarse(totals: &Totals) -> Vec<(f64, u64)> {
    let mut coarse: Vec<(f64, u64)> =
        (8..27).map(|power| (f64::from(1_u32 << power) / 1_000_000.0, 0)).collect();
    coarse.push((f64::MAX, 0));
    for (index, count) in totals.buckets.iter().enumerate() {
        // A bound counts what is at most it; the fine bucket that starts there lies above.
        let above_us = histogram::lower_us(index);
        let at = coarse
            .iter()
            .position(|(bound_s, _)| (above_us as f64) < bound_s * 1_000_000.0)
            .unwrap_or(coarse.len() - 1);
        coarse[at].1 += count;
    }
    coarse
}

fn escaped(labels: &[(String, String)]) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (name.clone(), escape(value))).collect()
}

/// A label value with what the format requires escaped; the encoder writes values as they are.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out
}
