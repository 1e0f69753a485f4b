//! Which endpoint each algorithm chooses, and how often.

use rialto_balance::{Algorithm, Balancer, Class, Nanos, Outcome, Request, Settings};

use crate::{START, assert_shares, balancer, call, pick, rng, settings, shares};

const CALLS: usize = 20_000;

fn sequence(balancer: &mut Balancer<u32>, calls: usize) -> Vec<u32> {
    let mut rng = rng();
    (0..calls).map(|_| call(balancer, START, &mut rng)).collect()
}

#[test]
fn round_robin_takes_turns_from_a_random_start() {
    let mut balancer = balancer(settings(Algorithm::RoundRobin), &[1.0, 9.0, 1.0]);
    let found = sequence(&mut balancer, 7);
    let expected: Vec<u32> = (0..7).map(|turn| (found[0] + turn) % 3).collect();
    assert_eq!(found, expected);
}

#[test]
fn smooth_weighted_round_robin_is_nginxs() {
    for (weights, expected) in [
        (&[5.0, 1.0, 1.0][..], &[0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0][..]),
        (&[1.0, 1.0], &[0, 1, 0, 1]),
        (&[3.0, 2.0], &[0, 1, 0, 1, 0, 0, 1, 0, 1, 0]),
        (&[4.0, 2.0, 1.0], &[0, 1, 0, 2, 0, 1, 0]),
    ] {
        let mut balancer = balancer(settings(Algorithm::WeightedRoundRobin), weights);
        assert_eq!(sequence(&mut balancer, expected.len()), expected, "{weights:?}");
    }
}

#[test]
fn weighted_round_robin_keeps_the_shares_of_many() {
    let weights: Vec<f64> = (0..100).map(|id| f64::from(id % 4 + 1)).collect();
    let mut balancer = balancer(settings(Algorithm::WeightedRoundRobin), &weights);
    let counts = shares(&mut balancer, 25_000, &mut rng());
    for (count, weight) in counts.iter().zip(&weights) {
        assert!((f64::from(*count) - 100.0 * weight).abs() <= 2.0, "{count} for {weight}");
    }
    let most: Vec<u32> = (0..99).collect();
    for _ in 0..3 {
        let request = Request { hash: None, exclude: &most };
        let picked = balancer.pick(START, &request, &mut rng()).expect("one is left");
        assert_eq!(picked.id, 99);
        balancer.report(START, picked.ticket, Outcome::new(Class::Success, Nanos(1)));
    }
    assert_eq!(
        shares(&mut balancer, 250, &mut rng()).iter().filter(|count| **count > 0).count(),
        100
    );
}

#[test]
fn random_choices_are_even() {
    let weights = [1.0, 5.0, 1.0, 1.0, 0.5];
    let mut balancer = balancer(settings(Algorithm::Random), &weights);
    assert_shares(&shares(&mut balancer, CALLS, &mut rng()), &[1.0; 5]);
}

#[test]
fn weighted_random_choices_follow_the_weights() {
    let weights = [1.0, 5.0, 0.0, 2.5, 0.5];
    let mut balancer = balancer(settings(Algorithm::WeightedRandom), &weights);
    let mut counts = shares(&mut balancer, CALLS, &mut rng());
    assert_eq!(counts.remove(2), 0, "weight 0 gets nothing");
    assert_shares(&counts, &[1.0, 5.0, 2.5, 0.5]);
}

#[test]
fn two_choices_are_even_when_the_load_is() {
    for algorithm in [Algorithm::LeastRequests, Algorithm::PeakEwma] {
        let settings = Settings { ewma_initial_ms: 10, ..settings(algorithm) };
        let mut balancer = balancer(settings, &[1.0; 5]);
        assert_shares(&shares(&mut balancer, CALLS, &mut rng()), &[1.0; 5]);
    }
}

#[test]
fn least_requests_avoids_the_busy() {
    let mut balancer = balancer(settings(Algorithm::LeastRequests), &[1.0, 1.0]);
    let mut rng = rng();
    let held: Vec<_> = (0..10).map(|_| pick(&mut balancer, START, &mut rng)).collect();
    let first = held.iter().filter(|picked| picked.id == 0).count();
    assert_eq!(first, 5, "two endpoints are always compared with each other");
}

