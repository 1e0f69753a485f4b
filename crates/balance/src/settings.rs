//! What can be chosen about choosing.

use serde::{Deserialize, Serialize};

/// How an endpoint is chosen among the fit ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// One after another, from a random start; weights do not count.
    RoundRobin,
    /// nginx's smooth weighted round robin: weights 5, 1, 1 give a a b a c a a.
    WeightedRoundRobin,
    /// Any; weights do not count.
    Random,
    /// Any, in proportion to the weights.
    WeightedRandom,
    /// The one with fewer calls under way of two random ones; with unequal weights the one with
    /// fewest calls for its weight of all, as nginx's `least_conn`.
    LeastRequests,
    /// Of two random ones the one with the lower cost: peak-sensitive mean latency × calls under
    /// way ÷ weight. Failures count as slow answers.
    #[default]
    PeakEwma,
    /// The same key goes to the same endpoint as long as that is fit and not overloaded: nginx's
    /// ketama ring.
    ConsistentHash,
}

/// Everything that can be set. The defaults are good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How to choose.
    pub algorithm: Algorithm,
    /// The caller's zone: endpoints there are preferred. Empty for no preference.
    pub zone: String,
    /// Traffic leaves the zone when its endpoints have this many times the mean of calls under way.
    pub zone_spill_factor: f64,
    /// Calls under way for each endpoint of the zone below which traffic never leaves it.
    pub zone_spill_in_flight: u32,
    /// Below this share of fit endpoints all get traffic: few fit ones would drown. 0 for never.
    pub panic_percent: u32,
    /// How long a new or returned endpoint takes to its full share, in ms. 0 for at once.
    pub slow_start_ms: u64,
    /// The share it starts from, in percent.
    pub slow_start_percent: u32,
    /// Time in which the memory of a latency fades to 37 %, in ms.
    pub ewma_decay_ms: u64,
    /// Latency assumed of an endpoint that was never called, in ms.
    pub ewma_initial_ms: u64,
    /// Latencies below this are taken for equal, in ms: where few calls are under way, differences
    /// that nobody feels would else send all of them to one endpoint. 0 for none.
    pub ewma_floor_ms: u64,
    /// Latency that a failure counts as, in ms, unless it says itself when to retry.
    pub penalty_ms: u64,
    /// Calls under way that an endpoint may have over its fair share, in percent of it, before a
    /// key goes to the next on the ring. At least 100; 0 for no bound.
    pub hash_balance_percent: u32,
    /// When to eject.
    pub outlier: OutlierSettings,
}

/// When an endpoint is given a rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutlierSettings {
    /// Failures in a row. 0 for never.
    pub consecutive_failures: u32,
    /// 502, 503, 504 and broken connections in a row. 0 for never.
    pub consecutive_gateway_failures: u32,
    /// How often success rates are compared, in ms.
    pub interval_ms: u64,
    /// Standard deviations below the mean success rate, in thousandths. 0 for never.
    pub success_rate_stdev_millis: u32,
    /// Endpoints with enough calls that a comparison of success rates needs.
    pub success_rate_hosts_min: usize,
    /// Calls in an interval that an endpoint needs to be compared.
    pub success_rate_volume_min: u32,
    /// An endpoint is slow when its last calls took this many times what the others usually take.
    /// 0 for never.
    pub latency_factor: f64,
    /// Nothing faster than this counts as slow, in ms.
    pub latency_floor_ms: u64,
    /// First ejection, in ms; each further one lasts this much longer.
    pub ejection_base_ms: u64,
    /// Longest ejection, in ms.
    pub ejection_max_ms: u64,
    /// Random lengthening, in percent, so that endpoints do not return together.
    pub ejection_jitter_percent: u32,
    /// Share of the endpoints that may be ejected together. Of two or more, one always may.
    pub ejected_percent_max: u32,
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is not valid: {demand}")]
pub struct InvalidSettings {
    /// Which.
    pub setting: &'static str,
    /// What is demanded of it.
    pub demand: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            zone: String::new(),
            zone_spill_factor: 2.0,
            zone_spill_in_flight: 8,
            panic_percent: 50,
            slow_start_ms: 10_000,
            slow_start_percent: 10,
            ewma_decay_ms: 10_000,
            ewma_initial_ms: 30,
            ewma_floor_ms: 5,
            penalty_ms: 5_000,
            hash_balance_percent: 150,
            outlier: OutlierSettings::default(),
        }
    }
}

impl Default for OutlierSettings {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            consecutive_gateway_failures: 5,
            interval_ms: 10_000,
            success_rate_stdev_millis: 1_900,
            success_rate_hosts_min: 5,
            success_rate_volume_min: 100,
            latency_factor: 4.0,
            latency_floor_ms: 100,
            ejection_base_ms: 30_000,
            ejection_max_ms: 300_000,
            ejection_jitter_percent: 10,
            ejected_percent_max: 50,
        }
    }
}

impl Settings {
    /// Whether the settings make sense together. A balancer takes any settings and never panics;
    /// this is for telling people early.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let demands = [
            (self.zone_spill_factor >= 1.0, "zone_spill_factor", "1 or more, the mean itself is 1"),
            (self.panic_percent <= 100, "panic_percent", "a percentage, 0 to 100"),
            (
                (1..=100).contains(&self.slow_start_percent),
                "slow_start_percent",
                "a percentage, 1 to 100",
            ),
            (self.ewma_decay_ms > 0, "ewma_decay_ms", "more than 0"),
            (
                self.hash_balance_percent == 0 || self.hash_balance_percent >= 100,
                "hash_balance_percent",
                "100 or more, or 0 for no bound",
            ),
            (self.outlier.interval_ms > 0, "outlier.interval_ms", "more than 0"),
            (
                self.outlier.latency_factor == 0.0 || self.outlier.latency_factor > 1.0,
                "outlier.latency_factor",
                "more than 1, or 0 for never",
            ),
            (
                self.outlier.ejection_base_ms <= self.outlier.ejection_max_ms,
                "outlier.ejection_base_ms",
                "at most outlier.ejection_max_ms",
            ),
            (
                self.outlier.ejected_percent_max <= 100,
                "outlier.ejected_percent_max",
                "a percentage, 0 to 100",
            ),
        ];
        match demands.into_iter().find(|(holds, ..)| !holds) {
            Some((_, setting, demand)) => Err(InvalidSettings { setting, demand }),
            None => Ok(()),
        }
    }
}
