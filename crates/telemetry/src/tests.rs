//! The books as their readers see them.

use super::*;
use crate::limits::{COUNTER_LABEL_SETS_MAX, EDGES_MAX, EVENTS_MAX, HISTORY_MS, ROUTES_MAX};

fn call(meter: &Meter, worker: usize, class: Class, latency_us: u64) {
    meter.shard(worker).begin();
    meter.shard(worker).finish(class, latency_us);
}

#[test]
fn counts_appear_at_once_and_rates_with_the_next_sample() {
    let telemetry = Telemetry::new();
    let meter = telemetry.routes().meter("shop");
    telemetry.sample(1_000);
    for worker in 0..20 {
        call(&meter, worker, Class::Ok, 1_000);
    }
    call(&meter, 0, Class::ServerError, 90_000);
    call(&meter, 0, Class::Limited, 5);
    meter.shard(0).begin();
    meter.shard(3).retry();

    let before = telemetry.routes().traffic("shop").expect("the route is metered");
    assert_eq!((before.requests, before.errors, before.limited), (22, 1, 1));
    assert_eq!((before.retries, before.in_flight), (1, 1));
    assert_eq!(before.rate, 0.0);

    telemetry.sample(2_000);
    let after = telemetry.routes().total();
    assert_eq!(after.rate, 11.0);
    assert_eq!((after.error_rate, after.limited_rate), (0.5, 0.5));
    assert!((after.p50_ms - 1.0).abs() < 0.07);
    assert!((after.p99_ms - 90.0).abs() < 6.3);
}

#[test]
fn rates_look_back_ten_seconds() {
    let telemetry = Telemetry::new();
    let meter = telemetry.routes().meter("shop");
    for second in 1..=30 {
        if second <= 15 {
            (0..10).for_each(|_| call(&meter, 0, Class::Ok, 100));
        }
        telemetry.sample(second * 1_000);
        let expected =
            if second <= 15 { 10.0 } else { 10.0 * 25_u64.saturating_sub(second) as f64 / 10.0 };
        assert_eq!(telemetry.routes().total().rate, expected, "at {second} s");
    }
    assert_eq!(telemetry.routes().total().p99_ms, 0.0);
}

#[test]
fn history_has_gaps_where_nobody_measured_and_an_end() {
    let telemetry = Telemetry::new();
    let meter = telemetry.routes().meter("shop");
    call(&meter, 0, Class::Ok, 100);
    telemetry.sample(1_000);
    telemetry.sample(2_000);
    telemetry.sample(2_000);
    telemetry.sample(7_000);
    let history = telemetry.routes().history();
    let times: Vec<u64> = history.iter().map(|point| point.at_ms).collect();
    assert_eq!(times, [1_000, 2_000, 7_000]);
    assert!(history[0].p99_ms.is_some());
    assert_eq!(history[1].p99_ms, None);
    telemetry.sample(7_000 + HISTORY_MS + 1);
    assert_eq!(telemetry.routes().history().len(), 1);
}

#[test]
fn a_removed_route_stays_in_the_sum() {
    let telemetry = Telemetry::new();
    let meter = telemetry.routes().meter("old");
    call(&meter, 0, Class::Ok, 100);
    meter.shard(0).begin();
    telemetry.routes().remove("old");
    assert_eq!(telemetry.routes().list(), []);
    let total = telemetry.routes().total();
    assert_eq!((total.requests, total.in_flight), (1, 0));
}

#[test]
fn routes_edges_and_label_sets_are_bounded() {
    let telemetry = Telemetry::new();
    for number in 0..ROUTES_MAX + 2 {
        telemetry.routes().meter(&number.to_string());
    }
    call(&telemetry.routes().meter("one more"), 0, Class::Ok, 1);
    assert_eq!(telemetry.routes().list().len(), ROUTES_MAX + 1);
    assert_eq!(telemetry.routes().traffic("other").expect("shared").requests, 1);

    for number in 0..EDGES_MAX + 2 {
        call(&telemetry.calls().meter("gateway", &number.to_string()), 0, Class::Ok, 1);
    }
    assert_eq!(telemetry.calls().edges().len(), EDGES_MAX + 1);

    for number in 0..COUNTER_LABEL_SETS_MAX + 2 {
        telemetry.counter("x", "X", &[("app", &number.to_string())]).increment();
    }
    assert_eq!(telemetry.counter("x", "X", &[("app", "new")]).value(), 2);
}

