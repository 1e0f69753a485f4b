//! A mean latency that jumps up at once and comes down slowly.
//!
//! A plain moving mean notices a slow endpoint only after many slow answers; by then the queue is
//! long. As in linkerd (`linkerd/ewma`), a sample above the present value replaces it.

use crate::Nanos;

/// Peak-sensitive, exponentially fading mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeakEwma {
    value_ns: f64,
    at: Nanos,
}

impl PeakEwma {
    pub(crate) fn new(initial: Nanos, now: Nanos) -> Self {
        Self { value_ns: initial.0 as f64, at: now }
    }

    /// The value faded to `now`, in ns. `decay_ns` is positive.
    pub(crate) fn read(&self, now: Nanos, decay_ns: f64) -> f64 {
        let age_ns = now.since(self.at).0 as f64;
        self.value_ns * (-age_ns / decay_ns).exp()
    }

    /// Takes a sample that is only known to be at least so long: it can raise the value, never
    /// lower it.
    pub(crate) fn add_at_least(&mut self, sample: Nanos, now: Nanos, decay_ns: f64) {
        if sample.0 as f64 > self.read(now, decay_ns) {
            self.add(sample, now, decay_ns);
        }
    }

    /// Takes a sample. One that is not newer than the last counts only as a peak.
    pub(crate) fn add(&mut self, sample: Nanos, now: Nanos, decay_ns: f64) {
        let sample_ns = sample.0 as f64;
        let current_ns = self.read(now, decay_ns);
        if sample_ns > current_ns {
            self.value_ns = sample_ns;
        } else if now > self.at {
            let kept = (-(now.since(self.at).0 as f64) / decay_ns).exp();
            self.value_ns = self.value_ns * kept + sample_ns * (1.0 - kept);
        }
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY_NS: f64 = 10e9;

    #[test]
    fn jumps_up_and_comes_down_slowly() {
        let mut ewma = PeakEwma::new(Nanos::from_millis(30), Nanos(0));
        ewma.add(Nanos::from_millis(500), Nanos::from_secs(1), DECAY_NS);
        assert_eq!(ewma.read(Nanos::from_secs(1), DECAY_NS), 500e6);
        let faded = ewma.read(Nanos::from_secs(11), DECAY_NS);
        assert!((faded - 500e6 / std::f64::consts::E).abs() < 1.0);
        ewma.add(Nanos::from_millis(10), Nanos::from_secs(11), DECAY_NS);
        let kept = (-1.0_f64).exp();
        let expected = 500e6 * kept + 10e6 * (1.0 - kept);
        assert!((ewma.read(Nanos::from_secs(11), DECAY_NS) - expected).abs() < 1.0);
    }

    #[test]
    fn samples_of_unknown_length_only_raise() {
        let mut ewma = PeakEwma::new(Nanos::from_millis(30), Nanos(0));
        let now = Nanos::from_secs(60);
        let faded = ewma.read(now, DECAY_NS);
        ewma.add_at_least(Nanos(0), now, DECAY_NS);
        assert_eq!(ewma.read(now, DECAY_NS), faded);
        ewma.add_at_least(Nanos::from_millis(40), now, DECAY_NS);
        assert_eq!(ewma.read(now, DECAY_NS), 40e6);
    }

    #[test]
    fn late_samples_only_raise() {
        let mut ewma = PeakEwma::new(Nanos::from_millis(30), Nanos::from_secs(5));
        ewma.add(Nanos::from_millis(10), Nanos::from_secs(5), DECAY_NS);
        assert_eq!(ewma.read(Nanos::from_secs(5), DECAY_NS), 30e6);
        ewma.add(Nanos::from_millis(90), Nanos::from_secs(4), DECAY_NS);
        assert_eq!(ewma.read(Nanos::from_secs(5), DECAY_NS), 90e6);
    }
}
