//! Virtual time: hosts with queues, calls at random, all algorithms on the same load.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rialto_balance::{
    Algorithm, Balancer, Class, Nanos, Outcome, OutlierSettings, Settings, Ticket,
};

use crate::{START, endpoint};

const HOSTS: u32 = 10;
const WORKERS: usize = 4;

/// What a host does with a call: its mean time in ms and whether it fails.
type Behaviour = fn(host: u32, at_ms: u64) -> (f64, bool);

struct Result {
    p99_ms: f64,
    shares: Vec<f64>,
}

struct Simulation {
    rng: SmallRng,
    balancer: Balancer<u32>,
    /// When each worker of each host is free again.
    free_at: Vec<Vec<Nanos>>,
    ends: BinaryHeap<Reverse<(Nanos, u64)>>,
    calls: Vec<Option<(Ticket, Outcome)>>,
    latencies_ms: Vec<f64>,
    hits: Vec<u32>,
}

impl Simulation {
    fn new(algorithm: Algorithm, outlier: OutlierSettings) -> Self {
        let settings = Settings { algorithm, outlier, ..Settings::default() };
        let mut balancer = Balancer::new(settings, 1);
        balancer.update(START, (0..HOSTS).map(|id| endpoint(id, 1.0)));
        Self {
            rng: SmallRng::seed_from_u64(11),
            balancer,
            free_at: vec![vec![START; WORKERS]; HOSTS as usize],
            ends: BinaryHeap::new(),
            calls: Vec::new(),
            latencies_ms: Vec::new(),
            hits: vec![0; HOSTS as usize],
        }
    }

    fn run(mut self, calls: usize, calls_per_sec: f64, behaviour: Behaviour) -> Result {
        let mut now = START;
        for number in 0..calls {
            let pause_s = -(1.0 - self.rng.random::<f64>()).ln() / calls_per_sec;
            now = now.plus(Nanos((pause_s * 1e9) as u64));
            self.end_until(now);
            self.balancer.tick(now);
            self.begin(now, behaviour, number > calls / 5);
        }
        self.latencies_ms.sort_by(f64::total_cmp);
        let counted: u32 = self.hits.iter().sum();
        Result {
            p99_ms: self.latencies_ms[self.latencies_ms.len() * 99 / 100],
            shares: self.hits.iter().map(|hits| f64::from(*hits) / f64::from(counted)).collect(),
        }
    }

    fn begin(&mut self, now: Nanos, behaviour: Behaviour, counted: bool) {
        let picked = crate::pick(&mut self.balancer, now, &mut self.rng);
        let host = picked.id;
        let (mean_ms, fails) = behaviour(host, now.since(START).as_millis());
        let work_ms =
            if fails { mean_ms } else { -(1.0 - self.rng.random::<f64>()).ln() * mean_ms };
        let workers = &mut self.free_at[host as usize];
        let worker = workers.iter_mut().min().expect("a host has workers");
        *worker = (*worker).max(now).plus(Nanos((work_ms * 1e6) as u64));
        let (end, latency) = (*worker, worker.since(now));
        let class = if fails { Class::GatewayError } else { Class::Success };
        self.ends.push(Reverse((end, self.calls.len() as u64)));
        self.calls.push(Some((picked.ticket, Outcome::new(class, latency))));
        if counted {
            self.hits[host as usize] += 1;
            self.latencies_ms.push(latency.0 as f64 / 1e6);
        }
    }

    fn end_until(&mut self, now: Nanos) {
        while let Some(Reverse((end, call))) = self.ends.pop() {
            if end > now {
                self.ends.push(Reverse((end, call)));
                return;
            }
            let (ticket, outcome) = self.calls[call as usize].take().expect("a call ends once");
            self.balancer.report(end, ticket, outcome);
        }
    }
}

fn one_slow(host: u32, _: u64) -> (f64, bool) {
    (if host == 4 { 100.0 } else { 10.0 }, false)
}

fn one_failing_fast(host: u32, _: u64) -> (f64, bool) {
    if host == 4 { (0.2, true) } else { (10.0, false) }
}

fn all_slow_for_a_while(_: u32, at_ms: u64) -> (f64, bool) {
    (if (4_000..5_000).contains(&at_ms) { 30.0 } else { 10.0 }, false)
}

fn no_ejection() -> OutlierSettings {
    OutlierSettings {
        consecutive_failures: 0,
        consecutive_gateway_failures: 0,
        success_rate_stdev_millis: 0,
        latency_factor: 0.0,
        ..OutlierSettings::default()
    }
}

#[test]
fn peak_ewma_beats_round_robin_with_a_slow_host() {
    let run = |algorithm| Simulation::new(algorithm, no_ejection()).run(20_000, 1_000.0, one_slow);
    let weighted = run(Algorithm::WeightedRoundRobin);
    let random = run(Algorithm::Random);
    let least = run(Algorithm::LeastRequests);
    let peak = run(Algorithm::PeakEwma);
    assert!(peak.p99_ms * 5.0 < weighted.p99_ms, "{} {}", peak.p99_ms, weighted.p99_ms);
    assert!(peak.p99_ms * 5.0 < random.p99_ms, "{} {}", peak.p99_ms, random.p99_ms);
    assert!(peak.p99_ms < least.p99_ms, "{} {}", peak.p99_ms, least.p99_ms);
    assert!(peak.shares[4] < 0.03, "{}", peak.shares[4]);
}

#[test]
fn a_host_that_fails_fast_attracts_nothing() {
    for outlier in [no_ejection(), OutlierSettings::default()] {
        let simulation = Simulation::new(Algorithm::PeakEwma, outlier);
        let result = simulation.run(20_000, 1_000.0, one_failing_fast);
        assert!(result.shares[4] < 0.02, "{}", result.shares[4]);
    }
    let trap = Simulation::new(Algorithm::LeastRequests, no_ejection());
    let result = trap.run(20_000, 1_000.0, one_failing_fast);
    assert!(result.shares[4] > 0.1, "without the penalty it would: {}", result.shares[4]);
}

#[test]
fn ejection_takes_a_slow_host_out_of_any_algorithm() {
    for algorithm in [Algorithm::WeightedRoundRobin, Algorithm::Random, Algorithm::PeakEwma] {
        let simulation = Simulation::new(algorithm, OutlierSettings::default());
        let result = simulation.run(20_000, 1_000.0, one_slow);
        assert!(result.shares[4] < 0.03, "{algorithm:?}: {}", result.shares[4]);
    }
}

#[test]
fn a_slowdown_of_all_changes_little() {
    let result = Simulation::new(Algorithm::PeakEwma, OutlierSettings::default()).run(
        20_000,
        1_000.0,
        all_slow_for_a_while,
    );
    let (least, most) = result
        .shares
        .iter()
        .fold((1.0_f64, 0.0_f64), |(least, most), share| (least.min(*share), most.max(*share)));
    assert!(least > 0.05 && most < 0.15, "{:?}", result.shares);
}
