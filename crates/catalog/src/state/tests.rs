//! Behaviour of the state machine, by theme.

use super::*;
use crate::command::{Command, Outcome, Refused};
use crate::spec::InstanceSpec;

mod commands;
mod leases;
mod netflix;
mod properties;
mod watching;

const TTL: Millis = Millis(30_000);
const START: Timestamp = Timestamp(1_764_000_000_000);

fn key(name: &str) -> ServiceKey {
    ServiceKey::named(name).unwrap()
}

fn spec(id: &str) -> InstanceSpec {
    InstanceSpec::new(id, Protocol::Sdk, "10.0.0.1", 8080, TTL)
}

fn eureka(id: &str) -> InstanceSpec {
    InstanceSpec { protocol: Protocol::Eureka, ..spec(id) }
}

fn register(
    state: &mut State,
    at: Timestamp,
    service: &str,
    spec: InstanceSpec,
) -> Result<Outcome, Refused> {
    state.apply(at, Command::Register { service: key(service), spec })
}

fn leave(state: &mut State, at: Timestamp, service: &str, id: &str) -> Outcome {
    let protocol = Protocol::Sdk;
    let command = Command::Deregister { service: key(service), protocol, id: id.to_owned() };
    state.apply(at, command).unwrap()
}

/// Lets time pass in steps of a tick, renewing in each step what `renews` picks.
fn run(
    state: &mut State,
    from: Timestamp,
    millis: u64,
    renews: impl Fn(u64, &str) -> bool,
) -> Timestamp {
    let mut now = from;
    for step in 0..millis / 100 {
        now = now.plus(Millis(100));
        let all: Vec<_> = state
            .services()
            .flat_map(|one| {
                one.instances()
                    .iter()
                    .map(|i| (one.key().clone(), Arc::clone(i)))
                    .collect::<Vec<_>>()
            })
            .collect();
        for (service, instance) in all {
            if renews(step, instance.id()) {
                state.renew(now, &service, instance.protocol(), instance.id());
            }
        }
        while state.tick(now) {}
    }
    now
}

impl State {
    /// Whether nothing is left of anything, in any index.
    fn is_vacant(&self) -> bool {
        let wheel = self.wheel.len();
        let overdue = self.netflix.as_ref().map_or(0, |netflix| netflix.overdue.len());
        let counts = [self.instances, self.services_len(), self.documents.len(), wheel, overdue];
        counts == [0; 5]
            && self.documents_len == [0; DocumentKind::ALL.len()]
            && self.ids.is_empty()
            && self.directory.is_vacant()
    }
}