#[test]
fn edges_without_traffic_fade() {
    let telemetry = Telemetry::new();
    let held = telemetry.calls().meter("gateway", "stock");
    call(&held, 0, Class::Ok, 1);
    call(&telemetry.calls().meter("order", "stock"), 0, Class::Ok, 1);
    telemetry.sample(1_000);
    assert_eq!(telemetry.calls().edges().len(), 2);
    telemetry.sample(1_001 + HISTORY_MS);
    assert_eq!(telemetry.calls().edges().len(), 0);
    call(&held, 0, Class::Ok, 1);
    telemetry.sample(2_000 + HISTORY_MS);
    let edges = telemetry.calls().edges();
    assert_eq!((edges.len(), edges[0].traffic.requests), (1, 2));
}

#[test]
fn reports_of_other_processes_add_up() {
    let telemetry = Telemetry::new();
    let meter = telemetry.calls().meter("order", "stock");
    meter.shard(0).absorb(&Absorbed {
        calls: [90, 0, 10, 0, 0],
        retries: 3,
        latencies_us: vec![(1_000, 90), (50_000, 10)],
    });
    telemetry.sample(1_000);
    let traffic = telemetry.calls().edges().remove(0).traffic;
    assert_eq!((traffic.requests, traffic.errors, traffic.retries), (100, 10, 3));
    assert_eq!((traffic.rate, traffic.in_flight), (100.0, 0));
    assert!((traffic.p99_ms - 50.0).abs() < 3.5);
}

#[test]
fn events_are_kept_in_order_and_bounded() {
    let telemetry = Telemetry::new();
    let mut live = telemetry.events().subscribe();
    for number in 1..=EVENTS_MAX + 5 {
        telemetry.events().push_at(7, EventKind::Registered, "stock", number.to_string());
    }
    let newest = telemetry.events().recent(2, None);
    assert_eq!(newest.iter().map(|event| event.id).collect::<Vec<_>>(), [10_005, 10_004]);
    let older = telemetry.events().recent(2, Some(10_004));
    assert_eq!(older.iter().map(|event| event.id).collect::<Vec<_>>(), [10_003, 10_002]);
    assert_eq!(telemetry.events().recent(usize::MAX, None).len(), EVENTS_MAX);
    assert_eq!(telemetry.events().recent(5, Some(6)).len(), 0);
    assert_eq!(telemetry.events().recent(5, Some(7)).len(), 1);
    assert!(live.try_recv().is_err(), "a slow subscriber is told that it missed events");
    assert_eq!(live.try_recv().expect("and goes on").kind, "registered");
}

#[test]
fn long_texts_are_cut() {
    let telemetry = Telemetry::new();
    telemetry.events().push(EventKind::Warning, "x", "é".repeat(600));
    let event = telemetry.events().recent(1, None).remove(0);
    assert_eq!(event.detail.chars().count(), 513);
    assert!(event.at_ms > 1_600_000_000_000);
}

#[test]
fn prometheus_text_is_complete_and_escaped() {
    let telemetry = Telemetry::new();
    let meter = telemetry.routes().meter("a\"b\\c\nd");
    call(&meter, 0, Class::Ok, 255);
    call(&meter, 0, Class::Ok, 256);
    call(&meter, 0, Class::ClientError, 200_000_000);
    call(&telemetry.calls().meter("gateway", "stock"), 1, Class::ServerError, 1);
    telemetry.counter("rialto_eureka_requests", "Requests", &[("op", "renew")]).add(3);
    telemetry.gauge("rialto_instances", "Instances", &[]).set(-2);
    let text = telemetry.prometheus();
    for line in [
        "rialto_requests_total{route=\"a\\\"b\\\\c\\nd\",class=\"ok\"} 2",
        "rialto_request_duration_seconds_bucket{le=\"0.000256\",route=\"a\\\"b\\\\c\\nd\"} 1",
        "rialto_request_duration_seconds_bucket{le=\"0.000512\",route=\"a\\\"b\\\\c\\nd\"} 2",
        "rialto_request_duration_seconds_bucket{le=\"+Inf\",route=\"a\\\"b\\\\c\\nd\"} 3",
        "rialto_request_duration_seconds_count{route=\"a\\\"b\\\\c\\nd\"} 3",
        "rialto_calls_total{from=\"gateway\",to=\"stock\",class=\"server_error\"} 1",
        "rialto_eureka_requests_total{op=\"renew\"} 3",
        "rialto_instances -2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn workers_count_together_without_losing_anything() {
    let telemetry = Telemetry::new();
    let meter = telemetry.routes().meter("shop");
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let meter = &meter;
            scope.spawn(move || (0..10_000).for_each(|us| call(meter, worker % 3, Class::Ok, us)));
        }
        for now_ms in 1..50 {
            telemetry.sample(now_ms);
        }
    });
    telemetry.sample(1_000);
    let total = telemetry.routes().total();
    assert_eq!((total.requests, total.in_flight), (80_000, 0));
    assert!((total.p50_ms - 5.0).abs() < 0.35);
}
