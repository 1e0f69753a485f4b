//! The balancer as its users see it.

mod algorithms;
mod ejection;
mod hashing;
mod membership;
mod properties;
mod simulation;
mod zones;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rialto_balance::{
    Algorithm, Balancer, Class, Endpoint, Nanos, Outcome, Picked, Request, Settings,
};

/// Everything starts here, so that "0" never means "never".
const START: Nanos = Nanos::from_secs(1_000);

fn rng() -> SmallRng {
    SmallRng::seed_from_u64(7)
}

fn settings(algorithm: Algorithm) -> Settings {
    Settings { algorithm, ..Settings::default() }
}

fn endpoint(id: u32, weight: f64) -> Endpoint<u32> {
    Endpoint { weight, ..Endpoint::new(id, format!("10.0.0.{id}:80")) }
}

/// A balancer over endpoints 0, 1, … of the given weights.
fn balancer(settings: Settings, weights: &[f64]) -> Balancer<u32> {
    let mut balancer = Balancer::new(settings, 1);
    balancer.update(START, (0..).zip(weights).map(|(id, weight)| endpoint(id, *weight)));
    balancer
}

fn pick(balancer: &mut Balancer<u32>, now: Nanos, rng: &mut SmallRng) -> Picked<u32> {
    balancer.pick(now, &Request::default(), rng).expect("there is an endpoint")
}

/// Picks, and reports a success after 10 ms.
fn call(balancer: &mut Balancer<u32>, now: Nanos, rng: &mut SmallRng) -> u32 {
    let picked = pick(balancer, now, rng);
    let outcome = Outcome::new(Class::Success, Nanos::from_millis(10));
    balancer.report(now, picked.ticket, outcome);
    picked.id
}

/// How often each endpoint is called, of so many calls.
fn shares(balancer: &mut Balancer<u32>, calls: usize, rng: &mut SmallRng) -> Vec<u32> {
    let mut shares = vec![0; balancer.len()];
    for _ in 0..calls {
        shares[call(balancer, START, rng) as usize] += 1;
    }
    shares
}

/// Asserts that counts fit weights: chi-square at the 0.1 % level, for up to six degrees of
/// freedom.
#[track_caller]
fn assert_shares(counts: &[u32], weights: &[f64]) {
    const CRITICAL: [f64; 7] = [0.0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46];
    let calls: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let total: f64 = weights.iter().sum();
    let chi_square: f64 = (counts.iter().zip(weights))
        .map(|(count, weight)| (f64::from(*count), calls * weight / total))
        .map(|(found, expected)| (found - expected).powi(2) / expected)
        .sum();
    let critical = CRITICAL[counts.len() - 1];
    assert!(chi_square < critical, "{counts:?} for {weights:?}: {chi_square} ≥ {critical}");
}
