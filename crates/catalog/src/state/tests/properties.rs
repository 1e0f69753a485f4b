//! Properties that hold for every history: determinism, complete watches, no residue.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::policy::NetflixPolicy;
use crate::spec::{Promise, Status};

#[derive(Debug, Clone)]
enum Step {
    Do(Command),
    Renew(usize, usize),
    Pass(u64),
}

const SERVICES: [&str; 3] = ["a", "A", "b"];
const IDS: usize = 7;

const PROTOCOLS: [Protocol; 3] = [Protocol::Sdk, Protocol::Eureka, Protocol::Nacos];

/// Those of Nacos have an unhealthy stage when their number is even, else they are bound to a
/// session.
fn spec_of(id: usize, protocol: usize, weight: u8, agreed: bool) -> InstanceSpec {
    let base = InstanceSpec { protocol: PROTOCOLS[protocol], ..spec(&id.to_string()) };
    let status = if weight == 0 { Status::Down } else { Status::Up };
    let promise = if agreed { Promise::Agreed } else { Promise::Ephemeral };
    let ttl = (!agreed).then_some(Millis(1_000 + 500 * id as u64));
    let base = InstanceSpec { weight: weight.into(), status, promise, ttl, ..base };
    match base.protocol {
        Protocol::Nacos if !agreed && id.is_multiple_of(2) => {
            InstanceSpec { unhealthy_after: Some(Millis(600)), ..base }
        }
        Protocol::Nacos => InstanceSpec { ttl: None, ..base },
        _ => base,
    }
}

fn command() -> impl Strategy<Value = Command> {
    let service = (0..SERVICES.len()).prop_map(|number| key(SERVICES[number]));
    let protocol = || 0..PROTOCOLS.len();
    let spec = (0..IDS, protocol(), 0_u8..3, prop::bool::weighted(0.1))
        .prop_map(|(id, protocol, weight, agreed)| spec_of(id, protocol, weight, agreed));
    let route =
        (0..3).prop_map(|name| DocumentKey::new(DocumentKind::Route, &format!("r{name}")).unwrap());
    prop_oneof![
        6 => (service.clone(), spec.clone())
            .prop_map(|(service, spec)| Command::Register { service, spec }),
        2 => (service.clone(), spec).prop_map(|(service, spec)| Command::Update { service, spec }),
        2 => (service.clone(), protocol(), 0..IDS).prop_map(|(service, protocol, id)| {
            Command::Deregister { service, protocol: PROTOCOLS[protocol], id: id.to_string() }
        }),
        1 => (service.clone(), any::<bool>()).prop_map(|(service, some)| {
            let metadata = if some { vec![("k".into(), "v".into())] } else { vec![] };
            Command::PutService { service, metadata }
        }),
        1 => service.prop_map(|service| Command::RemoveService { service }),
        1 => (route.clone(), any::<u8>()).prop_map(|(key, byte)| {
            Command::PutDocument { key, body: Bytes::from(vec![byte]) }
        }),
        1 => route.prop_map(|key| Command::RemoveDocument { key }),
    ]
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => command().prop_map(Step::Do),
        3 => (0..SERVICES.len(), 0..IDS).prop_map(|(service, id)| Step::Renew(service, id)),
        2 => (1_u64..2_500).prop_map(Step::Pass),
        1 => (1_u64..90_000).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..120)
}

fn policy() -> impl Strategy<Value = Policy> {
    (any::<bool>(), any::<bool>(), 5_usize..40).prop_map(|(netflix, pause, events_max)| {
        let mut policy = Policy::default();
        policy.exact.protection_max = Millis(20_000);
        policy.limits.events_max = events_max;
        policy.pause = pause.then_some(Millis(5_000));
        if netflix {
            let numbers = NetflixPolicy { eviction_interval: Millis(3_000), ..Default::default() };
            policy.expiry = ExpiryMode::Netflix(numbers);
        }
        policy
    })
}

/// Takes a step; renewals and commands that find nothing or are refused are part of the history.
fn take(state: &mut State, now: &mut Timestamp, step: &Step) {
    match step {
        Step::Do(command) => {
            let foretold = state.check(command);
            assert_eq!(foretold, state.apply(*now, command.clone()).map(|_| ()));
        }
        Step::Renew(service, id) => {
            for protocol in PROTOCOLS {
                let (service, id) = (key(SERVICES[*service]), id.to_string());
                let lapsed = state.renew(*now, &service, protocol, &id).map(|one| one.lapsed());
                if lapsed == Some(true) {
                    let revived = state.revive(*now, &service, protocol, &id);
                    assert!(revived.is_some_and(|one| !one.lapsed()));
                }
            }
        }
        Step::Pass(millis) => {
            *now = now.plus(Millis(*millis));
            while state.tick(*now) {}
        }
    }
}

/// What a watcher knows: instances by service, protocol and identifier with their revision.
#[derive(Debug, Default, PartialEq)]
struct View {
    instances: BTreeMap<(ServiceKey, Protocol, String), Revision>,
    documents: BTreeMap<DocumentKey, Bytes>,
}

impl View {
    fn of(snapshot: &Snapshot) -> Self {
        let mut view = Self::default();
        for service in &snapshot.services {
            for instance in service.instances.iter() {
                view.put(&service.key, instance);
            }
        }
        for (key, document) in &snapshot.documents {
            view.documents.insert(key.clone(), document.body.clone());
        }
        view
    }

