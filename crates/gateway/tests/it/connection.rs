//! Clients that pipeline, half-close, leave, and a gateway that stops.

use std::sync::mpsc;
use std::time::Duration;

use rialto_gateway::{AccessLog, GatewayConfig, Limits};

use crate::support::{Backend, Reaction, Rig, eventually, route};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::start(|seen| {
        let path = seen.head.split(' ').nth(1).unwrap_or_default().to_owned();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
        Reaction::Raw(head.into_bytes())
    });
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    let requests: String = (0..50)
        .map(|at| match at % 3 {
            0 => format!("GET /{at} HTTP/1.1\r\nHost: a\r\n\r\n"),
            1 => format!("POST /{at} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET"),
            _ => format!(
                "PUT /{at} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                          3\r\nGET\r\n0\r\n\r\n"
            ),
        })
        .collect();
    client.send(&requests);
    for at in 0..50 {
        assert_eq!(client.answer().text(), format!("/{at}"));
    }
}

#[test]
fn requests_may_come_byte_by_byte() {
    let backend = Backend::named("x");
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    for byte in
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    {
        client.send_bytes(&[*byte]);
        std::thread::yield_now();
    }
    assert_eq!(client.answer().text(), "x");
    assert_eq!(backend.seen()[0].body, b"hi");
}

#[test]
fn a_half_closed_client_gets_its_answer() {
    let backend = Backend::start(|_| {
        std::thread::sleep(Duration::from_millis(100));
        Reaction::Ok("x")
    });
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.half_close();
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (200, vec!["close"]));
    client.expect_closed();
}

#[test]
fn a_client_that_leaves_is_noticed() {
    let backend = Backend::start(|_| Reaction::Hang);
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the request arrives", || backend.seen().len() == 1);
    // Something unread makes the close a reset, as when a process is killed.
    drop(client);
    eventually("its instance is freed", || backend.connections().1 == 0);
    eventually("it counts as ended", || rig.telemetry.routes().total().in_flight == 0);
}

#[test]
fn connection_close_is_kept() {
    let backend = Backend::named("x");
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(client.answer().header("connection"), ["close"]);
    client.expect_closed();
    let mut old = rig.client();
    for _ in 0..2 {
        old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(old.answer().header("connection"), ["keep-alive"]);
    }
}

#[test]
fn a_stop_waits_for_requests_and_for_nothing_else() {
    let (release, released) = mpsc::channel::<()>();
    let released = parking_lot::Mutex::new(released);
    let backend = Backend::start(move |_| {
        let _ = released.lock().recv();
        Reaction::Ok("x")
    });
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut idle = rig.client();
    let mut busy = rig.client();
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the request arrives", || backend.seen().len() == 1);
    rig.shutdown.begin();
    idle.expect_closed();
    assert!(rig.shutdown.pending() > 0);
    release.send(()).expect("the instance waits");
    let answer = busy.answer();
    assert_eq!((answer.text(), answer.header("connection")), ("x", vec!["close"]));
    busy.expect_closed();
    eventually("every thread ends", || rig.shutdown.pending() == 0);
    assert!(std::net::TcpStream::connect(rig.gateway.local_addr()).is_err());
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let backend = Backend::start(|_| Reaction::Hang);
    let limits = Limits { drain_ms: 100, ..Limits::default() };
    let routes = vec![route(&format!("/**={}", backend.uri()))];
    let rig = Rig::with(GatewayConfig { routes, limits, ..GatewayConfig::default() });
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the request arrives", || backend.seen().len() == 1);
    rig.shutdown.begin();
    client.expect_closed();
    eventually("every thread ends", || rig.shutdown.pending() == 0);
}

#[test]
fn every_request_is_in_the_access_log() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("access.log");
    let backend = Backend::named("hello");
    let rig = Rig::with(GatewayConfig {
        routes: vec![route(&format!("/a/**={}", backend.uri()))],
        access_log: AccessLog::File(path.clone()),
        ..GatewayConfig::default()
    });
    let id = rig.get("/a/b?secret=1").header("x-request-id")[0].to_owned();
    rig.get("/nowhere");
    let mut wrong = rig.client();
    wrong.send("nonsense\r\n\r\n");
    assert_eq!(wrong.answer().status, 400);
    rig.shutdown.begin();
    eventually("every thread ends", || rig.shutdown.pending() == 0);
    let text = std::fs::read_to_string(path).expect("a log");
    assert!(!text.contains("secret"), "queries may hold secrets: {text}");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let find = |status: u16| {
        lines.iter().find(|line| line["status"] == status).unwrap_or_else(|| panic!("{text}"))
    };
    let line = find(200);
    assert_eq!((&line["path"], &line["route"]), (&"/a/b".into(), &"a".into()));
    assert_eq!((&line["bytes"], &line["id"]), (&5.into(), &id.into()));
    assert_eq!(line["instance"], backend.address().to_string());
    assert_eq!(find(404)["flag"], "NR");
    assert_eq!(find(400)["flag"], "BR");
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_slow_reader_gets_everything() {
    let large: &'static str = String::leak("x".repeat(4_000_000));
    let backend = Backend::start(move |_| Reaction::Ok(large));
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the instance has answered", || backend.seen().len() == 1);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(client.answer().body.len(), large.len());
}
