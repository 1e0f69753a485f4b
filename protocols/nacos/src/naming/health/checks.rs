//! Which instance is checked when, and what results mean. Pure: the time comes in.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use rialto_catalog::{
    Change, Event, Instance, Millis, Promise, Protocol, ServiceKey, State, Timestamp,
};

use super::super::words::Checker;
use crate::map::{Payload, cluster_of};

/// From the beginning to the first check, at least; a share of [`FIRST_SPREAD_MS`] is added, so
/// that not all are checked at once.
const FIRST_MS: u64 = 2_000;
const FIRST_SPREAD_MS: u64 = 5_000;
/// From one look at an instance that is not checked to the next.
const SKIPPED_MS: u64 = 5_000;

/// All checks.
#[derive(Default)]
pub(in super::super) struct Checks {
    by_number: HashMap<u64, Check>,
    numbers: HashMap<(ServiceKey, Box<str>), u64>,
    due: BinaryHeap<Reverse<(Timestamp, u64)>>,
    last_number: u64,
}

struct Check {
    service: ServiceKey,
    id: Box<str>,
    host: Box<str>,
    port: u16,
    cluster: Box<str>,
    healthy: bool,
    /// Equal results in a row that say otherwise.
    against: u32,
    /// Time from one check to the next: follows how long they take.
    rest: Millis,
}

/// A check to be made now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) number: u64,
    pub(super) service: ServiceKey,
    pub(super) host: Box<str>,
    pub(super) port: u16,
    pub(super) cluster: Box<str>,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Works,
    /// It does not, this time.
    Fails,
    /// It certainly does not: nothing listens.
    Refuses,
}

/// How often a kind of check is made (Nacos's `HealthParams`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    pub(super) least: Millis,
    pub(super) most: Millis,
    /// How much of the last rest stays.
    inertia: f64,
}

/// A health that changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flip {
    pub(super) service: ServiceKey,
    pub(super) id: Box<str>,
    pub(super) healthy: bool,
}

impl Pace {
    /// `None` when nothing is checked.
    pub(super) const fn of(checker: &Checker) -> Option<Self> {
        let (least, most, inertia) = match checker {
            Checker::Tcp => (1_000, 5_000, 0.75),
            Checker::Http { .. } => (500, 5_000, 0.85),
            Checker::Mysql { .. } => (2_000, 3_000, 0.65),
            Checker::None => return None,
        };
        Some(Self { least: Millis(least), most: Millis(most), inertia })
    }
}

impl Checks {
    /// Those of the instances that are there.
    pub(in super::super) fn load(state: &State, now: Timestamp) -> Self {
        let mut checks = Self::default();
        checks.reload(state, now);
        checks
    }

    /// Any instance may have come or gone.
    pub(in super::super) fn reload(&mut self, state: &State, now: Timestamp) {
        let gone: Vec<_> = self
            .numbers
            .keys()
            .filter(|(service, id)| state.instance(service, Protocol::Nacos, id).is_none())
            .cloned()
            .collect();
        gone.iter().for_each(|(service, id)| self.remove(service, id));
        for service in state.services() {
            if service.count_agreed(Protocol::Nacos) > 0 {
                service.instances().iter().for_each(|one| self.put(service.key(), one, now));
            }
        }
    }

    /// Instances came, changed and went.
    pub(in super::super) fn follow(&mut self, events: &[Event], now: Timestamp) {
        for event in events {
            match &event.change {
                Change::Registered { service, instance }
                | Change::Updated { service, instance, .. } => self.put(service, instance, now),
                Change::Deregistered { service, instance } if is_checked(instance) => {
                    self.remove(service, instance.id());
                }
                _ => {}
            }
        }
    }

    /// What is to be checked now. Each is due again only after its result.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Due> {
        let mut found = Vec::new();
        while let Some(&Reverse((at, number))) = self.due.peek()
            && at <= now
        {
            self.due.pop();
            let Some(check) = self.by_number.get(&number) else { continue };
            found.push(Due {
                number,
                service: check.service.clone(),
                host: check.host.clone(),
                port: check.port,
                cluster: check.cluster.clone(),
            });
        }
        found
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// An instance is not checked at present.
    pub(super) fn skip(&mut self, number: u64, now: Timestamp) {
        if self.by_number.contains_key(&number) {
            self.due.push(Reverse((now.plus(Millis(SKIPPED_MS)), number)));
        }
    }

    /// A result: after `times` equal ones in a row, or one that leaves no doubt, health changes.
    pub(super) fn done(
        &mut self,
        number: u64,
        verdict: Verdict,
        (took, pace): (Millis, Pace),
        times: u32,
        now: Timestamp,
    ) -> Option<Flip> {
        let check = self.by_number.get_mut(&number)?;
        let rest = pace.inertia * check.rest.0 as f64 + (1.0 - pace.inertia) * took.0 as f64;
        check.rest = Millis((rest as u64).clamp(pace.least.0, pace.most.0));
        self.due.push(Reverse((now.plus(check.rest), number)));
        let works = verdict == Verdict::Works;
        if works == check.healthy {
            check.against = 0;
            return None;
        }
        check.against += 1;
        if check.against < times && verdict != Verdict::Refuses {
            return None;
        }
        check.against = 0;
        let (service, id) = (check.service.clone(), check.id.clone());
        Some(Flip { service, id, healthy: works })
    }

