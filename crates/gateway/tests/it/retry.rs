//! Instances that fail, die and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rialto_api::route::{RetrySpec, RouteSpec};
use rialto_gateway::GatewayConfig;

use crate::support::{Backend, Client, Reaction, Rig, eventually, route};

fn stock(retry: Option<RetrySpec>) -> GatewayConfig {
    let balance = Some("round_robin".to_owned());
    let route = RouteSpec { retry, balance, ..route("/**=lb://stock") };
    GatewayConfig { routes: vec![route], ..GatewayConfig::default() }
}

fn status(code: u16) -> Vec<u8> {
    format!("HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

#[test]
fn no_request_is_lost_when_an_instance_dies_in_the_middle_of_traffic() {
    let (one, two) = (Backend::named("x"), Backend::named("x"));
    let rig = Rig::with_instances(stock(None), &[("stock", &one), ("stock", &two)]);
    let address = rig.gateway.local_addr();
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let answered = Arc::clone(&answered);
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..300 {
                    client.send("GET /order HTTP/1.1\r\nHost: a\r\n\r\n");
                    assert_eq!(client.answer().status, 200);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    eventually("traffic flows", || answered.load(Ordering::SeqCst) > 200);
    one.kill();
    for client in clients {
        client.join().expect("every request was answered with 200");
    }
    eventually("the dead one is ejected", || {
        rig.get("/");
        rig.event_kinds().contains(&"ejected".to_owned())
    });
    assert!(rig.telemetry.routes().total().retries > 0);
}

#[test]
fn an_instance_that_registers_again_is_a_new_process() {
    let works = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&works);
    let restarting = Backend::start(move |_| {
        Reaction::Raw(status(if told.load(Ordering::SeqCst) { 200 } else { 503 }))
    });
    let other = Backend::named("x");
    let mut config = stock(None);
    // One view of the instances, so that one ejection is all of them.
    config.workers = 1;
    let rig = Rig::with_instances(config, &[("stock", &restarting), ("stock", &other)]);
    eventually("it is ejected for half a minute", || {
        rig.get("/");
        rig.event_kinds().contains(&"ejected".to_owned())
    });
    works.store(true, Ordering::SeqCst);
    crate::support::register(&rig.engine, "stock", restarting.address());
    eventually("it is called again at once", || {
        rig.get("/").text().is_empty() && rig.event_kinds().contains(&"returned".to_owned())
    });
}

#[test]
fn an_answer_that_calls_for_it_is_tried_elsewhere() {
    let bad = Backend::start(|_| Reaction::Raw(status(503)));
    let good = Backend::named("good");
    let config = stock(Some(RetrySpec::default()));
    let rig = Rig::with_instances(config, &[("stock", &bad), ("stock", &good)]);
    let mut client = rig.client();
    for method in ["GET", "PUT", "GET", "DELETE"] {
        client.send(&format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"));
        assert_eq!(client.answer().text(), "good", "{method}");
    }
    assert!(!bad.seen().is_empty(), "the bad one was tried first at times");
    assert!(bad.seen().iter().all(|seen| seen.body == b"hi"));
    assert!(good.seen().iter().all(|seen| seen.body == b"hi"), "the body is sent again");
}

#[test]
fn what_must_not_happen_twice_is_not_tried_twice() {
    let bad = Backend::start(|_| Reaction::Close);
    let rig = Rig::with_instances(stock(Some(RetrySpec::default())), &[("stock", &bad)]);
    let other = Backend::start(|_| Reaction::Close);
    crate::support::register(&rig.engine, "stock", other.address());
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    let answer = client.answer();
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("closed the connection"), "{}", answer.text());
    assert_eq!(bad.seen().len() + other.seen().len(), 1);
}

#[test]
fn retries_have_a_budget() {
    let backends: Vec<Backend> =
        (0..3).map(|_| Backend::start(|_| Reaction::Raw(status(503)))).collect();
    let retry = RetrySpec { retries: 2, budget_ratio: 0.0, ..RetrySpec::default() };
    let instances: Vec<_> = backends.iter().map(|backend| ("stock", backend)).collect();
    let config = GatewayConfig { workers: 1, ..stock(Some(retry)) };
    let rig = Rig::with_instances(config, &instances);
    let mut client = rig.client();
    let requests = 600;
    for _ in 0..requests {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 503);
    }
    let tries: usize = backends.iter().map(|backend| backend.seen().len()).sum();
    assert!(tries < requests + 200, "{tries} tries of {requests} requests");
}

#[test]
fn a_connection_closed_while_unused_costs_nobody_an_error() {
    let backend = Backend::named("x");
    let config = GatewayConfig { workers: 1, ..stock(None) };
    let rig = Rig::with_instances(config, &[("stock", &backend)]);
    for round in 0..20 {
        assert_eq!(rig.get("/").status, 200, "round {round}");
        backend.close_connections();
    }
}

#[test]
fn nobody_listens() {
    let backend = Backend::named("x");
    let address = backend.address();
    drop(backend);
    let rig = Rig::start(vec![route(&format!("/**=http://{address}"))]);
    let mut client = rig.client();
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 502, "and the connection goes on");
    }
}

#[test]
fn answers_that_make_no_sense_are_not_passed_on() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nabc",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"nonsense\r\n\r\n",
    ] {
        let backend = Backend::start(|_| Reaction::RawThenClose(answer.to_vec()));
        let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
        assert_eq!(rig.get("/").status, 502, "{:?}", answer.escape_ascii());
    }
}
