//! Limiters, queues, breakers and times.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rialto_api::route::{BreakerSpec, ConcurrencySpec, RateLimitSpec, RouteSpec};
use rialto_gateway::{GatewayConfig, Limits};

use crate::support::client::values;
use crate::support::{Backend, Client, Reaction, Rig, eventually, route};

fn limit(per_second: f64, burst: u32, max_wait_ms: Option<u64>, key: &str) -> RateLimitSpec {
    RateLimitSpec { per_second, burst: Some(burst), max_wait_ms, key: Some(key.to_owned()) }
}

#[test]
fn too_many_requests_are_told_when_to_come_back() {
    let backend = Backend::named("x");
    let text = format!("/a/**={}", backend.uri());
    let rate_limit = Some(limit(0.1, 3, None, "route"));
    let rig = Rig::start(vec![RouteSpec { rate_limit, ..route(&text) }]);
    let statuses: Vec<u16> = (0..5).map(|_| rig.get("/a").status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429], "over both workers");
    let answer = rig.get("/a");
    let after: u64 = answer.header("retry-after")[0].parse().expect("seconds");
    assert!((1..=10).contains(&after), "{after}");
    assert_eq!(backend.seen().len(), 3);
    assert_eq!(rig.telemetry.routes().total().limited, 3);
    let limited = rig.event_kinds().iter().filter(|kind| *kind == "limited").count();
    assert_eq!(limited, 1, "one event for many refusals");
}

#[test]
fn buckets_by_header() {
    let backend = Backend::named("x");
    let text = format!("/**={}", backend.uri());
    let rate_limit = Some(limit(0.1, 1, None, "header:X-Tenant"));
    let rig = Rig::start(vec![RouteSpec { rate_limit, ..route(&text) }]);
    let mut client = rig.client();
    let statuses = ["a", "b", "a", "b"].map(|tenant| {
        client.send(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: {tenant}\r\n\r\n"));
        client.answer().status
    });
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[test]
fn a_leaky_queue_spaces_requests() {
    let backend = Backend::named("x");
    let text = format!("/**={}", backend.uri());
    let rate_limit = Some(limit(20.0, 1, Some(120), "route"));
    let rig = Rig::start(vec![RouteSpec { rate_limit, ..route(&text) }]);
    let begun = Instant::now();
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let address = rig.gateway.local_addr();
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                client.answer().status
            })
        })
        .collect();
    let mut statuses: Vec<u16> =
        clients.into_iter().map(|client| client.join().expect("an answer")).collect();
    statuses.sort_unstable();
    assert!(begun.elapsed() >= Duration::from_millis(100), "the third waits 100 ms");
    assert_eq!((statuses[..3].to_vec(), statuses[5]), (vec![200; 3], 503), "{statuses:?}");
}

#[test]
fn a_queue_before_the_requests_under_way() {
    let (release, released) = mpsc::channel::<()>();
    let released = parking_lot::Mutex::new(released);
    let backend = Backend::start(move |_| {
        let _ = released.lock().recv();
        Reaction::Ok("x")
    });
    let text = format!("/**={}", backend.uri());
    let concurrency = Some(ConcurrencySpec { max: 1, queue: 1, max_wait_ms: 8_000 });
    let rig = Rig::start(vec![RouteSpec { concurrency, ..route(&text) }]);
    let send = || {
        let mut client = rig.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client
    };
    let mut first = send();
    eventually("the first is under way", || backend.seen().len() == 1);
    let second = send();
    let in_flight = || rig.telemetry.routes().total().in_flight;
    eventually("the second is in the queue", || in_flight() == 2);
    eventually("the third finds the queue full", || {
        let mut third = send();
        third.stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let mut byte = [0];
        third.stream.peek(&mut byte).is_ok_and(|read| read == 1) && third.answer().status == 503
    });
    drop(second);
    eventually("one that leaves makes room", || in_flight() == 1);
    let mut second = send();
    eventually("another is in the queue", || in_flight() == 2);
    for _ in 0..8 {
        release.send(()).expect("the instance waits");
    }
    assert_eq!((first.answer().status, second.answer().status), (200, 200));
}