    fn put(&mut self, service: &ServiceKey, instance: &Instance, now: Timestamp) {
        if !is_checked(instance) {
            return;
        }
        let name = (service.clone(), Box::from(instance.id()));
        let healthy = Payload::of(instance).healthy;
        if let Some(check) =
            self.numbers.get(&name).and_then(|number| self.by_number.get_mut(number))
        {
            if check.healthy != healthy {
                (check.healthy, check.against) = (healthy, 0);
            }
            return;
        }
        self.last_number += 1;
        let first = Millis(FIRST_MS + spread(instance.id()) % FIRST_SPREAD_MS);
        let check = Check {
            service: service.clone(),
            id: instance.id().into(),
            host: instance.host().into(),
            port: instance.port(),
            cluster: cluster_of(instance).into(),
            healthy,
            against: 0,
            rest: first,
        };
        self.by_number.insert(self.last_number, check);
        self.numbers.insert(name, self.last_number);
        self.due.push(Reverse((now.plus(first), self.last_number)));
    }

    fn remove(&mut self, service: &ServiceKey, id: &str) {
        if let Some(number) = self.numbers.remove(&(service.clone(), Box::from(id))) {
            self.by_number.remove(&number);
        }
    }
}

fn is_checked(instance: &Instance) -> bool {
    instance.protocol() == Protocol::Nacos && instance.promise() == Promise::Agreed
}

/// FNV-1a: as good as chance, and the same again.
fn spread(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use rialto_catalog::{Command, Policy};

    use super::*;
    use crate::map::{InstanceForm, Life, spec_of, with_health};

    const START: Timestamp = Timestamp(1_000_000);
    const TCP: Pace = Pace { least: Millis(1_000), most: Millis(5_000), inertia: 0.75 };

    fn service() -> ServiceKey {
        ServiceKey::named("s").unwrap()
    }

    fn with(life: Life) -> (State, Checks) {
        let mut state = State::new(Policy::default());
        let form = InstanceForm { ip: "10.0.0.1".into(), port: 80, ..InstanceForm::default() };
        let spec = spec_of(form, life, None);
        state.apply(START, Command::Register { service: service(), spec }).unwrap();
        let checks = Checks::load(&state, START);
        (state, checks)
    }

    fn first(checks: &mut Checks) -> (u64, Timestamp) {
        let at = checks.next().unwrap();
        let due = checks.due(at);
        assert_eq!((due.len(), &*due[0].host, due[0].port), (1, "10.0.0.1", 80));
        assert_eq!(checks.next(), None, "only after the result");
        (due[0].number, at)
    }

    #[test]
    fn only_persistent_instances_are_checked() {
        for life in [Life::Beats, Life::Connection(1)] {
            assert_eq!(with(life).1.next(), None);
        }
        let at = with(Life::Persistent).1.next().unwrap();
        assert!((2_000..7_000).contains(&at.since(START).0));
    }

    #[test]
    fn health_changes_after_three_results_or_a_refusal() {
        let (mut state, mut checks) = with(Life::Persistent);
        let (number, mut now) = first(&mut checks);
        let mut result = |checks: &mut Checks, verdict| {
            let flip = checks.done(number, verdict, (Millis(5), TCP), 3, now);
            now = checks.next().unwrap();
            checks.due(now);
            flip.map(|flip| flip.healthy)
        };
        let follow = |state: &mut State, checks: &mut Checks, healthy| {
            let id = "10.0.0.1#80#DEFAULT";
            let held = state.instance(&service(), Protocol::Nacos, id).unwrap().clone();
            let spec = with_health(&held, healthy);
            let after = state.revision();
            state.apply(START, Command::Update { service: service(), spec }).unwrap();
            let events: Vec<_> = state.events_after(after).cloned().collect();
            checks.follow(&events, START);
        };
        use Verdict::{Fails, Refuses, Works};
        for (verdict, flip) in [
            (Works, None),
            (Fails, None),
            (Fails, None),
            (Works, None),
            (Fails, None),
            (Fails, None),
            (Fails, Some(false)),
        ] {
            assert_eq!(result(&mut checks, verdict), flip);
        }
        follow(&mut state, &mut checks, false);
        for (verdict, flip) in [(Refuses, None), (Works, None), (Works, None), (Works, Some(true))]
        {
            assert_eq!(result(&mut checks, verdict), flip);
        }
        follow(&mut state, &mut checks, true);
        assert_eq!(result(&mut checks, Refuses), Some(false));
    }

    #[test]
    fn the_pace_follows_the_time_that_checks_take() {
        let (_, mut checks) = with(Life::Persistent);
        let (number, mut now) = first(&mut checks);
        for _ in 0..20 {
            checks.done(number, Verdict::Works, (Millis(1), TCP), 3, now);
            now = checks.next().unwrap();
            checks.due(now);
        }
        checks.done(number, Verdict::Works, (Millis(1), TCP), 3, now);
        assert_eq!(checks.next().unwrap().since(now), Millis(1_000));
        checks.due(now.plus(Millis(1_000)));
        checks.done(number, Verdict::Fails, (TCP.most, TCP), 3, now);
        assert_eq!(checks.next().unwrap().since(now), Millis(2_000));
    }

    #[test]
    fn what_is_gone_is_checked_no_more() {
        let (mut state, mut checks) = with(Life::Persistent);
        let (number, now) = first(&mut checks);
        let id = "10.0.0.1#80#DEFAULT".to_owned();
        let after = state.revision();
        let command = Command::Deregister { service: service(), protocol: Protocol::Nacos, id };
        state.apply(START, command).unwrap();
        let events: Vec<_> = state.events_after(after).cloned().collect();
        checks.follow(&events, START);
        assert_eq!(checks.done(number, Verdict::Refuses, (Millis(1), TCP), 3, now), None);
        checks.skip(number, now);
        assert_eq!((checks.next(), checks.numbers.len(), checks.by_number.len()), (None, 0, 0));
    }
}
