//! What each command does, and every limit that can refuse it.

use bytes::Bytes;

use super::*;
use crate::command::OutcomeKind;
use crate::limits;
use crate::policy::Limits;
use crate::spec::{Promise, Status};

fn small(change: impl Fn(&mut Limits)) -> State {
    let mut policy = Policy::default();
    change(&mut policy.limits);
    State::new(policy)
}

fn route(name: &str) -> DocumentKey {
    DocumentKey::new(DocumentKind::Route, name).unwrap()
}

fn put(state: &mut State, name: &str, body: &'static str) -> Result<OutcomeKind, Refused> {
    let command = Command::PutDocument { key: route(name), body: Bytes::from(body) };
    state.apply(START, command).map(|outcome| outcome.kind)
}

#[test]
fn register_replace_update_deregister() {
    let mut state = State::new(Policy::default());
    let first = register(&mut state, START, "stock", spec("a")).unwrap();
    assert_eq!((first.kind, first.revision), (OutcomeKind::Inserted, Revision(1)));
    let later = START.plus(Millis(10));
    let second = register(&mut state, later, "stock", spec("a")).unwrap();
    assert_eq!((second.kind, second.revision), (OutcomeKind::Replaced, Revision(2)));
    assert_eq!(second.previous.unwrap().registered(), START);
    let lease = state.lease(&key("stock"), Protocol::Sdk, "a").unwrap();
    assert_eq!((lease.registered, lease.expires), (later, later.plus(TTL)));

    let down = InstanceSpec { status: Status::Down, ..spec("a") };
    let update = |spec| Command::Update { service: key("stock"), spec };
    let latest = later.plus(Millis(10));
    let third = state.apply(latest, update(down.clone())).unwrap();
    assert_eq!((third.kind, third.revision), (OutcomeKind::Updated, Revision(3)));
    let instance = state.instance(&key("stock"), Protocol::Sdk, "a").unwrap();
    assert_eq!((instance.registered(), instance.changed()), (later, latest));
    assert_eq!(state.lease(&key("stock"), Protocol::Sdk, "a"), Some(lease));
    assert_eq!(state.service(&key("stock")).unwrap().available(), 0);
    assert_eq!(state.apply(latest, update(down)).unwrap().kind, OutcomeKind::Unchanged);
    assert_eq!(state.revision(), Revision(3));

    assert_eq!(leave(&mut state, latest, "stock", "a").kind, OutcomeKind::Removed);
    assert_eq!(leave(&mut state, latest, "stock", "a").kind, OutcomeKind::Unchanged);
    assert!(state.is_vacant());
    let error = state.apply(latest, update(spec("a"))).unwrap_err();
    assert!(error.to_string().contains("register it first"), "{error}");
}

#[test]
fn protocols_do_not_touch_each_others_instances() {
    let mut state = State::new(Policy::default());
    register(&mut state, START, "stock", spec("a")).unwrap();
    register(&mut state, START, "stock", eureka("a")).unwrap();
    let service = state.service(&key("stock")).unwrap();
    assert_eq!((service.len(), service.count(Protocol::Eureka)), (2, 1));
    leave(&mut state, START, "stock", "a");
    assert!(state.instance(&key("stock"), Protocol::Eureka, "a").is_some());
    assert!(state.renew(START, &key("stock"), Protocol::Sdk, "a").is_none());
    assert_eq!(state.instances_by_id("a").count(), 1);
}

#[test]
fn names_without_case_and_identifiers_across_services() {
    let mut state = State::new(Policy::default());
    for service in ["Stock", "STOCK", "stock", "other"] {
        register(&mut state, START, service, spec("a")).unwrap();
    }
    let folded = |state: &State, name: &str| -> Vec<String> {
        let found = state.services_folded("public", "default", name);
        found.map(|service| service.key().name().to_owned()).collect()
    };
    assert_eq!(folded(&state, "stock"), ["STOCK", "Stock", "stock"]);
    assert!(folded(&state, "Stock").is_empty(), "the caller folds");
    let with_id: Vec<_> =
        state.instances_by_id("a").map(|(one, _)| one.key().to_string()).collect();
    assert_eq!(with_id, ["STOCK", "Stock", "other", "stock"]);
    for service in ["Stock", "STOCK", "other", "stock"] {
        leave(&mut state, START, service, "a");
    }
    assert!(state.is_vacant() && folded(&state, "stock").is_empty());
}

#[test]
fn put_services_stay_without_instances() {
    let mut state = State::new(Policy::default());
    let metadata = vec![("owner".to_owned(), "team".to_owned())];
    let command = Command::PutService { service: key("stock"), metadata };
    assert_eq!(state.apply(START, command.clone()).unwrap().kind, OutcomeKind::Inserted);
    assert_eq!(state.apply(START, command).unwrap().kind, OutcomeKind::Unchanged);
    register(&mut state, START, "stock", spec("a")).unwrap();
    let remove = Command::RemoveService { service: key("stock") };
    let error = state.apply(START, remove.clone()).unwrap_err();
    assert!(error.to_string().contains("deregister them first"), "{error}");
    leave(&mut state, START, "stock", "a");
    assert_eq!(state.service(&key("stock")).unwrap().metadata()[0].1, "team");
    assert_eq!(state.apply(START, remove.clone()).unwrap().kind, OutcomeKind::Removed);
    assert_eq!(state.apply(START, remove).unwrap().kind, OutcomeKind::Unchanged);
    assert!(state.is_vacant());
}

