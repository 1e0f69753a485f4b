//! Watchers resume where they were, or are told that they cannot.

use super::*;
use bytes::Bytes;

fn bounded(events_max: usize) -> State {
    let mut policy = Policy::default();
    policy.limits.events_max = events_max;
    State::new(policy)
}

fn revisions(state: &State, selector: &Selector, after: u64) -> Result<(Vec<u64>, u64), Compacted> {
    let changes = state.changes(selector, Revision(after), usize::MAX)?;
    assert!(!changes.more);
    Ok((changes.events.iter().map(|event| event.revision.0).collect(), changes.revision.0))
}

#[test]
fn each_selector_gets_its_own() {
    let mut state = State::new(Policy::default());
    register(&mut state, START, "a", spec("1")).unwrap();
    register(&mut state, START, "b", spec("1")).unwrap();
    leave(&mut state, START, "a", "1");
    let key_of = DocumentKey::new(DocumentKind::Route, "r").unwrap();
    state.apply(START, Command::PutDocument { key: key_of, body: Bytes::new() }).unwrap();
    register(&mut state, START, "a", spec("1")).unwrap();
    let a = Selector::Service(key("a"));
    assert_eq!(revisions(&state, &Selector::All, 1), Ok((vec![2, 3, 4, 5], 5)));
    assert_eq!(revisions(&state, &a, 0), Ok((vec![1, 3, 5], 5)));
    assert_eq!(revisions(&state, &a, 3), Ok((vec![5], 5)));
    assert_eq!(revisions(&state, &Selector::Service(key("none")), 0), Ok((vec![], 5)));
    assert_eq!(revisions(&state, &Selector::Documents(DocumentKind::Route), 0), Ok((vec![4], 5)));
    assert_eq!(
        revisions(&state, &Selector::Documents(DocumentKind::StatusOverride), 0),
        Ok((vec![], 5))
    );
    assert!(revisions(&state, &a, 6).is_err(), "that revision is still to come");
}

#[test]
fn a_page_ends_where_the_next_begins() {
    let mut state = State::new(Policy::default());
    for number in 0..5 {
        register(&mut state, START, "a", spec(&number.to_string())).unwrap();
        register(&mut state, START, "b", spec(&number.to_string())).unwrap();
    }
    for selector in [Selector::All, Selector::Service(key("a"))] {
        let (mut after, mut paged) = (Revision(0), Vec::new());
        loop {
            let page = state.changes(&selector, after, 2).unwrap();
            paged.extend(page.events.iter().map(|event| event.revision.0));
            after = page.revision;
            if !page.more {
                break;
            }
        }
        assert_eq!((paged, 10), revisions(&state, &selector, 0).unwrap());
        assert_eq!(after, Revision(10));
    }
}

#[test]
fn what_is_no_longer_kept_is_said() {
    let mut state = bounded(4);
    for number in 0..6 {
        register(&mut state, START, "busy", spec(&number.to_string())).unwrap();
    }
    let busy = Selector::Service(key("busy"));
    for selector in [&Selector::All, &busy] {
        assert_eq!(revisions(&state, selector, 2).unwrap().0, [3, 4, 5, 6]);
        let error = revisions(&state, selector, 1).unwrap_err();
        assert_eq!(error, Compacted { asked: Revision(1), floor: Revision(2) });
        assert!(error.to_string().contains("take a snapshot"), "{error}");
    }
}

#[test]
fn a_quiet_service_is_not_compacted_by_a_busy_one() {
    let mut state = bounded(4);
    register(&mut state, START, "quiet", spec("1")).unwrap();
    for number in 0..9 {
        register(&mut state, START, "busy", spec(&number.to_string())).unwrap();
    }
    let quiet = Selector::Service(key("quiet"));
    assert_eq!(revisions(&state, &quiet, 1), Ok((vec![], 10)));
    register(&mut state, START, "quiet", spec("2")).unwrap();
    assert_eq!(revisions(&state, &quiet, 1), Ok((vec![11], 11)));
    assert!(revisions(&state, &quiet, 0).is_err());
}

#[test]
fn a_service_that_came_and_went_unseen_is_compacted() {
    let mut state = bounded(4);
    register(&mut state, START, "brief", spec("1")).unwrap();
    leave(&mut state, START, "brief", "1");
    for number in 0..9 {
        register(&mut state, START, "busy", spec(&number.to_string())).unwrap();
    }
    let brief = Selector::Service(key("brief"));
    assert!(revisions(&state, &brief, 1).is_err());
    assert_eq!(revisions(&state, &brief, 7), Ok((vec![], 11)));
    register(&mut state, START, "brief", spec("1")).unwrap();
    assert!(revisions(&state, &brief, 1).is_err());
    assert_eq!(revisions(&state, &brief, 8), Ok((vec![12], 12)));
}

#[test]
fn history_may_begin_later() {
    let policy = Policy { revision_start: Revision(1_000), ..Policy::default() };
    let mut state = State::new(policy);
    register(&mut state, START, "a", spec("1")).unwrap();
    let a = Selector::Service(key("a"));
    assert_eq!(revisions(&state, &a, 1_000), Ok((vec![1_001], 1_001)));
    assert!(revisions(&state, &a, 999).is_err(), "it may come from before a restart");
    assert!(revisions(&state, &Selector::All, 0).is_err());
}

#[test]
fn a_snapshot_is_sorted_and_complete() {
    let mut state = State::new(Policy::default());
    for (service, id) in [("b", "2"), ("b", "1"), ("a", "1")] {
        register(&mut state, START, service, spec(id)).unwrap();
    }
    register(&mut state, START, "b", eureka("1")).unwrap();
    let snapshot = state.snapshot(&Selector::All);
    let names: Vec<_> = snapshot.services.iter().map(|one| one.key.name()).collect();
    assert_eq!((snapshot.revision, names), (Revision(4), vec!["a", "b"]));
    let ids: Vec<_> =
        snapshot.services[1].instances.iter().map(|one| (one.id(), one.protocol())).collect();
    let expected = [("1", Protocol::Sdk), ("1", Protocol::Eureka), ("2", Protocol::Sdk)];
    assert_eq!(ids, expected);
    assert_eq!(state.snapshot(&Selector::Service(key("none"))).services.len(), 0);
}
