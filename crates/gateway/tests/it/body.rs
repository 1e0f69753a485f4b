//! Bodies in both directions, in every framing and every odd order.

use std::sync::mpsc;

use rialto_gateway::GatewayConfig;

use crate::support::client::values;
use crate::support::{Backend, Reaction, Rig, eventually, route};

fn rig(backend: &Backend) -> Rig {
    Rig::with(GatewayConfig {
        routes: vec![route(&format!("/**={}", backend.uri()))],
        workers: 1,
        ..GatewayConfig::default()
    })
}

#[test]
fn large_bodies_both_ways() {
    let large: &'static str = String::leak("0123456789".repeat(300_000));
    let backend = Backend::start(move |_| Reaction::Ok(large));
    let rig = rig(&backend);
    let mut client = rig.client();
    for round in 0..2 {
        client
            .send(&format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", large.len()));
        client.send(large);
        assert_eq!(client.answer().text(), large, "round {round}");
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in large.as_bytes().chunks(70_001) {
            client.send(&format!("{:x};x=y\r\n", piece.len()));
            client.send_bytes(piece);
            client.send("\r\n");
        }
        client.send("0\r\nX-Trailer: dropped\r\n\r\n");
        assert_eq!(client.answer().text(), large, "round {round}");
    }
    for seen in backend.seen() {
        assert!(seen.body == large.as_bytes(), "{}", seen.head);
    }
    assert_eq!(values(&backend.seen()[1].head, "transfer-encoding"), ["chunked"]);
    assert_eq!(backend.connections().0, 1, "one connection serves them all");
}

#[test]
fn every_framing_of_an_answer() {
    let answers: [(&str, &str); 5] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nT: \r\n\r\n",
            "hello",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhello", "hello"),
        ("HTTP/1.0 200 OK\r\n\r\nhello", "hello"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
          HTTP/1.1 204 None\r\n\r\n",
            "",
        ),
    ];
    for (answer, expected) in answers {
        let backend = Backend::start(move |_| Reaction::RawThenClose(answer.as_bytes().to_vec()));
        let rig = rig(&backend);
        let mut client = rig.client();
        for _ in 0..2 {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().text(), expected, "{answer:?}");
        }
        let mut old = rig.client();
        old.send("GET / HTTP/1.0\r\n\r\n");
        let answer = old.answer();
        assert_eq!(answer.text(), expected);
        assert!(answer.header("transfer-encoding").is_empty(), "{}", answer.head);
        old.expect_closed();
    }
}

#[test]
fn answers_to_head_have_no_body() {
    let backend = Backend::start(|seen| match seen.head.starts_with("HEAD") {
        true => Reaction::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".to_vec()),
        false => Reaction::Ok("x"),
    });
    let rig = rig(&backend);
    let mut client = rig.client();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.answer_to("HEAD").expect("an answer");
    assert_eq!(answer.header("content-length"), ["500"]);
    assert_eq!(client.answer().text(), "x");
}

#[test]
fn a_stream_is_passed_on_as_it_comes() {
    let (send, receive) = mpsc::channel();
    let receive = parking_lot::Mutex::new(Some(receive));
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let backend = Backend::start(move |_| {
        Reaction::Stream(head.to_vec(), receive.lock().take().expect("one request"))
    });
    let rig = rig(&backend);
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        send.send(event.as_bytes().to_vec()).expect("the instance streams");
        while !client.input.ends_with(format!("{event}\r\n").as_bytes()) {
            assert!(client.more(), "the stream goes on");
        }
    }
    drop(send);
    assert!(client.answer().text().ends_with("data: 2\n\n"));
}

#[test]
fn an_early_answer_does_not_wait_for_the_body() {
    let backend = Backend::early(|_| {
        Reaction::RawThenClose(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno".to_vec())
    });
    let rig = rig(&backend);
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (403, "no"));
    assert_eq!(answer.header("connection"), ["close"]);
    client.try_send(&[b'x'; 100_000]);
    client.rest();
}

#[test]
fn a_chatty_instance_answers_while_it_reads() {
    let backend = Backend::early(|_| Reaction::Echo(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()));
    let rig = rig(&backend);
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    while !client.input.windows(5).any(|part| part == b"hello") {
        assert!(client.more(), "the answer begins before the request ends");
    }
    client.send("world");
    while !client.input.windows(5).any(|part| part == b"world") {
        assert!(client.more(), "the answer goes on");
    }
}

#[test]
fn expectations() {
    let backend = Backend::start(|_| Reaction::Ok("x"));
    let rig = rig(&backend);
    let mut client = rig.client();
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    while client.input.len() < 25 {
        assert!(client.more());
    }
    assert_eq!(client.input, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.input.clear();
    client.send("hi");
    assert_eq!(client.answer().text(), "x");
    assert!(values(&backend.seen()[0].head, "expect").is_empty());
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: tea\r\n\r\nhi");
    assert_eq!(client.answer().status, 417);
    let mut refused = rig.client();
    refused.send("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    assert_eq!(refused.answer().status, 405);
}

#[test]
fn excess_bytes_of_an_instance_reach_nobody() {
    let backend = Backend::start(|_| {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
                      HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        Reaction::Raw(answer.as_bytes().to_vec())
    });
    let rig = rig(&backend);
    let mut client = rig.client();
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().text(), "ok");
    }
    assert_eq!(backend.connections().0, 3, "a connection with excess is not used again");
}

#[test]
fn a_cut_answer_is_not_completed() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let backend = Backend::start(|_| Reaction::RawThenClose(answer.to_vec()));
        let rig = rig(&backend);
        let mut client = rig.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let all = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(all.contains("hello") && !all.contains("\r\n0\r\n"), "{all:?}");
        eventually("it counts as an error", || rig.telemetry.routes().total().errors == 1);
    }
}
