//! What watchers of patterns are told, and when.

use serde_json::{Value, json};

use super::*;

const ONE: ConnectionId = ConnectionId(1);
const TWO: ConnectionId = ConnectionId(2);
const START: Timestamp = Timestamp(1_000);
const ALL: &str = "public>>JG>>js*";

fn service(name: &str) -> ServiceKey {
    key("public", "JG", name).unwrap()
}

fn watch(pattern: &str) -> Watch<'_> {
    Watch { connection: ONE, pattern, received: &[], initial: true }
}

fn begin(fuzzy: &mut Fuzzy, watch: Watch<'_>, names: &[&str]) -> Result<(), Problem> {
    let services: Vec<_> = names.iter().map(|name| service(name)).collect();
    fuzzy.watch(watch, services.iter(), START)
}

fn json_of(push: &FuzzyPush) -> Value {
    serde_json::from_slice(&[b"{", &push.body[..]].concat()).unwrap()
}

/// Takes what is due, acknowledges it and gives the bodies.
fn drain(fuzzy: &mut Fuzzy) -> Vec<Value> {
    let pushes = fuzzy.due(START);
    pushes.iter().for_each(|push| fuzzy.done(push.connection, push.token, Outcome::Acked, START));
    pushes.iter().map(json_of).collect()
}

/// A recorded session of a Java client (golden, gRPC).
#[test]
fn tells_what_the_real_server_tells() {
    let mut fuzzy = Fuzzy::default();
    begin(&mut fuzzy, watch(ALL), &["jsvc", "other"]).unwrap();
    assert_eq!(
        drain(&mut fuzzy),
        [json!({
        "syncType":"FUZZY_WATCH_INIT_NOTIFY","groupKeyPattern":"public>>JG>>js*",
        "contexts":[{"serviceKey":"public@@JG@@jsvc","changedType":"ADD_SERVICE"}],
        "totalBatch":1,"currentBatch":1,"module":"naming"})]
    );
    assert_eq!(
        drain(&mut fuzzy),
        [json!({
        "syncType":"FINISH_FUZZY_WATCH_INIT_NOTIFY","groupKeyPattern":"public>>JG>>js*",
        "contexts":[],"totalBatch":1,"currentBatch":1,"module":"naming"})]
    );
    fuzzy.observe(&service("jsnew"), true, START);
    fuzzy.observe(&service("jsnew"), true, START);
    fuzzy.observe(&service("nothing"), true, START);
    let pushes = fuzzy.due(START);
    assert_eq!((pushes.len(), pushes[0].kind), (1, "NamingFuzzyWatchChangeNotifyRequest"));
    assert_eq!(
        json_of(&pushes[0]),
        json!({
        "syncType":"FUZZY_WATCH_RESOURCE_CHANGED","serviceKey":"public@@JG@@jsnew",
        "changedType":"ADD_SERVICE","module":"naming"})
    );
    fuzzy.observe(&service("jsnew"), false, START);
    assert_eq!(drain(&mut fuzzy)[0]["changedType"], "DELETE_SERVICE");
}

#[test]
fn nothing_to_tell_finishes_at_once() {
    let mut fuzzy = Fuzzy::default();
    begin(&mut fuzzy, watch(ALL), &[]).unwrap();
    assert_eq!(drain(&mut fuzzy)[0]["syncType"], "FINISH_FUZZY_WATCH_INIT_NOTIFY");
    assert_eq!(fuzzy.next(), None);
}

#[test]
fn a_repeated_watch_tells_only_differences() {
    let mut fuzzy = Fuzzy::default();
    begin(&mut fuzzy, watch(ALL), &["js1", "js2"]).unwrap();
    drain(&mut fuzzy);
    drain(&mut fuzzy);
    let received = ["public@@JG@@js1", "public@@JG@@gone", "nonsense"];
    let again = Watch { received: &received, initial: false, ..watch(ALL) };
    begin(&mut fuzzy, again, &[]).unwrap();
    let told = drain(&mut fuzzy);
    assert_eq!(told[0]["syncType"], "FUZZY_WATCH_DIFF_SYNC_NOTIFY");
    assert_eq!(
        told[0]["contexts"],
        json!([
        {"serviceKey":"public@@JG@@js2","changedType":"ADD_SERVICE"},
        {"serviceKey":"public@@JG@@gone","changedType":"DELETE_SERVICE"}])
    );
    let all = ["public@@JG@@js1", "public@@JG@@js2"];
    let same = Watch { received: &all, initial: false, ..watch(ALL) };
    begin(&mut fuzzy, same, &[]).unwrap();
    assert!(drain(&mut fuzzy).is_empty());
}

