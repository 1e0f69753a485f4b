//! What a pick and its report cost, by algorithm and number of endpoints.

use divan::{Bencher, black_box};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rialto_balance::{Algorithm, Balancer, Class, Endpoint, Nanos, Outcome, Request, Settings};

fn main() {
    divan::main();
}

const HOSTS: [u32; 3] = [2, 10, 1_000];

fn pick_and_report(bencher: Bencher<'_, '_>, algorithm: Algorithm, hosts: u32, weight: f64) {
    let settings = Settings { algorithm, ..Settings::default() };
    let mut balancer = Balancer::new(settings, 1);
    balancer.update(
        Nanos(0),
        (0..hosts).map(|id| {
            let weight = if id == 0 { weight } else { 1.0 };
            Endpoint { weight, ..Endpoint::new(id, format!("10.0.{}.{}:80", id >> 8, id & 255)) }
        }),
    );
    let mut rng = SmallRng::seed_from_u64(3);
    let mut now = Nanos(0);
    bencher.bench_local(|| {
        now = now.plus(Nanos(1_000));
        let request = Request { hash: Some(now.0 as u32), exclude: &[] };
        let picked = balancer.pick(black_box(now), &request, &mut rng).expect("hosts are fit");
        let outcome = Outcome::new(Class::Success, Nanos(2_000_000));
        balancer.report(now, picked.ticket, outcome);
        picked.id
    });
}

#[divan::bench(args = HOSTS)]
fn round_robin(bencher: Bencher<'_, '_>, hosts: u32) {
    pick_and_report(bencher, Algorithm::RoundRobin, hosts, 1.0);
}

#[divan::bench(args = HOSTS)]
fn weighted_round_robin(bencher: Bencher<'_, '_>, hosts: u32) {
    pick_and_report(bencher, Algorithm::WeightedRoundRobin, hosts, 2.0);
}

#[divan::bench(args = HOSTS)]
fn weighted_random(bencher: Bencher<'_, '_>, hosts: u32) {
    pick_and_report(bencher, Algorithm::WeightedRandom, hosts, 2.0);
}

#[divan::bench(args = HOSTS)]
fn least_requests(bencher: Bencher<'_, '_>, hosts: u32) {
    pick_and_report(bencher, Algorithm::LeastRequests, hosts, 1.0);
}

#[divan::bench(args = HOSTS)]
fn peak_ewma(bencher: Bencher<'_, '_>, hosts: u32) {
    pick_and_report(bencher, Algorithm::PeakEwma, hosts, 1.0);
}

#[divan::bench(args = HOSTS)]
fn consistent_hash(bencher: Bencher<'_, '_>, hosts: u32) {
    pick_and_report(bencher, Algorithm::ConsistentHash, hosts, 1.0);
}
