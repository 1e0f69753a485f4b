//! What an instance costs in time and memory at a thousand, a hundred thousand and a million.
//!
//! `cargo run --release -p rialto-catalog --example scale` prints nanoseconds for each operation,
//! with instances visited in random order, and the memory that the process holds. The quotient at
//! the end is the cost at a million over the cost at a thousand.

use std::hint::black_box;
use std::time::Instant;

use rialto_catalog::limits::EVENTS_MAX;
use rialto_catalog::{
    Command, InstanceSpec, Millis, Policy, Protocol, ServiceKey, State, Timestamp,
};

const START: Timestamp = Timestamp(1_764_000_000_000);
const TTL: Millis = Millis(30_000);
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Each figure is taken over at least so many operations.
const OPERATIONS_MIN: usize = 400_000;

/// Nanoseconds for each operation.
#[derive(Debug, Clone, Copy, Default)]
struct Costs {
    register: f64,
    renew: f64,
    deregister: f64,
    expire: f64,
    bytes: f64,
}

/// Instances of one run, in an order that jumps about.
struct Plan {
    services: Vec<ServiceKey>,
    order: Vec<(usize, String)>,
}

#[allow(clippy::print_stdout, reason = "the figures are this program's output")]
fn main() {
    // The first use of the allocator and the processor's full clock belong to no figure.
    black_box(measure(1_000, 1_000));
    for (title, per_service) in
        [("1,000 in each service", 1_000), ("all in one service", usize::MAX)]
    {
        println!("{title}");
        println!("instances   register   renew   deregister   expire   bytes each   resident");
        let mut all = Vec::new();
        for size in SIZES {
            let costs = measure(size, per_service.min(size));
            println!(
                "{size:>9}   {:>8.0}   {:>5.0}   {:>10.0}   {:>6.0}   {:>10.0}   {:>5} MB",
                costs.register,
                costs.renew,
                costs.deregister,
                costs.expire,
                costs.bytes,
                resident_bytes() / 1_000_000,
            );
            all.push(costs);
        }
        let (small, large) = (all[0], all[2]);
        println!(
            " quotient   {:>8.1}   {:>5.1}   {:>10.1}   {:>6.1}",
            large.register / small.register,
            large.renew / small.renew,
            large.deregister / small.deregister,
            large.expire / small.expire,
        );
    }
}

fn measure(size: usize, per_service: usize) -> Costs {
    let plan = Plan::new(size, per_service);
    let mut policy = Policy::default();
    policy.exact.protection = false;
    let mut state = State::new(policy);
    // A catalog that has run for a while keeps as many events as it may, at any size.
    let mut bytes: f64 = 0.0;
    for _ in 0..EVENTS_MAX.div_ceil(size) {
        bytes = bytes.max(plan.run(&mut state).bytes);
    }
    let rounds = OPERATIONS_MIN.div_ceil(size);
    let mut sum = Costs::default();
    for _ in 0..rounds {
        let costs = plan.run(&mut state);
        sum.register += costs.register;
        sum.renew += costs.renew;
        sum.deregister += costs.deregister;
        sum.expire += costs.expire;
    }
    let operations = (rounds * size) as f64;
    Costs {
        register: sum.register / operations,
        renew: sum.renew / operations,
        deregister: sum.deregister / operations,
        expire: sum.expire / operations,
        bytes: bytes / size as f64,
    }
}

impl Plan {
    fn new(size: usize, per_service: usize) -> Self {
        let services = (0..size.div_ceil(per_service))
            .map(|number| ServiceKey::named(&format!("service-{number:04}")).expect("a name"))
            .collect();
        let mut order: Vec<_> = (0..size)
            .map(|number| (number / per_service, format!("orders-{number:07}-x2x8p:8080")))
            .collect();
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
        for last in (1..size).rev() {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            order.swap(last, dice as usize % (last + 1));
        }
        // Identifiers come from the network and are in the cache when they are used: lay them out
        // in the order of use, so that the plan itself costs nothing.
        let order = order.iter().map(|(service, id)| (*service, id.as_str().into())).collect();
        Self { services, order }
    }

    /// Costs of one pass in nanoseconds, not yet divided.
    fn run(&self, state: &mut State) -> Costs {
        let now = START.plus(Millis(state.revision().0 * 10_000));
        let before = resident_bytes();
        let register = self.register(state, now);
        let bytes = resident_bytes().saturating_sub(before) as f64;
        let renew = timed(|| {
            for (service, id) in &self.order {
                let key = &self.services[*service];
                black_box(state.renew(now, key, Protocol::Sdk, id).is_some());
            }
        });
        let mut deregister = 0.0;
        for portion in self.order.chunks(1_000) {
            let commands: Vec<_> = portion.iter().map(|one| self.deregistration(one)).collect();
            deregister += timed(|| {
                for command in commands {
                    state.apply(now, command).expect("it is there");
                }
            });
        }
        self.register(state, now);
        let expire = timed(|| while state.tick(now.plus(Millis(TTL.0 + 1_000))) {});
        assert_eq!(state.instances_len(), 0);
        Costs { register, renew, deregister, expire, bytes }
    }

    fn register(&self, state: &mut State, at: Timestamp) -> f64 {
        let mut total = 0.0;
        // Commands are made outside of the measured time, in portions so that they need no memory.
        for portion in self.order.chunks(1_000) {
            let commands: Vec<_> = portion.iter().map(|one| self.registration(one)).collect();
            total += timed(|| {
                for command in commands {
                    state.apply(at, command).expect("it is valid");
                }
            });
        }
        total
    }

    fn registration(&self, (service, id): &(usize, String)) -> Command {
        let mut spec = InstanceSpec::new(id, Protocol::Sdk, "10.128.64.32", 8080, TTL);
        spec.metadata = vec![
            ("version".to_owned(), "1.14.2".to_owned()),
            ("team".to_owned(), "fulfilment".to_owned()),
        ];
        Command::Register { service: self.services[*service].clone(), spec }
    }

    fn deregistration(&self, (service, id): &(usize, String)) -> Command {
        let (service, protocol) = (self.services[*service].clone(), Protocol::Sdk);
        Command::Deregister { service, protocol, id: id.clone() }
    }
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64
}

/// Memory of this process that is in main memory; 0 where the system does not tell.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize =
        text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4_096
}
