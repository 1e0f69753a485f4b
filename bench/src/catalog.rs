//! The catalog at a thousand and at a million instances: what one operation costs, and memory.
//!
//! No peer here: the question is whether a registration costs the same when the catalog is full.

use std::time::{Duration, Instant};

use rialto_catalog::{
    Command, ExactPolicy, InstanceSpec, Millis, Policy, Protocol, ServiceKey, State, Timestamp,
};

use crate::effort::Effort;
use crate::error::Error;
use crate::report::{Bound, Report, Table};

/// Instances of one service.
const SERVICE_INSTANCES: usize = 100;

/// Lease of the instances that stay.
const LONG: Millis = Millis::from_secs(12 * 60 * 60);

/// Lease of the instances that come and go.
const SHORT: Millis = Millis::from_secs(10);

/// Instances that come and go in one batch.
const BATCH: usize = 500;

/// Renewals are spread over so many instances.
const RENEWED_MAX: usize = 100_000;

/// Measures both sizes.
pub(crate) fn run(effort: &Effort, report: &mut Report) -> Result<(), Error> {
    let [few, many] = effort.catalog;
    // The large one first: memory that was freed before would not show.
    let large = Costs::measure(many, effort);
    let small = Costs::measure(few, effort);
    let mut table =
        Table::new("Catalog", &[&format!("{many} instances"), &format!("{few} instances")]);
    for (what, cost) in [
        ("register", Costs::register as fn(&Costs) -> f64),
        ("renew", Costs::renew),
        ("expire", Costs::expire),
    ] {
        table.less(what, "ns", &[Some(cost(&large)), Some(cost(&small))]);
        table.goal_ratio(effort.judges, Bound::AtMost(3.0));
    }
    table.less("memory", "MB", &[large.memory_mb, None]);
    table.goal_value(effort.judges, Bound::AtMost(500.0));
    report.add(table);
    Ok(())
}

/// Nanoseconds of one operation at one size.
struct Costs {
    register_ns: f64,
    renew_ns: f64,
    expire_ns: f64,
    memory_mb: Option<f64>,
}

impl Costs {
    fn measure(instances: usize, effort: &Effort) -> Self {
        let before = resident_kib();
        let mut catalog = Catalog::filled(instances);
        let memory_mb = resident_kib().zip(before).map(|(after, before)| mb(after, before));
        let time = Duration::from_secs(effort.seconds.min(3));
        let renew_ns = catalog.renew(instances, time);
        let (register_ns, expire_ns) = catalog.come_and_go(time);
        Self { register_ns, renew_ns, expire_ns, memory_mb }
    }

    fn register(&self) -> f64 {
        self.register_ns
    }

    fn renew(&self) -> f64 {
        self.renew_ns
    }

    fn expire(&self) -> f64 {
        self.expire_ns
    }
}

/// A catalog and its time.
struct Catalog {
    state: State,
    now: Timestamp,
}

impl Catalog {
    fn filled(instances: usize) -> Self {
        // A batch that ends at once is what self-preservation is there to hold back.
        let exact = ExactPolicy { protection: false, ..ExactPolicy::default() };
        let state = State::new(Policy { exact, ..Policy::default() });
        let mut catalog = Self { state, now: Timestamp(1_000) };
        for index in 0..instances {
            catalog.register(&service(index), spec(index, LONG));
        }
        catalog
    }

    fn register(&mut self, service: &ServiceKey, spec: InstanceSpec) {
        let command = Command::Register { service: service.clone(), spec };
        self.state.apply(self.now, command).expect("within every limit of the catalog");
    }

    fn renew(&mut self, instances: usize, time: Duration) -> f64 {
        let count = instances.min(RENEWED_MAX);
        // A stride that meets every part of the catalog, in no order that a cache could foresee.
        let stride = 7_919;
        let services: Vec<ServiceKey> =
            (0..instances).step_by(SERVICE_INSTANCES).map(service).collect();
        // Identifiers lie in the order of their use: those of a request are in the cache.
        let known: Vec<(usize, String)> = (0..count)
            .map(|n| n * stride % instances)
            .map(|index| (index / SERVICE_INSTANCES, id(index)))
            .collect();
        let mut renewed = 0_u64;
        let begin = Instant::now();
        while begin.elapsed() < time {
            for (service, id) in &known {
                let service = &services[*service];
                let found = self.state.renew(self.now, service, Protocol::Sdk, id);
                assert!(found.is_some(), "a registered instance can be renewed");
            }
            renewed += known.len() as u64;
        }
        nanos_each(begin.elapsed(), renewed)
    }

    /// Registers batches and lets them expire; gives what each of the two costs.
    fn come_and_go(&mut self, time: Duration) -> (f64, f64) {
        let visitors = ServiceKey::named("visitors").expect("a valid name");
        let (mut coming, mut going) = (Duration::ZERO, Duration::ZERO);
        let mut count = 0_u64;
        let before = self.state.revision();
        while coming + going < time {
            let specs: Vec<InstanceSpec> = (0..BATCH).map(|index| spec(index, SHORT)).collect();
            let begin = Instant::now();
            for spec in specs {
                self.register(&visitors, spec);
            }
            coming += begin.elapsed();
            let begin = Instant::now();
            // Ticks as the engine has them, so that the wheel turns as it would.
            for _ in 0..=SHORT.0 / 100 {
                self.now = Timestamp(self.now.0 + 100);
                while self.state.tick(self.now) {}
            }
            going += begin.elapsed();
            count += BATCH as u64;
        }
        let changes = self.state.revision().0 - before.0;
        assert!(changes >= 2 * count, "every visitor came and went");
        (nanos_each(coming, count), nanos_each(going, count))
    }
}

fn service(index: usize) -> ServiceKey {
    ServiceKey::named(&format!("service-{}", index / SERVICE_INSTANCES)).expect("a valid name")
}

fn id(index: usize) -> String {
    format!("10.{}.{}.{}:8080", index >> 16, (index >> 8) & 255, index & 255)
}

fn spec(index: usize, ttl: Millis) -> InstanceSpec {
    let id = id(index);
    let host = id.trim_end_matches(":8080").to_owned();
    let mut spec = InstanceSpec::new(&id, Protocol::Sdk, &host, 8_080, ttl);
    spec.zone = format!("zone-{}", index % 3);
    spec.metadata = vec![("version".to_owned(), "1.4.2".to_owned())];
    spec
}

fn resident_kib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn mb(after_kib: f64, before_kib: f64) -> f64 {
    (after_kib - before_kib) / 1_024.0
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn nanos_each(time: Duration, count: u64) -> f64 {
    time.as_nanos() as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_expire_and_the_others_stay() {
        let mut catalog = Catalog::filled(250);
        let (register, expire) = catalog.come_and_go(Duration::from_millis(1));
        assert!(register > 0.0 && expire > 0.0);
        assert!(catalog.renew(250, Duration::from_millis(1)) > 0.0);
    }
}