#[test]
fn the_end_is_told_after_all_batches_are_acknowledged() {
    let mut fuzzy = Fuzzy::default();
    let names: Vec<String> = (0..25).map(|number| format!("js{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    begin(&mut fuzzy, watch(ALL), &names).unwrap();
    let batches = fuzzy.due(START);
    let numbers: Vec<_> = batches.iter().map(|one| json_of(one)["currentBatch"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    fuzzy.done(ONE, batches[0].token, Outcome::Acked, START);
    fuzzy.done(ONE, batches[2].token, Outcome::Acked, START);
    fuzzy.done(ONE, batches[1].token, Outcome::TimedOut, START);
    assert!(fuzzy.due(START).is_empty());
    let again = fuzzy.due(START.plus(Millis(1_000)));
    assert_eq!(again, batches[1..2]);
    fuzzy.done(ONE, again[0].token, Outcome::Acked, START);
    assert_eq!(drain(&mut fuzzy)[0]["syncType"], "FINISH_FUZZY_WATCH_INIT_NOTIFY");
}

#[test]
fn what_is_no_longer_so_is_not_sent_again() {
    let mut fuzzy = Fuzzy::default();
    begin(&mut fuzzy, watch(ALL), &[]).unwrap();
    drain(&mut fuzzy);
    fuzzy.observe(&service("js"), true, START);
    let added = fuzzy.due(START);
    fuzzy.observe(&service("js"), false, START);
    drain(&mut fuzzy);
    fuzzy.done(ONE, added[0].token, Outcome::TimedOut, START);
    assert!(fuzzy.due(START.plus(Millis(9_000))).is_empty());
}

#[test]
fn limits() {
    let mut fuzzy = Fuzzy::default();
    for number in 0..PATTERNS_MAX {
        begin(&mut fuzzy, watch(&format!("public>>JG>>{number}*")), &[]).unwrap();
    }
    assert_eq!(begin(&mut fuzzy, watch(ALL), &[]).unwrap_err().code, Code::PatternsTooMany);
    begin(&mut fuzzy, watch("public>>JG>>1*"), &[]).unwrap();
    fuzzy.cancel(ONE, "public>>JG>>0*");
    let names: Vec<String> = (0..PATTERN_MATCHES_MAX).map(|at| format!("js{at:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(begin(&mut fuzzy, watch(ALL), &names).unwrap_err().code, Code::MatchesTooMany);
    drain(&mut fuzzy);
    drain(&mut fuzzy);
    fuzzy.observe(&service("js_more"), true, START);
    assert!(drain(&mut fuzzy).is_empty(), "left out");
    assert!(!fuzzy.take_short());
    fuzzy.observe(&service("js000"), false, START);
    assert!(fuzzy.take_short() && !fuzzy.take_short());
    fuzzy.observe(&service("js_more"), true, START);
    assert_eq!(drain(&mut fuzzy).len(), 2);
}

#[test]
fn nothing_stays_of_those_who_left() {
    let mut fuzzy = Fuzzy::default();
    begin(&mut fuzzy, watch(ALL), &["js"]).unwrap();
    begin(&mut fuzzy, Watch { connection: TWO, ..watch(ALL) }, &[]).unwrap();
    fuzzy.end(ONE);
    assert_eq!(fuzzy.due(START).len(), 1);
    fuzzy.cancel(TWO, ALL);
    assert!(fuzzy.is_idle() && fuzzy.pushes.is_empty());
    assert!(begin(&mut fuzzy, watch("nonsense"), &[]).is_err());
    assert!(fuzzy.is_idle());
}
