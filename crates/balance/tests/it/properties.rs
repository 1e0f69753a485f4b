//! What must hold whatever happens to the endpoints and the calls.

use proptest::prelude::*;
use rialto_balance::{
    Algorithm, Balancer, Class, Endpoint, Nanos, Outcome, Request, Settings, Ticket, Transition,
};

use crate::{START, endpoint, rng};

#[derive(Debug, Clone)]
enum Step {
    Update(Vec<(u32, u8, bool)>),
    Pick(Option<u32>, Vec<u32>),
    Report(usize, u8, u64),
    Tick,
    Pass(u64),
    Restart(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let listed = (0..8_u32, 0..4_u8, prop::bool::weighted(0.9));
    prop_oneof![
        1 => prop::collection::vec(listed, 0..8).prop_map(Step::Update),
        8 => (any::<Option<u32>>(), prop::collection::vec(0..8_u32, 0..3))
            .prop_map(|(hash, exclude)| Step::Pick(hash, exclude)),
        6 => (0..64_usize, 0..6_u8, 0..900_u64)
            .prop_map(|(call, class, ms)| Step::Report(call, class, ms)),
        2 => Just(Step::Tick),
        2 => (0..900_u64).prop_map(Step::Pass),
        1 => (0..8_u32).prop_map(Step::Restart),
    ]
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(Algorithm::RoundRobin),
        Just(Algorithm::WeightedRoundRobin),
        Just(Algorithm::Random),
        Just(Algorithm::WeightedRandom),
        Just(Algorithm::LeastRequests),
        Just(Algorithm::PeakEwma),
        Just(Algorithm::ConsistentHash),
    ]
}

/// Runs the steps, in less time than it takes to forget who left; returns the choices and
/// transitions for comparison.
fn run(algorithm: Algorithm, steps: &[Step]) -> (Vec<Option<u32>>, Vec<Transition<u32>>) {
    let settings = Settings { algorithm, zone: "a".to_owned(), ..Settings::default() };
    let mut balancer: Balancer<u32> = Balancer::new(settings, 5);
    let (mut rng, mut now) = (rng(), START);
    let mut under_way: Vec<(u32, Ticket)> = Vec::new();
    let mut there: Vec<Endpoint<u32>> = Vec::new();
    let (mut choices, mut transitions) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Update(listed) => {
                there = listed
                    .iter()
                    .map(|listed| {
                        let (id, weight, healthy) = *listed;
                        let zone = if id % 2 == 0 { "a" } else { "b" }.to_owned();
                        Endpoint { zone, healthy, since_ms: 1, ..endpoint(id, f64::from(weight)) }
                    })
                    .collect();
                balancer.update(now, there.clone());
            }
            Step::Pick(hash, exclude) => {
                let picked = balancer.pick(now, &Request { hash: *hash, exclude }, &mut rng);
                choices.push(picked.as_ref().map(|picked| picked.id));
                if let Some(picked) = picked {
                    assert!(!exclude.contains(&picked.id));
                    under_way.push((picked.id, picked.ticket));
                }
            }
            Step::Report(call, class, ms) if !under_way.is_empty() => {
                let (_, ticket) = under_way.swap_remove(call % under_way.len());
                let class = [
                    Class::Success,
                    Class::Throttled,
                    Class::ServerError,
                    Class::GatewayError,
                    Class::Unreachable,
                    Class::Cancelled,
                ][usize::from(*class)];
                balancer.report(now, ticket, Outcome::new(class, Nanos::from_millis(*ms)));
            }
            Step::Report(..) => {}
            Step::Tick => transitions.extend(balancer.tick(now)),
            Step::Pass(ms) => now = now.plus(Nanos::from_millis(*ms)),
            Step::Restart(id) => {
                there.iter_mut().filter(|one| one.id == *id).for_each(|one| one.since_ms += 1);
                balancer.update(now, there.clone());
            }
        }
        check(&balancer, now, &under_way);
    }
    (choices, transitions)
}

/// Counts agree and costs are numbers.
fn check(balancer: &Balancer<u32>, now: Nanos, under_way: &[(u32, Ticket)]) {
    let views = balancer.view(now);
    for view in &views {
        let expected = under_way.iter().filter(|(id, _)| *id == view.id).count();
        assert_eq!(view.in_flight as usize, expected, "{view:?}");
        assert!(view.latency_ms.is_finite() && view.latency_ms >= 0.0, "{view:?}");
        assert!(view.weight.is_finite() && view.weight >= 0.0, "{view:?}");
    }
}

proptest! {
    #[test]
    fn counts_agree_and_every_run_is_repeatable(
        algorithm in algorithm(),
        steps in prop::collection::vec(step(), 0..300),
    ) {
        prop_assert_eq!(run(algorithm, &steps), run(algorithm, &steps));
    }
}
