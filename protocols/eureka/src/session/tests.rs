//! The view against the plain way: after any history, kept pages say what writing everything anew
//! would say.

use proptest::prelude::*;
use rialto_catalog::{
    Command, InstanceSpec, Millis, Policy, Protocol, ServiceKey, State, Status, Timestamp,
};

use super::view::write_some;
use super::{Entry, View};
use crate::codec::{Envelope, Format, Hash, Media, Member, Styled, inflate};
use crate::limits::PAGE_INSTANCES_MAX;
use crate::map::{Telling, app};

const FORMATS: [Format; 4] = [
    Format::JSON,
    Format::XML,
    Format { media: Media::Json, style: Styled::Compact },
    Format { media: Media::Xml, style: Styled::Compact },
];
const STATUSES: [Status; 3] = [Status::Up, Status::Down, Status::OutOfService];

#[derive(Debug, Clone)]
struct Step {
    service: usize,
    id: usize,
    status: usize,
    leave: bool,
    /// Whether the view catches up and is compared after this step.
    look: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..5usize, 0..400usize, 0..3usize, 0..10u8, 0..40u8).prop_map(
        |(service, id, status, leave, look)| Step {
            service,
            id,
            status,
            leave: leave < 3,
            look: look == 0,
        },
    );
    prop::collection::vec(step, 0..600)
}

fn service(number: usize) -> ServiceKey {
    // The first two are one application.
    ServiceKey::named(["stock", "Stock", "order", "a<b", "é"][number]).unwrap()
}

fn take(state: &mut State, now: Timestamp, step: &Step) {
    let (service, id) = (service(step.service), format!("id-{}", step.id));
    let protocol = Protocol::Sdk;
    let command = if step.leave {
        Command::Deregister { service, protocol, id }
    } else {
        let status = STATUSES[step.status];
        let ttl = Millis::from_secs(60);
        let spec = InstanceSpec { status, ..InstanceSpec::new(&id, protocol, "h", 1, ttl) };
        Command::Register { service, spec }
    };
    state.apply(now, command).expect("the steps are valid");
}

fn all(state: &State) -> Vec<Entry> {
    let mut all: Vec<Entry> = state
        .services()
        .flat_map(|service| {
            let app: std::sync::Arc<str> = app(service.key()).into();
            let key = service.key().clone();
            service.instances().iter().map(move |instance| Entry {
                app: std::sync::Arc::clone(&app),
                service: key.clone(),
                instance: std::sync::Arc::clone(instance),
            })
        })
        .collect();
    all.sort();
    all
}

fn check(view: &mut View, state: &State, now: Timestamp) {
    view.catch_up(state, now);
    let entries = all(state);
    let mut hash = Hash::default();
    entries.iter().for_each(|entry| hash.add(entry.instance.status()));
    assert_eq!(view.hash(), hash);
    for format in FORMATS {
        let pages = view.pages().write(format, now, Telling::True, &|_| None);
        let (mut plain, mut member) = (Vec::new(), Member::default());
        for page in &pages {
            plain.extend_from_slice(page.text());
            member.push(page.piece());
        }
        let mut expected = Vec::new();
        let envelope = Envelope::listing(format);
        write_some(&mut expected, envelope, &entries, Telling::True, &|_| None);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(&plain), text(&expected));
        assert_eq!(inflate(&member.finish(), expected.len()).unwrap(), expected);
        assert!(pages.len() <= 1 + entries.len() / (PAGE_INSTANCES_MAX / 4));
    }
    let mut of_vip = view.vip(false, "stock");
    of_vip.retain(|entry| entry.service.name() != "stock");
    assert!(of_vip.is_empty());
    let stock = entries.iter().filter(|entry| entry.service.name() == "stock").count();
    assert_eq!(view.vip(true, "stock").len(), stock);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn kept_pages_are_as_if_written_anew(
        steps in steps(),
        events_max in prop_oneof![Just(8), Just(65_536)],
    ) {
        let mut policy = Policy::default();
        policy.limits.events_max = events_max;
        let mut state = State::new(policy);
        let mut view = View::default();
        let mut now = Timestamp(1_000);
        check(&mut view, &state, now);
        for step in &steps {
            now = now.plus(Millis(7));
            take(&mut state, now, step);
            if step.look {
                check(&mut view, &state, now);
            }
        }
        check(&mut view, &state, now);
    }
}

#[test]
fn one_change_writes_one_page_again() {
    let mut state = State::new(Policy::default());
    let mut view = View::default();
    let now = Timestamp(1_000);
    for id in 0..1_000 {
        take(&mut state, now, &Step { service: id % 3, id, status: 0, leave: false, look: false });
    }
    view.catch_up(&state, now);
    let mut write = |state: &State| {
        view.catch_up(state, now);
        view.pages().write(Format::JSON, now, Telling::True, &|_| None)
    };
    let before = write(&state);
    assert!(before.len() > 8);
    take(&mut state, now, &Step { service: 2, id: 2, status: 1, leave: false, look: false });
    let after = write(&state);
    let kept = before.iter().zip(&after).filter(|(a, b)| std::sync::Arc::ptr_eq(a, b)).count();
    assert_eq!(kept, before.len() - 1);
}

#[test]
fn a_delta_without_end_stays_bounded() {
    let mut state = State::new(Policy::default());
    let mut view = View::default();
    let now = Timestamp(1_000);
    view.catch_up(&state, now);
    for round in 0..5_000 {
        let step = Step { service: 0, id: 1, status: round % 3, leave: false, look: false };
        take(&mut state, now, &step);
        view.catch_up(&state, now);
    }
    let delta = view.delta();
    assert_eq!(delta.len(), 1);
    let written = delta.write(Format::JSON, now, Telling::True, &|_| None);
    assert_eq!(written.len(), 1);
    let again = delta.write(Format::JSON, now, Telling::True, &|_| None);
    assert!(std::sync::Arc::ptr_eq(&written[0], &again[0]), "nothing changed");
    delta.prune(now.plus(Millis(crate::limits::DELTA_MS)));
    assert!(delta.is_empty() && delta.fresh_until().is_none());
    assert!(delta.write(Format::JSON, now, Telling::True, &|_| None).is_empty());
}

#[test]
fn a_delta_holds_a_limited_number_of_instances() {
    let mut state = State::new(Policy::default());
    let now = Timestamp(1_000);
    take(&mut state, now, &Step { service: 0, id: 0, status: 0, leave: false, look: false });
    let instance = std::sync::Arc::clone(&all(&state)[0].instance);
    let mut delta = super::Delta::default();
    for number in 0..=crate::limits::DELTA_ENTRIES_MAX {
        let service = ServiceKey::named(&format!("s{}", number % 3 + 3 * number)).unwrap();
        let app = app(&service).into();
        let instance = std::sync::Arc::clone(&instance);
        delta.push(Entry { app, service, instance }, now, false);
    }
    assert_eq!(delta.len(), crate::limits::DELTA_ENTRIES_MAX);
    let written = delta.write(Format::JSON, now, Telling::True, &|_| None);
    assert_eq!(written.len(), crate::limits::DELTA_ENTRIES_MAX, "the oldest is gone");
}