    fn put(&mut self, service: &ServiceKey, one: &Instance) {
        let name = (service.clone(), one.protocol(), one.id().to_owned());
        self.instances.insert(name, one.revision());
    }

    fn follow(&mut self, change: &Change) {
        match change {
            Change::Registered { service, instance }
            | Change::Updated { service, instance, .. } => {
                self.put(service, instance);
            }
            Change::Deregistered { service, instance } | Change::Expired { service, instance } => {
                let name = (service.clone(), instance.protocol(), instance.id().to_owned());
                assert!(self.instances.remove(&name).is_some(), "it was there before it went");
            }
            Change::DocumentPut { key, body } => {
                self.documents.insert(key.clone(), body.clone());
            }
            Change::DocumentRemoved { key } => {
                assert!(self.documents.remove(key).is_some(), "it was there before it went");
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn same_inputs_give_the_same_bytes(policy in policy(), history in history(), seed: u64) {
        let (mut one, mut now) = (State::new(policy.clone()), START);
        let (mut two, mut then) = (State::new(policy.clone()), START);
        let (mut other, mut also) = (State::new(Policy { hash_seed: seed, ..policy }), START);
        for step in &history {
            take(&mut one, &mut now, step);
            take(&mut two, &mut then, step);
            take(&mut other, &mut also, step);
            prop_assert_eq!(one.digest(), two.digest());
        }
        prop_assert_eq!(one.digest(), other.digest(), "hashes never reach a result");
    }

    #[test]
    fn watchers_miss_nothing_and_see_nothing_twice(
        policy in policy(), history in history(), pages in 1_usize..5, lazy in 1_usize..30,
    ) {
        let selectors = [
            Selector::All,
            Selector::Service(key("a")),
            Selector::Service(key("A")),
            Selector::Documents(DocumentKind::Route),
        ];
        let (mut state, mut now) = (State::new(policy), START);
        let mut views: Vec<_> =
            selectors.iter().map(|_| (View::default(), Revision(0))).collect();
        for (number, step) in history.iter().enumerate() {
            take(&mut state, &mut now, step);
            if number % lazy != 0 && number + 1 != history.len() {
                continue;
            }
            for (selector, (view, after)) in selectors.iter().zip(&mut views) {
                follow(&state, selector, view, after, pages);
                prop_assert_eq!(&*view, &View::of(&state.snapshot(selector)));
                prop_assert_eq!(*after, state.revision());
            }
        }
    }

    #[test]
    fn nothing_stays_behind(policy in policy(), history in history()) {
        let (mut state, mut now) = (State::new(policy.clone()), START);
        for step in &history {
            take(&mut state, &mut now, step);
        }
        let all = state.snapshot(&Selector::All);
        for service in &all.services {
            for one in service.instances.iter() {
                let (service, protocol) = (service.key.clone(), one.protocol());
                let id = one.id().to_owned();
                state.apply(now, Command::Deregister { service, protocol, id }).unwrap();
            }
            state.apply(now, Command::RemoveService { service: service.key.clone() }).unwrap();
        }
        for (key, _) in all.documents {
            state.apply(now, Command::RemoveDocument { key }).unwrap();
        }
        prop_assert!(state.is_vacant());
        prop_assert_eq!(state.records_digest(), State::new(policy).records_digest());
    }

    #[test]
    fn leases_end_by_themselves(history in history()) {
        let (mut state, mut now) = (State::new(Policy::default()), START);
        for step in &history {
            take(&mut state, &mut now, step);
        }
        now = now.plus(Millis(10_000));
        while state.tick(now) {}
        now = now.plus(Millis::from_secs(16 * 60));
        while state.tick(now) {}
        let leased = state.services().flat_map(|one| one.instances().to_vec());
        prop_assert_eq!(leased.filter(|one| one.ttl().is_some()).count(), 0);
    }

    #[test]
    fn what_is_not_renewed_is_down_in_time_and_not_before(history in history()) {
        let (mut state, mut now) = (State::new(Policy::default()), START);
        let mut ticked = now;
        for step in &history {
            take(&mut state, &mut now, step);
            if matches!(step, Step::Pass(_)) {
                ticked = now;
            }
            let all = state.services().flat_map(|one| one.instances().to_vec());
            for one in all.filter(|one| one.unhealthy_after().is_some()) {
                let renewed = state.lease_of(&one).unwrap().renewed;
                let after = one.unhealthy_after().unwrap();
                let late = renewed.plus(after).plus(crate::wheel::LATE_MAX) <= ticked;
                prop_assert!(one.lapsed() || !late, "{one:?}");
                let early = ticked < renewed.plus(after);
                prop_assert!(!(one.lapsed() && early && renewed < ticked), "{one:?}");
                prop_assert!(!one.lapsed() || one.status() == Status::Down);
            }
        }
    }
}

/// Brings a view up to date in pages, each event once and in order; a compacted one starts anew.
fn follow(state: &State, selector: &Selector, view: &mut View, after: &mut Revision, page: usize) {
    loop {
        let Ok(changes) = state.changes(selector, *after, page) else {
            let snapshot = state.snapshot(selector);
            (*view, *after) = (View::of(&snapshot), snapshot.revision);
            return;
        };
        for event in &changes.events {
            assert!(event.revision > *after && selector.matches(&event.change));
            *after = event.revision;
            view.follow(&event.change);
        }
        assert!(changes.revision >= *after);
        *after = changes.revision;
        if !changes.more {
            return;
        }
    }
}
