//! What is pushed to whom, and when.

use serde_json::json;

use super::*;

#[test]
fn changes_are_pushed_once_and_in_order() {
    let lab = Lab::new();
    lab.naming.subscribe(ONE, &gold(), "").unwrap();
    lab.naming.subscribe(TWO, &gold(), "c1").unwrap();
    lab.pass(100);
    assert_eq!(lab.taken(Outcome::Acked).len(), 2, "each new one hears at once");
    let owner = Owner::Connection(ONE);
    let (mut last, mut needless) = (0, 0);
    for port in 1..4 {
        lab.register(owner, form(port)).unwrap();
        lab.register(owner, form(port + 100)).unwrap();
        lab.pass(100);
        let pushed = lab.taken(Outcome::Acked);
        let of_one: Vec<_> = pushed.iter().filter(|(id, _)| *id == 1).collect();
        assert_eq!(of_one.len(), 1);
        let body = &of_one[0].1;
        assert_eq!(body["serviceName"], "gold");
        assert_eq!(body["groupName"], "DEFAULT_GROUP");
        assert_eq!(body["module"], "naming");
        assert_eq!(body["serviceInfo"]["hosts"][0]["port"], u64::from(port) + 100);
        let time = body["serviceInfo"]["lastRefTime"].as_u64().unwrap();
        assert!(time > last, "{time} after {last}");
        last = time;
        needless += pushed.len() - 1;
    }
    assert!(needless <= 1, "the cluster of the other is as it was");
}

#[test]
fn lists_get_later_even_within_a_millisecond() {
    let lab = Lab::new();
    let mut last = 0;
    for port in 1..50 {
        lab.register(Owner::Connection(ONE), form(port)).unwrap();
        let view = lab.naming.view(&gold(), "", false);
        let other = lab.naming.view(&gold(), "c1", true);
        assert!(last < view.last_ref_ms() && view.last_ref_ms() < other.last_ref_ms());
        last = other.last_ref_ms();
        let again = lab.naming.view(&gold(), "", false);
        assert_eq!(again.last_ref_ms(), view.last_ref_ms(), "not written again");
        if port % 10 == 0 {
            lab.deregister(Owner::Connection(ONE), port);
            let none = lab.naming.view(&gold(), "", false);
            assert!(none.is_empty() && none.last_ref_ms() > last);
            last = none.last_ref_ms();
        }
    }
}

#[test]
fn a_push_that_fails_is_tried_again_with_what_is_so_then() {
    let lab = Lab::new();
    lab.register(Owner::Connection(TWO), form(1)).unwrap();
    lab.naming.subscribe(ONE, &gold(), "").unwrap();
    lab.pass(100);
    assert_eq!(lab.taken(Outcome::TimedOut).len(), 1);
    lab.pass(900);
    assert!(lab.taken(Outcome::TimedOut).is_empty());
    lab.register(Owner::Connection(TWO), form(2)).unwrap();
    lab.pass(300);
    let pushed = lab.taken(Outcome::Refused);
    assert!(!pushed.is_empty());
    assert_eq!(pushed.last().unwrap().1["serviceInfo"]["hosts"][0]["port"], 2);
    lab.pass(1_100);
    assert_eq!(lab.taken(Outcome::Acked).len(), 1);
    lab.pass(10_000);
    assert!(lab.taken(Outcome::Acked).is_empty());
}

#[test]
fn those_who_left_hear_nothing() {
    let lab = Lab::new();
    lab.naming.subscribe(ONE, &gold(), "").unwrap();
    lab.naming.subscribe(TWO, &gold(), "").unwrap();
    lab.pass(100);
    lab.taken(Outcome::TimedOut);
    lab.naming.unsubscribe(ONE, &gold());
    lab.naming.end(TWO);
    lab.register(Owner::Connection(ONE), form(1)).unwrap();
    lab.pass(10_000);
    assert!(lab.taken(Outcome::Acked).is_empty());
    assert_eq!(lab.naming.metrics().subscribe_count, 0);
}

