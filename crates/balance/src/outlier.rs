//! Which endpoints stand out so badly that they should get no traffic for a while.
//!
//! Failures in a row and success rates are Envoy's rules (`outlier_detection_impl.cc`). Latency is
//! ours: an endpoint that answers correctly but far slower than its peers hurts just as much.

use crate::{Class, EjectionReason, Nanos, Outcome, OutlierSettings};

/// Calls that must all have been slow before an endpoint counts as slow.
pub(crate) const SLOW_CALLS: usize = 3;
/// Looks, one second apart and each with a new call, at which it must have been slow: one pause for
/// garbage collection slows many calls, but not at two looks.
const SLOW_LOOKS: u8 = 2;
/// Weight of a new sample in the usual latency: nginx's `least_time` takes the same.
const TYPICAL_SHARE: f64 = 0.05;

/// The health of one endpoint, as its answers show it.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: u32,
    gateway_failures: u32,
    interval_calls: u32,
    interval_successes: u32,
    latest_ns: [u64; SLOW_CALLS],
    samples: usize,
    typical_ns: f64,
    looked_at_samples: usize,
    slow_looks: u8,
    ejected_until: Option<Nanos>,
    ejections: u32,
}

/// What a look at an endpoint's latency found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// Nothing to say.
    Usual,
    /// The last answer was slow, but that may have been chance.
    Suspect,
    /// Slow beyond doubt.
    Slow { ms: f64 },
}

impl Health {
    pub(crate) fn ejected_until(&self) -> Option<Nanos> {
        self.ejected_until
    }

    /// Takes an outcome; says why to eject when it fills the measure.
    pub(crate) fn record(
        &mut self,
        outcome: &Outcome,
        set: &OutlierSettings,
    ) -> Option<EjectionReason> {
        if self.ejected_until.is_some() {
            return None;
        }
        match outcome.class {
            Class::Throttled | Class::Cancelled => return None,
            Class::Success => {
                (self.failures, self.gateway_failures) = (0, 0);
                self.interval_successes = self.interval_successes.saturating_add(1);
                self.sample(outcome.latency);
            }
            // A refusal that says when to come back is load, not sickness: to eject its sender
            // would only give the others more than they can carry.
            _ if outcome.retry_after.is_some() => return None,
            Class::ServerError => {
                self.failures = self.failures.saturating_add(1);
                self.gateway_failures = 0;
            }
            Class::GatewayError | Class::Unreachable => {
                self.failures = self.failures.saturating_add(1);
                self.gateway_failures = self.gateway_failures.saturating_add(1);
                // No answer in time is an answer that takes at least so long. Without this, an
                // endpoint slower than its callers' patience would be avoided, but never judged. A
                // quick failure says nothing of the pace.
                if outcome.latency >= Nanos::from_millis(set.latency_floor_ms) {
                    self.sample(outcome.latency);
                }
            }
        }
        self.interval_calls = self.interval_calls.saturating_add(1);
        let full = |count: u32, measure: u32| measure > 0 && count >= measure;
        if full(self.gateway_failures, set.consecutive_gateway_failures) {
            return Some(EjectionReason::ConsecutiveGatewayFailures(self.gateway_failures));
        }
        full(self.failures, set.consecutive_failures)
            .then_some(EjectionReason::ConsecutiveFailures(self.failures))
    }

    fn sample(&mut self, latency: Nanos) {
        self.latest_ns.rotate_right(1);
        self.latest_ns[0] = latency.0;
        let share = if self.samples == 0 { 1.0 } else { TYPICAL_SHARE };
        self.typical_ns += (latency.0 as f64 - self.typical_ns) * share;
        self.samples += 1;
    }

    /// What its calls usually take, once there are enough of them to say. Rises at once when all of
    /// the last did: when everything is slow nobody stands out.
    pub(crate) fn typical_ns(&self) -> Option<f64> {
        (self.samples >= SLOW_CALLS).then(|| self.typical_ns.max(self.fastest_ns()))
    }

    /// The fastest of the last calls.
    fn fastest_ns(&self) -> f64 {
        self.latest_ns.iter().min().map_or(0.0, |fastest| *fastest as f64)
    }

    /// Compares the last answers with what the others usually take.
    pub(crate) fn look(&mut self, others_ns: f64, set: &OutlierSettings) -> Pace {
        let floor_ns = Nanos::from_millis(set.latency_floor_ms).0 as f64;
        let slow_ns = (others_ns * set.latency_factor).max(floor_ns);
        let seen_new = self.samples > self.looked_at_samples;
        self.looked_at_samples = self.samples;
        if self.samples == 0 || (self.latest_ns[0] as f64) < slow_ns {
            self.slow_looks = 0;
            return Pace::Usual;
        }
        let fastest_ns = self.fastest_ns();
        if self.samples >= SLOW_CALLS && fastest_ns >= slow_ns && seen_new {
            self.slow_looks += 1;
        }
        if self.slow_looks >= SLOW_LOOKS {
            self.slow_looks = 0;
            return Pace::Slow { ms: fastest_ns / 1e6 };
        }
        Pace::Suspect
    }

    /// Ends an interval: the success rate in percent, when there were enough calls to tell.
    pub(crate) fn end_interval(&mut self, set: &OutlierSettings) -> Option<f64> {
        let (calls, successes) = (self.interval_calls, self.interval_successes);
        (self.interval_calls, self.interval_successes) = (0, 0);
        if self.ejected_until.is_none() {
            self.ejections = self.ejections.saturating_sub(1);
        }
        (calls > 0 && calls >= set.success_rate_volume_min)
            .then(|| f64::from(successes) * 100.0 / f64::from(calls))
    }

