//! HTTP/1.1: answers, limits, and what a stop waits for.

use std::io::{Read, Write};
use std::time::Instant;

use rialto_door::http::{Deadlines, Limits};

use crate::door::{Door, PATIENCE, limits, read_all};

const CLOSE: &str = "Host: a\r\nConnection: close\r\n\r\n";

#[test]
fn calls_come_with_all_that_they_have() {
    let door = Door::open();
    let answer = door.say(
        b"POST /echo?a=b HTTP/1.1\r\nx-echo: c\r\nContent-Length: 3\r\n\
        Host: a\r\nConnection: close\r\n\r\nabc",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    assert!(answer.ends_with("\r\n\r\nPOST a=b c 3 0 false"), "{answer}");
    assert!(answer.contains("\r\nx-stored: a  b\r\n"), "{answer}");
}

#[test]
fn the_second_address_is_told_apart() {
    let door = Door::open();
    let mut stream = std::net::TcpStream::connect(door.second).unwrap();
    stream.write_all(format!("GET /echo HTTP/1.1\r\n{CLOSE}").as_bytes()).unwrap();
    assert!(read_all(&mut stream).ends_with("GET - - 0 1 false"));
}

#[test]
fn pipelined_calls_are_answered_in_order() {
    let door = Door::open();
    let calls = "GET /later HTTP/1.1\r\nHost: a\r\n\r\nHEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = door.say(format!("{calls}GET /none HTTP/1.1\r\n{CLOSE}").as_bytes());
    let statuses: Vec<_> = answer.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 3, "{answer}");
    assert!(answer.contains("\r\n\r\nlaterHTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("HTTP/1.1 404 Not Found"), "{answer}");
}

#[test]
fn large_answers_arrive_whole() {
    let door = Door::open();
    let answer = door.say(format!("GET /large HTTP/1.1\r\n{CLOSE}").as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 3145728"), "{head}");
    assert_eq!(body.len(), 3 << 20);
}

#[test]
fn preparation_comes_before_the_answer_and_once() {
    let door = Door::open();
    let call = "POST /prepared HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy";
    let chunked = "POST /prepared HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
        Connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = door.say(format!("{call}{chunked}").as_bytes());
    assert!(answer.contains("\r\n\r\n1 2HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n1 3"), "{answer}");
}

#[test]
fn every_limit_has_its_status() {
    let door = Door::open();
    let long = format!("GET /{} HTTP/1.1\r\n{CLOSE}", "x".repeat(1_100));
    let many = format!("GET / HTTP/1.1\r\n{}{CLOSE}", "a: b\r\n".repeat(8));
    let large = format!("POST /echo HTTP/1.1\r\nContent-Length: {}\r\n{CLOSE}", (1 << 20) + 1);
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 19, "x".repeat(1 << 19));
    let chunks = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}1\r\nx\r\n0\r\n\r\n",
        chunk.repeat(2)
    );
    for (call, status) in [(long, "431"), (many, "431"), (large, "413"), (chunks, "413")] {
        let answer = door.say(call.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[test]
fn bodies_at_one_time_are_limited_together() {
    let door = Door::open();
    let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 1 << 20);
    let (told, tells) = std::sync::mpsc::channel();
    let mut streams: Vec<_> = (0..2)
        .map(|number| {
            let mut stream = door.connect();
            stream.write_all(head.as_bytes()).unwrap();
            let (mut reader, told) = (stream.try_clone().unwrap(), told.clone());
            std::thread::spawn(move || {
                let mut start = [0; 12];
                reader.read_exact(&mut start).unwrap();
                told.send((number, String::from_utf8_lossy(&start).into_owned())).unwrap();
            });
            // All but the last byte, so that neither is answered before both have come.
            stream.write_all(&vec![b'x'; (1 << 20) - 1]).unwrap();
            stream
        })
        .collect();
    let (refused, answer) = tells.recv_timeout(PATIENCE).unwrap();
    assert_eq!(answer, "HTTP/1.1 503");
    let served = 1 - refused;
    streams[served].write_all(b"x").unwrap();
    assert_eq!(tells.recv_timeout(PATIENCE).unwrap(), (served, "HTTP/1.1 200".to_owned()));
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let door = Door::with(Limits { connections_max: 1, ..limits() }, None);
    let mut first = door.connect();
    first.write_all(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    first.read_exact(&mut [0; 12]).unwrap();
    assert_eq!(door.say(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"), "");
}

#[test]
fn slow_heads_are_told_and_idle_connections_closed() {
    let deadlines = Deadlines { idle_ms: 100, head_ms: 100, body_ms: 100, answer_ms: 100 };
    let door = Door::with(Limits { deadlines, ..limits() }, None);
    assert_eq!(door.say(b""), "");
    assert!(door.say(b"GET / HT").starts_with("HTTP/1.1 408 "));
    let head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx";
    assert!(door.say(head).starts_with("HTTP/1.1 408 "));
    // HTTP/2 that stops in its preface is slow too.
    assert!(door.say(b"PRI * HTTP/2.0\r\n").starts_with("HTTP/1.1 408 "));
}

#[test]
fn held_answers_end_with_their_client_and_with_the_door() {
    let door = Door::open();
    let held = || {
        let mut stream = door.connect();
        stream.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        stream
    };
    let waits = |count: usize| {
        let end = Instant::now() + PATIENCE;
        while door.release.receiver_count() != count {
            assert!(Instant::now() < end, "not in time");
            std::thread::yield_now();
        }
    };
    let idle = door.release.receiver_count();
    let (gone, mut told) = (held(), held());
    waits(idle + 2);
    drop(gone);
    waits(idle + 1);
    door.release.send(true).unwrap();
    let mut start = [0; 12];
    told.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    door.release.send(false).unwrap();
    let mut stopped = held();
    waits(idle + 1);
    let begun = Instant::now();
    door.shutdown.begin();
    assert_eq!(read_all(&mut stopped), "");
    assert!(begun.elapsed().as_secs() < 2, "a stop waits for no held answer");
}

#[test]
fn http2_is_handed_over_with_what_was_read() {
    let door = Door::open();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut stream = door.connect();
    for part in preface.chunks(5) {
        stream.write_all(part).unwrap();
    }
    let said = read_all(&mut stream);
    assert_eq!(said, format!("{} false", String::from_utf8_lossy(preface)));
    // What only begins like it is HTTP/1.1.
    let answer = door.say(format!("PRIX /echo HTTP/1.1\r\n{CLOSE}").as_bytes());
    assert!(answer.ends_with("PRIX - - 0 0 false"), "{answer}");
}