#[test]
fn the_same_list_is_not_pushed_again() {
    let lab = Lab::new();
    lab.register(Owner::Connection(ONE), form(1)).unwrap();
    lab.naming.subscribe(TWO, &gold(), "").unwrap();
    lab.pass(100);
    lab.register(Owner::Connection(ONE), form(2)).unwrap();
    lab.pass(100);
    assert_eq!(lab.taken(Outcome::Acked).len(), 2);
    // The owner comes back by another connection, which changes nothing that anybody sees.
    let new = ConnectionId(3);
    lab.begin(new);
    lab.register(Owner::Connection(new), form(2)).unwrap();
    lab.naming.end(ONE);
    lab.pass(1_000);
    assert!(lab.taken(Outcome::Acked).is_empty());
}

#[test]
fn ten_thousand_subscribers_share_one_list() {
    let lab = Lab::new();
    let forms = (1..101).map(form).collect();
    lab.naming.register_batch(ONE, &gold(), forms).unwrap();
    for number in 10..10_010 {
        lab.begin(ConnectionId(number));
        lab.naming.subscribe(ConnectionId(number), &gold(), "").unwrap();
    }
    lab.pass(200);
    let pushed = std::mem::take(&mut *lab.pushed.0.lock());
    assert_eq!(pushed.len(), 10_000);
    let first = pushed[0].1.shared.as_ptr();
    assert!(pushed.iter().all(|(_, push)| push.shared.as_ptr() == first), "one copy for all");
    for (connection, push) in pushed {
        push.outcome.done(connection, push.token, Outcome::Acked);
    }
    for port in 200..230 {
        lab.register(Owner::Connection(TWO), form(port)).unwrap();
    }
    lab.pass(1_000);
    assert_eq!(lab.pushed.0.lock().len(), 10_000, "thirty changes are one push");
}

#[test]
fn limits_of_subscriptions() {
    let lab = Lab::new();
    let long = "c".repeat(rialto_nacos::limits::CLUSTERS_BYTES_MAX + 1);
    assert_eq!(lab.naming.subscribe(ONE, &gold(), &long).unwrap_err().status, 400);
    for number in 0..rialto_nacos::limits::SUBSCRIPTIONS_MAX {
        let key = map::key("", "", &format!("s{number}")).unwrap();
        lab.naming.subscribe(ONE, &key, "").unwrap();
    }
    assert_eq!(lab.naming.subscribe(ONE, &gold(), "").unwrap_err().status, 500);
    lab.naming.subscribe(TWO, &gold(), "").unwrap();
    let stranger = lab.naming.subscribe(ConnectionId(99), &gold(), "").unwrap_err();
    assert_eq!(stranger.status, 500);
    assert_eq!(lab.engine.read(|state| state.services_len()), 0, "no service is made");
}

#[test]
fn patterns_are_told_what_comes_and_goes() {
    let lab = Lab::new();
    let watch = rialto_nacos::naming::FuzzyForm {
        pattern: "public>>DEFAULT_GROUP>>g*",
        received: &[],
        initial: true,
    };
    lab.naming.watch_fuzzily(ONE, watch).unwrap();
    lab.pass(100);
    assert_eq!(lab.taken(Outcome::Acked)[0].1["syncType"], "FINISH_FUZZY_WATCH_INIT_NOTIFY");
    lab.register(Owner::Connection(TWO), form(1)).unwrap();
    lab.register(Owner::Connection(TWO), form(2)).unwrap();
    lab.pass(100);
    let told = lab.taken(Outcome::Acked);
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].1,
        json!({
        "syncType":"FUZZY_WATCH_RESOURCE_CHANGED","serviceKey":"public@@DEFAULT_GROUP@@gold",
        "changedType":"ADD_SERVICE","module":"naming"})
    );
    lab.naming.end(TWO);
    lab.pass(100);
    assert_eq!(lab.taken(Outcome::TimedOut)[0].1["changedType"], "DELETE_SERVICE");
    lab.naming.end(ONE);
    lab.pass(5_000);
    assert!(lab.taken(Outcome::Acked).is_empty());
}