#[test]
fn documents() {
    let mut state = State::new(Policy::default());
    assert_eq!(put(&mut state, "b", "1"), Ok(OutcomeKind::Inserted));
    assert_eq!(put(&mut state, "a", "1"), Ok(OutcomeKind::Inserted));
    assert_eq!(put(&mut state, "b", "1"), Ok(OutcomeKind::Unchanged));
    assert_eq!(put(&mut state, "b", "2"), Ok(OutcomeKind::Updated));
    let names: Vec<_> =
        state.documents(DocumentKind::Route).map(|(key, _)| key.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(state.documents(DocumentKind::StatusOverride).count(), 0);
    for name in ["a", "b", "b"] {
        state.apply(START, Command::RemoveDocument { key: route(name) }).unwrap();
    }
    assert!(state.is_vacant());
    assert_eq!(state.revision(), Revision(5));
}

#[test]
fn promises_are_never_switched() {
    let mut state = State::new(Policy::default());
    let agreed = InstanceSpec { promise: Promise::Agreed, ttl: None, ..spec("a") };
    register(&mut state, START, "stock", agreed.clone()).unwrap();
    let error = register(&mut state, START, "stock", spec("a")).unwrap_err();
    assert!(error.to_string().contains("is agreed and cannot be made ephemeral"), "{error}");
    assert_eq!(state.lease(&key("stock"), Protocol::Sdk, "a"), None);
    run(&mut state, START, 60_000, |_, _| false);
    assert!(state.renew(START, &key("stock"), Protocol::Sdk, "a").is_some(), "it has no lease");
    leave(&mut state, START, "stock", "a");
    register(&mut state, START, "stock", spec("a")).unwrap();
    assert!(register(&mut state, START, "stock", agreed).is_err());
}

#[test]
fn limits_of_services_and_instances() {
    let mut state = small(|limits| {
        limits.services_max = 2;
        limits.instances_per_service_max = 2;
        limits.instances_max = 3;
    });
    register(&mut state, START, "a", spec("1")).unwrap();
    register(&mut state, START, "a", spec("2")).unwrap();
    let before = state.digest();
    let error = register(&mut state, START, "a", spec("3")).unwrap_err().to_string();
    assert!(error.starts_with("there are 2 instances of this service already"), "{error}");
    register(&mut state, START, "a", spec("2")).expect("replacing needs no room");
    register(&mut state, START, "b", spec("1")).unwrap();
    let error = register(&mut state, START, "b", spec("2")).unwrap_err().to_string();
    assert!(error.starts_with("there are 3 instances already"), "{error}");
    leave(&mut state, START, "a", "1");
    let digest = state.digest();
    let error = register(&mut state, START, "c", spec("1")).unwrap_err().to_string();
    assert!(error.contains("2 services already, the limit; remove some"), "{error}");
    let put = Command::PutService { service: key("c"), metadata: vec![] };
    assert!(matches!(state.apply(START, put), Err(Refused::Full { what: "services", .. })));
    assert_ne!(before, digest);
    assert_eq!(digest, state.digest(), "what is refused changes nothing");
}

#[test]
fn limits_of_documents() {
    let mut state = small(|limits| limits.documents_max = 1);
    put(&mut state, "a", "1").unwrap();
    put(&mut state, "a", "2").unwrap();
    let error = put(&mut state, "b", "1").unwrap_err().to_string();
    assert!(error.contains("1 documents already"), "{error}");
    let body = Bytes::from(vec![0; limits::DOCUMENT_BYTES_MAX + 1]);
    let large = Command::PutDocument { key: route("a"), body: body.slice(1..) };
    state.apply(START, large).unwrap();
    let error = state.apply(START, Command::PutDocument { key: route("a"), body }).unwrap_err();
    assert!(error.to_string().contains("exceeds the limit of 1048576; send less"), "{error}");
    let metadata = vec![(String::new(), String::new()); limits::METADATA_ENTRIES_MAX + 1];
    let error = state.apply(START, Command::PutService { service: key("a"), metadata });
    assert!(matches!(error, Err(Refused::TooLarge { size: 257, .. })));
}

#[test]
fn check_foretells_what_apply_does() {
    let mut state = small(|limits| limits.instances_per_service_max = 1);
    register(&mut state, START, "a", spec("1")).unwrap();
    let commands = [
        Command::Register { service: key("a"), spec: spec("2") },
        Command::Register { service: key("b"), spec: spec("2") },
        Command::Update { service: key("a"), spec: spec("2") },
        Command::RemoveService { service: key("a") },
        Command::RemoveService { service: key("none") },
        Command::RemoveDocument { key: route("none") },
    ];
    for command in commands {
        let foretold = state.check(&command);
        assert_eq!(foretold, state.apply(START, command).map(|_| ()));
    }
}
