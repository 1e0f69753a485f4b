//! Traffic stays in its zone while that can carry it.

use rialto_balance::{Algorithm, Balancer, Endpoint, Settings};

use crate::{START, call, endpoint, pick, rng};

fn balancer(healthy: impl Fn(u32) -> bool) -> Balancer<u32> {
    let zone = "a".to_owned();
    let algorithm = Algorithm::PeakEwma;
    let mut balancer = Balancer::new(Settings { zone, algorithm, ..Settings::default() }, 1);
    let zoned = |id: u32| {
        let zone = if id < 2 { "a" } else { "b" }.to_owned();
        Endpoint { zone, healthy: healthy(id), ..endpoint(id, 1.0) }
    };
    balancer.update(START, (0..6).map(zoned));
    balancer
}

#[test]
fn the_zones_own_come_first() {
    let mut balancer = balancer(|_| true);
    assert!((0..200).all(|_| call(&mut balancer, START, &mut rng()) < 2));
}

#[test]
fn other_zones_help_when_the_own_is_busy() {
    let mut balancer = balancer(|_| true);
    let mut rng = rng();
    let held: Vec<u32> = (0..120).map(|_| pick(&mut balancer, START, &mut rng).id).collect();
    assert!(held[..16].iter().all(|id| *id < 2), "the first 8 for each stay");
    let near = held.iter().filter(|id| **id < 2).count();
    assert!((55..=65).contains(&near), "then near ones carry twice as much each: {near}");
}

#[test]
fn other_zones_take_over_when_the_own_is_sick() {
    let mut rng = rng();
    let mut half = balancer(|id| id != 0);
    assert!((0..200).all(|_| call(&mut half, START, &mut rng) == 1), "half of the zone is enough");
    let mut gone = balancer(|id| id >= 2);
    assert!((0..200).all(|_| call(&mut gone, START, &mut rng) >= 2));
}

#[test]
fn a_retry_may_leave_the_zone() {
    let mut balancer = balancer(|_| true);
    let request = rialto_balance::Request { hash: None, exclude: &[0, 1] };
    let picked = balancer.pick(START, &request, &mut rng()).expect("zone b is there");
    assert!(picked.id >= 2);
}
