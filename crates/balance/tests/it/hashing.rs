//! Where keys go, and how many move when endpoints change.

use rialto_balance::{Algorithm, Balancer, Endpoint, Request, Settings, crc32};

use crate::{START, balancer, endpoint, rng};

const KEYS: u32 = 20_000;

fn settings(hash_balance_percent: u32) -> Settings {
    let algorithm = Algorithm::ConsistentHash;
    Settings { algorithm, hash_balance_percent, ..Settings::default() }
}

fn place(balancer: &mut Balancer<u32>, key: &str) -> u32 {
    let request = Request { hash: Some(crc32(key.as_bytes())), exclude: &[] };
    let picked = balancer.pick(START, &request, &mut rng()).expect("there is an endpoint");
    let outcome =
        rialto_balance::Outcome::new(rialto_balance::Class::Cancelled, Default::default());
    balancer.report(START, picked.ticket, outcome);
    picked.id
}

fn places(balancer: &mut Balancer<u32>) -> Vec<u32> {
    (0..KEYS).map(|key| place(balancer, &format!("user-{key}"))).collect()
}

#[test]
fn keys_go_where_nginx_sends_them() {
    let mut balancer: Balancer<u32> = Balancer::new(settings(0), 1);
    let weights = [(19_101, 1.0), (19_102, 1.0), (19_103, 3.0), (19_104, 1.0), (19_105, 2.0)];
    balancer.update(
        START,
        weights.map(|(port, weight)| Endpoint {
            weight,
            ..Endpoint::new(port, format!("127.0.0.1:{port}"))
        }),
    );
    let golden = include_str!("../vectors/nginx-ketama.csv");
    let mut checked = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let (key, port) = line.split_once(',').expect("two columns");
        assert_eq!(place(&mut balancer, key).to_string(), port, "{key}");
        checked += 1;
    }
    assert_eq!(checked, 100);
}

#[test]
fn few_keys_move_when_an_endpoint_leaves_and_all_come_back() {
    let mut balancer = balancer(settings(0), &[1.0; 10]);
    let before = places(&mut balancer);
    balancer.update(START, (0..10).filter(|id| *id != 3).map(|id| endpoint(id, 1.0)));
    let after = places(&mut balancer);
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert_eq!(moved, before.iter().filter(|place| **place == 3).count(), "only its own keys move");
    assert!(f64::from(KEYS) * (0.1 + 0.05) > moved as f64, "{moved} of {KEYS}");
    balancer.update(START, (0..10).rev().map(|id| endpoint(id, 1.0)));
    assert_eq!(places(&mut balancer), before);
}

#[test]
fn shares_are_near_the_weights() {
    let mut balancer = balancer(settings(0), &[1.0, 1.0, 2.0, 1.0]);
    let places = places(&mut balancer);
    for (id, expected) in [(0, 0.2), (1, 0.2), (2, 0.4), (3, 0.2)] {
        let found = places.iter().filter(|place| **place == id).count() as f64 / f64::from(KEYS);
        assert!((found / expected - 1.0).abs() < 0.25, "{id}: {found}");
    }
}

#[test]
fn a_popular_key_spills_to_the_same_next_endpoints() {
    let mut balancer = balancer(settings(150), &[1.0; 4]);
    let request = Request { hash: Some(crc32(b"popular")), exclude: &[] };
    let mut counts = [0; 4];
    for _ in 0..400 {
        let picked = balancer.pick(START, &request, &mut rng()).expect("four endpoints");
        counts[picked.id as usize] += 1;
    }
    let most = counts.iter().max().expect("four endpoints");
    assert!(*most <= 151, "at most 150 % of the fair share: {counts:?}");
    assert!(counts.iter().filter(|count| **count == 0).count() <= 1, "{counts:?}");
}

#[test]
fn without_a_key_the_choice_is_random() {
    let mut balancer = balancer(settings(150), &[1.0; 3]);
    let counts = crate::shares(&mut balancer, 3_000, &mut rng());
    crate::assert_shares(&counts, &[1.0; 3]);
}
