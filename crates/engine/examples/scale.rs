//! What a heartbeat and a registration cost through the engine, at a thousand and at a million
//! instances, 1,000 in each service, visited in random order.
//!
//! `cargo run --release -p rialto-engine --example scale` prints nanoseconds for each operation as
//! a door carries it out: with the name of the service as text, the lock, the clock and the answer.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use rialto_catalog::{Command, InstanceSpec, Millis, Protocol, ServiceKey};
use rialto_engine::{Engine, Renewal, SystemClock};
use rialto_telemetry::Telemetry;

const PER_SERVICE: usize = 1_000;
const OPERATIONS: usize = 1_000_000;

#[allow(clippy::print_stdout, reason = "the figures are this program's output")]
fn main() {
    black_box(measure(1_000));
    println!("instances   register   renew");
    let figures = [1_000, 1_000_000].map(|size| {
        let (register, renew) = measure(size);
        println!("{size:>9}   {register:>8.0}   {renew:>5.0}");
        (register, renew)
    });
    let [small, large] = figures;
    println!(" quotient   {:>8.1}   {:>5.1}", large.0 / small.0, large.1 / small.1);
}

fn measure(size: usize) -> (f64, f64) {
    let engine = Engine::in_memory(Arc::new(SystemClock::new()), Telemetry::new());
    let order = order(size);
    let fresh = timed(&order, |service, id| register(&engine, service, id));
    let (mut register_ns, mut renew_ns, mut rounds) = (fresh, 0.0, 0.0);
    while rounds * (size as f64) < OPERATIONS as f64 {
        renew_ns += timed(&order, |service, id| {
            let key = ServiceKey::named(service).expect("a name");
            let renewal = engine.renew(&key, Protocol::Sdk, id);
            assert!(matches!(renewal, Renewal::Renewed(_)));
        });
        rounds += 1.0;
    }
    // Few registrations are too short to time: those that replace count as well.
    for _ in 1..OPERATIONS / size {
        register_ns += timed(&order, |service, id| register(&engine, service, id));
    }
    (register_ns / OPERATIONS as f64, renew_ns / OPERATIONS as f64)
}

fn register(engine: &Engine, service: &str, id: &str) {
    let mut spec = InstanceSpec::new(id, Protocol::Sdk, "10.128.64.32", 8080, Millis(3_600_000));
    spec.metadata = vec![("version".to_owned(), "1.14.2".to_owned())];
    let service = ServiceKey::named(service).expect("a name");
    engine.apply(Command::Register { service, spec }).expect("it is valid");
}

/// Names of services and identifiers, in an order that jumps about but laid out as it is used.
fn order(size: usize) -> Vec<(String, String)> {
    let mut numbers: Vec<usize> = (0..size).collect();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..size).rev() {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        numbers.swap(last, dice as usize % (last + 1));
    }
    let name = |number: usize| {
        let service = format!("service-{:04}", number / PER_SERVICE);
        (service, format!("orders-{number:07}-x2x8p:8080"))
    };
    numbers.into_iter().map(name).collect()
}

fn timed(order: &[(String, String)], act: impl Fn(&str, &str)) -> f64 {
    let start = Instant::now();
    for (service, id) in order {
        act(service, id);
    }
    start.elapsed().as_nanos() as f64
}