#[test]
fn a_breaker_opens_and_closes() {
    let fails = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    let backend = Backend::start(move |_| match failing.load(Ordering::SeqCst) {
        true => Reaction::Raw(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_vec()),
        false => Reaction::Ok("well"),
    });
    let breaker = Some(BreakerSpec {
        consecutive_failures: 3,
        open_ms: 300,
        fallback_body: Some("later".to_owned()),
        ..BreakerSpec::default()
    });
    let text = format!("/**={}", backend.uri());
    let rig = Rig::start(vec![RouteSpec { breaker, ..route(&text) }]);
    for _ in 0..3 {
        assert_eq!(rig.get("/").status, 500);
    }
    // An answer is counted just after it was sent, so another may slip through.
    eventually("it opens", || rig.get("/").text() == "later");
    let asked = backend.seen().len();
    assert_eq!((rig.get("/").status, backend.seen().len()), (200, asked), "nobody is asked");
    fails.store(false, Ordering::SeqCst);
    eventually("it closes", || {
        rig.get("/");
        rig.event_kinds().contains(&"breaker_closed".to_owned())
    });
    assert_eq!(rig.get("/").text(), "well");
    assert!(rig.event_kinds().contains(&"breaker_opened".to_owned()));
}

#[test]
fn an_instance_that_does_not_answer() {
    let backend = Backend::start(|_| Reaction::Hang);
    let text = format!("/**={}", backend.uri());
    let response_timeout_ms = Some(150);
    let rig = Rig::start(vec![RouteSpec { response_timeout_ms, ..route(&text) }]);
    let begun = Instant::now();
    let answer = rig.get("/");
    assert_eq!(answer.status, 504);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let told = values(&backend.seen()[0].head, "x-request-timeout-ms").join("");
    assert!((1..=150).contains(&told.parse().unwrap_or(0)), "{told}");
}

#[test]
fn the_caller_may_set_a_shorter_time() {
    let backend = Backend::start(|_| Reaction::Hang);
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Timeout-Ms: 100\r\n\r\n");
    assert_eq!(client.answer().status, 504);
}

#[test]
fn slow_heads_and_bodies_are_ended() {
    let backend = Backend::named("x");
    let limits = Limits { head_timeout_ms: 200, body_timeout_ms: 200, ..Limits::default() };
    let rig = Rig::with(GatewayConfig {
        routes: vec![route(&format!("/**={}", backend.uri()))],
        limits,
        ..GatewayConfig::default()
    });
    let mut slow = rig.client();
    slow.send("GET / HTTP/1.1\r\nHost:");
    for _ in 0..200 {
        std::thread::sleep(Duration::from_millis(10));
        if !slow.try_send(b"a") || slow.stream.peek_now() {
            break;
        }
    }
    assert_eq!(slow.answer().status, 408, "however often it sends a byte");
    let mut silent = rig.client();
    silent.expect_closed();
    let mut body = rig.client();
    body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    assert_eq!(body.answer().status, 408);
    body.expect_closed();
    assert!(backend.seen().is_empty(), "nothing of it counts as a request");
}

#[test]
fn idle_connections_are_closed() {
    let backend = Backend::named("x");
    let limits = Limits { idle_timeout_ms: 150, ..Limits::default() };
    let rig = Rig::with(GatewayConfig {
        routes: vec![route(&format!("/**={}", backend.uri()))],
        limits,
        ..GatewayConfig::default()
    });
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    client.expect_closed();
}

#[test]
fn sizes() {
    let backend = Backend::named("x");
    let text = format!("/**={}", backend.uri());
    let rig = Rig::start(vec![RouteSpec { body_max_bytes: Some(10), ..route(&text) }]);
    let chunked = "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n";
    for (rest, expected) in [
        ("Content-Length: 10\r\n\r\n0123456789".to_owned(), 200),
        ("Content-Length: 11\r\n\r\n0123456789a".to_owned(), 413),
        (chunked.to_owned(), 413),
        (format!("X: {}\r\n\r\n", "y".repeat(33_000)), 431),
        (format!("{}\r\n", "X: y\r\n".repeat(101)), 431),
    ] {
        let mut client = rig.client();
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}"));
        assert_eq!(client.answer().status, expected, "{:.40}", rest);
    }
    let mut client = rig.client();
    client.send(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(8_200)));
    assert_eq!(client.answer().status, 414);
    assert_eq!(backend.seen().len(), 1);
}

trait PeekNow {
    fn peek_now(&self) -> bool;
}

impl PeekNow for std::net::TcpStream {
    /// Whether something can be read at once.
    fn peek_now(&self) -> bool {
        self.set_nonblocking(true).expect("a socket");
        let there = self.peek(&mut [0]).is_ok();
        self.set_nonblocking(false).expect("a socket");
        there
    }
}
