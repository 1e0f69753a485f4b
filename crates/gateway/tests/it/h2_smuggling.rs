//! What could be smuggled through HTTP/2 to an instance that speaks HTTP/1.1: none of it gets
//! there.
//!
//! Frames are written by hand, since no client library sends such requests.

use std::time::Duration;

use crate::support::client::values;
use crate::support::{Backend, Client, Rig, eventually, route};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

type Lines<'a> = &'a [(&'a str, &'a str)];
/// Fields, and the body in frames.
type Case<'a> = (Vec<(&'a str, &'a str)>, &'a [&'a [u8]]);

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend_from_slice(payload);
    frame
}

/// Literal fields without indexing and without Huffman coding (RFC 7541 6.2.2).
fn block(lines: Lines<'_>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short texts"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// Sends one request; true when the gateway has answered or refused it.
fn send(client: &mut Client, lines: Lines<'_>, body: &[&[u8]]) {
    let mut bytes = rialto_http1::PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    let last = if body.is_empty() { END_STREAM } else { 0 };
    bytes.extend(frame(HEADERS, END_HEADERS | last, 1, &block(lines)));
    for (at, data) in body.iter().enumerate() {
        let last = if at + 1 == body.len() { END_STREAM } else { 0 };
        bytes.extend(frame(DATA, last, 1, data));
    }
    client.try_send(&bytes);
}

/// Reads frames until something ends the stream, or the connection.
fn end(client: &mut Client) {
    loop {
        while client.input.len() >= 9 {
            let length = usize::from(client.input[1]) << 8 | usize::from(client.input[2]);
            let (kind, flags) = (client.input[3], client.input[4]);
            if client.input.len() < 9 + length {
                break;
            }
            client.input.drain(..9 + length);
            let ends = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
            if ends || matches!(kind, RST_STREAM | GOAWAY) {
                return;
            }
        }
        if !client.more() {
            return;
        }
    }
}

const GOOD: Lines<'static> =
    &[(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/x")];

fn with<'a>(more: Lines<'a>) -> Vec<(&'a str, &'a str)> {
    [GOOD, more].concat()
}

fn but<'a>(name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let change = |line: &(&'static str, &'static str)| {
        if line.0 == name { (line.0, value) } else { *line }
    };
    GOOD.iter().map(change).collect()
}

#[test]
fn nothing_is_smuggled_through_http_2() {
    let backend = Backend::named("x");
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let no_host: Vec<_> = GOOD.iter().copied().filter(|line| line.0 != ":authority").collect();
    let cases: Vec<Case<'_>> = vec![
        (with(&[("transfer-encoding", "chunked")]), &[b"0\r\n\r\n"]),
        (with(&[("connection", "close")]), &[]),
        (with(&[("te", "gzip")]), &[]),
        (with(&[("host", "b")]), &[]),
        (with(&[("content-length", "5")]), &[]),
        (with(&[("content-length", "3")]), &[b"hello"]),
        (with(&[("content-length", "9")]), &[b"hello"]),
        (with(&[("content-length", "5"), ("content-length", "6")]), &[b"hello"]),
        (with(&[("content-length", "5"), ("content-length", "5")]), &[b"hello"]),
        (with(&[("content-length", "+5")]), &[b"hello"]),
        (with(&[("content_length", "0")]), &[b"hello"]),
        (with(&[("x-a", "b\r\ntransfer-encoding: chunked")]), &[]),
        (with(&[("x-a", "b\nx: y")]), &[]),
        (with(&[("x-a", "b\0")]), &[]),
        (with(&[("x-a\r\nx", "y")]), &[]),
        (with(&[("x a", "y")]), &[]),
        (with(&[("x:a", "y")]), &[]),
        (with(&[("X-Upper", "y")]), &[]),
        (but(":path", "/a/../b"), &[]),
        (but(":path", "/a/%2e%2e/b"), &[]),
        (but(":path", "/a b HTTP/1.1\r\nx: y"), &[]),
        (but(":path", "x"), &[]),
        (but(":path", ""), &[]),
        (but(":method", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"), &[]),
        (but(":authority", "a/b"), &[]),
        (but(":authority", "u@a"), &[]),
        (but(":authority", "a\r\nx: y"), &[]),
        (no_host, &[]),
    ];
    for (lines, body) in cases {
        let mut client = rig.client();
        send(&mut client, &lines, body);
        end(&mut client);
        assert!(backend.seen().is_empty(), "{lines:?} reached the instance");
    }
    // Given a moment, none of them arrives late.
    std::thread::sleep(Duration::from_millis(50));
    assert!(backend.seen().is_empty());
    let mut client = rig.client();
    send(&mut client, &with(&[("content-length", "5")]), &[b"he", b"llo"]);
    eventually("a right one arrives", || backend.seen().len() == 1);
    let seen = backend.seen().remove(0);
    assert_eq!(
        (seen.body.as_slice(), values(&seen.head, "content-length")),
        (&b"hello"[..], vec!["5"])
    );
}