#[test]
fn least_requests_counts_calls_for_the_weight() {
    let mut balancer = balancer(settings(Algorithm::LeastRequests), &[3.0, 1.0]);
    let mut rng = rng();
    let held: Vec<_> = (0..40).map(|_| pick(&mut balancer, START, &mut rng)).collect();
    assert_eq!(held.iter().filter(|picked| picked.id == 0).count(), 30);
    let idle: Vec<u32> = held
        .into_iter()
        .map(|picked| {
            let id = picked.id;
            balancer.report(START, picked.ticket, Outcome::new(Class::Success, Nanos(1)));
            id
        })
        .collect();
    assert_eq!(idle.len(), 40);
    let counts = shares(&mut balancer, 40, &mut rng);
    assert_eq!(counts, [30, 10], "ties are broken in proportion to the weights");
}

#[test]
fn peak_ewma_follows_weights_and_avoids_the_slow() {
    let settings = Settings { ewma_initial_ms: 10, ..settings(Algorithm::PeakEwma) };
    let mut weighted = balancer(settings.clone(), &[2.0, 1.0]);
    let mut rng = rng();
    let held: Vec<_> = (0..30).map(|_| pick(&mut weighted, START, &mut rng)).collect();
    assert_eq!(held.iter().filter(|picked| picked.id == 0).count(), 20);

    let mut balancer = balancer(settings, &[1.0, 1.0, 1.0]);
    for step in 0..300 {
        let now = Nanos(START.0 + step * 1_000_000);
        let picked = pick(&mut balancer, now, &mut rng);
        let ms = if picked.id == 1 { 200 } else { 5 };
        balancer.report(now, picked.ticket, Outcome::new(Class::Success, Nanos::from_millis(ms)));
    }
    let now = Nanos(START.0 + 300_000_000);
    let to_slow = (0..300).filter(|_| call(&mut balancer, now, &mut rng) == 1).count();
    assert_eq!(to_slow, 0);
}

#[test]
fn what_is_excluded_is_not_chosen() {
    for algorithm in [
        Algorithm::RoundRobin,
        Algorithm::WeightedRoundRobin,
        Algorithm::Random,
        Algorithm::WeightedRandom,
        Algorithm::LeastRequests,
        Algorithm::PeakEwma,
        Algorithm::ConsistentHash,
    ] {
        let mut balancer = balancer(settings(algorithm), &[100.0, 1.0, 1.0]);
        let mut rng = rng();
        let mut counts = [0; 3];
        for hash in 0..200_u32 {
            let hash = Some(hash.wrapping_mul(0x9e37_79b9));
            let request = Request { hash, exclude: &[0] };
            let picked = balancer.pick(START, &request, &mut rng).expect("two are left");
            counts[picked.id as usize] += 1;
            balancer.report(START, picked.ticket, Outcome::new(Class::Success, Nanos(1)));
        }
        assert_eq!(counts[0], 0, "{algorithm:?}");
        assert!(counts[1] > 20 && counts[2] > 20, "{algorithm:?}: {counts:?}");
        let all = Request { hash: Some(1), exclude: &[2, 0, 1] };
        assert!(balancer.pick(START, &all, &mut rng).is_none(), "{algorithm:?}");
    }
}

#[test]
fn one_or_no_endpoint() {
    for algorithm in [Algorithm::RoundRobin, Algorithm::PeakEwma, Algorithm::ConsistentHash] {
        let mut single = balancer(settings(algorithm), &[1.0]);
        assert_eq!(call(&mut single, START, &mut rng()), 0);
        let mut none = balancer(settings(algorithm), &[]);
        assert!(none.is_empty());
        assert!(none.pick(START, &Request::default(), &mut rng()).is_none());
        let mut drained = balancer(settings(algorithm), &[0.0, 0.0]);
        assert!(drained.pick(START, &Request::default(), &mut rng()).is_none());
    }
}

#[test]
fn settings_are_checked_and_named() {
    assert_eq!(Settings::default().check(), Ok(()));
    let wrong = Settings { hash_balance_percent: 99, ..Settings::default() };
    assert_eq!(wrong.check().expect_err("below 100").setting, "hash_balance_percent");
    let wrong = Settings { zone_spill_factor: f64::NAN, ..Settings::default() };
    assert_eq!(wrong.check().expect_err("no number").setting, "zone_spill_factor");
}