    /// Ejects; `jitter` is uniform in 0 to 1. When it ends.
    pub(crate) fn eject(&mut self, now: Nanos, jitter: f64, set: &OutlierSettings) -> Nanos {
        let base_ms = set.ejection_base_ms;
        if u64::from(self.ejections) * base_ms < set.ejection_max_ms + base_ms {
            self.ejections += 1;
        }
        let length_ms = (u64::from(self.ejections) * base_ms).min(set.ejection_max_ms);
        let longer = jitter * f64::from(set.ejection_jitter_percent) / 100.0;
        let length = Nanos((Nanos::from_millis(length_ms).0 as f64 * (1.0 + longer)) as u64);
        let until = now.plus(length);
        *self = Self { ejected_until: Some(until), ejections: self.ejections, ..Self::default() };
        until
    }

    /// Forgets what another process did, save how often it was ejected. Whether it was at present.
    pub(crate) fn begin_anew(&mut self) -> bool {
        let ejected = self.ejected_until.is_some();
        *self = Self { ejections: self.ejections, ..Self::default() };
        ejected
    }

    /// Ends an ejection.
    pub(crate) fn return_to_traffic(&mut self) {
        self.ejected_until = None;
    }
}

/// The success rate demanded of hosts with these rates: mean − factor × σ.
pub(crate) fn demanded_percent(
    rates: impl Iterator<Item = f64> + Clone,
    factor_millis: u32,
) -> f64 {
    let count = rates.clone().count().max(1) as f64;
    let mean = rates.clone().sum::<f64>() / count;
    let variance = rates.map(|rate| (rate - mean).powi(2)).sum::<f64>() / count;
    mean - f64::from(factor_millis) / 1_000.0 * variance.sqrt()
}

/// The median of sorted numbers without one of them, `skip` being its position. `None` when no
/// other is left.
pub(crate) fn median_without(sorted: &[f64], skip: Option<usize>) -> Option<f64> {
    let count = sorted.len() - usize::from(skip.is_some());
    let at = |index: usize| match skip {
        Some(skip) if index >= skip => sorted[index + 1],
        _ => sorted[index],
    };
    match count {
        0 => None,
        _ if count % 2 == 1 => Some(at(count / 2)),
        _ => Some((at(count / 2 - 1) + at(count / 2)) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_success_rate_demanded_is_envoys() {
        let rates = [50.0, 100.0, 100.0, 100.0, 100.0];
        assert!((demanded_percent(rates.iter().copied(), 1_900) - 52.0).abs() < 1e-9);
    }

    #[test]
    fn ejections_grow_and_shrink() {
        let set = OutlierSettings { ejection_jitter_percent: 0, ..OutlierSettings::default() };
        let mut health = Health::default();
        let mut lengths = Vec::new();
        for _ in 0..13 {
            lengths.push(health.eject(Nanos(0), 0.9, &set).as_millis() / 1_000);
            health.return_to_traffic();
        }
        assert_eq!(lengths[..4], [30, 60, 90, 120]);
        assert_eq!(lengths[9..], [300, 300, 300, 300]);
        (0..10).for_each(|_| assert_eq!(health.end_interval(&set), None));
        assert_eq!(health.eject(Nanos(0), 0.0, &set).as_millis(), 60_000);
    }

    #[test]
    fn no_answer_in_time_is_a_slow_one() {
        let set = OutlierSettings { consecutive_gateway_failures: 0, ..OutlierSettings::default() };
        let mut health = Health::default();
        for _ in 0..SLOW_CALLS {
            let outcome = Outcome::new(Class::Unreachable, Nanos::from_millis(330));
            assert_eq!(health.record(&outcome, &set), None);
        }
        let usual = Nanos::from_millis(5).0 as f64;
        assert_eq!(health.look(usual, &set), Pace::Suspect);
        health.record(&Outcome::new(Class::Unreachable, Nanos::from_millis(330)), &set);
        assert_eq!(health.look(usual, &set), Pace::Slow { ms: 330.0 });
        let refused = Outcome::new(Class::Unreachable, Nanos::from_millis(1));
        let mut quick = Health::default();
        quick.record(&refused, &set);
        assert_eq!(quick.look(usual, &set), Pace::Usual);
    }

    #[test]
    fn jitter_only_lengthens() {
        let set = OutlierSettings::default();
        assert_eq!(Health::default().eject(Nanos(0), 0.5, &set).as_millis(), 31_500);
    }

    #[test]
    fn medians_leave_one_out() {
        assert_eq!(median_without(&[], None), None);
        assert_eq!(median_without(&[1.0], Some(0)), None);
        assert_eq!(median_without(&[1.0, 9.0], Some(0)), Some(9.0));
        assert_eq!(median_without(&[1.0, 2.0, 9.0], Some(2)), Some(1.5));
        assert_eq!(median_without(&[1.0, 2.0, 9.0], None), Some(2.0));
    }

    #[test]
    fn one_pause_is_forgiven_and_lasting_slowness_is_not() {
        let set = OutlierSettings::default();
        let mut health = Health::default();
        let others_ns = 5e6;
        let slow = Outcome::new(Class::Success, Nanos::from_millis(300));
        (0..50).for_each(|_| assert_eq!(health.record(&slow, &set), None));
        assert_eq!(health.look(others_ns, &set), Pace::Suspect);
        assert_eq!(health.look(others_ns, &set), Pace::Suspect, "no new call, no judgement");
        health.record(&Outcome::new(Class::Success, Nanos::from_millis(5)), &set);
        assert_eq!(health.look(others_ns, &set), Pace::Usual);
        for _ in 0..3 {
            health.record(&slow, &set);
        }
        assert_eq!(health.look(others_ns, &set), Pace::Suspect);
        health.record(&slow, &set);
        assert_eq!(health.look(others_ns, &set), Pace::Slow { ms: 300.0 });
    }
}
