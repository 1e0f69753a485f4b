//! Request heads: what is read and what is refused.

use super::*;
use crate::field::slots;
use crate::limits::FIELDS_MAX;
use proptest::prelude::*;

fn check(input: &str) -> Result<Framing, Refusal> {
    let mut slots = slots();
    parse_request(input.as_bytes(), &mut slots).map(|read| read.expect("a whole head").0.framing)
}

fn with(lines: &str) -> Result<Framing, Refusal> {
    check(&format!("POST /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
}

#[test]
fn a_plain_request() {
    let mut slots = slots();
    let input = b"GET /a?b HTTP/1.1\r\nHost: a.example:80\r\nAccept:*/*  \r\n\r\nrest";
    let (request, used) = parse_request(input, &mut slots).unwrap().unwrap();
    assert_eq!(used, input.len() - 4);
    assert_eq!((request.method, request.target.path, request.host), ("GET", "/a", "a.example:80"));
    assert_eq!((request.target.query, request.framing), (Some("b"), Framing::None));
    assert_eq!(request.fields.get("ACCEPT"), Some(&b"*/*"[..]));
    assert!(request.keep_alive && !request.expects_continue && request.upgrade.is_none());
}

#[test]
fn bodies() {
    assert_eq!(with("Content-Length: 12\r\n"), Ok(Framing::Length(12)));
    assert_eq!(with("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
    assert_eq!(with("Content-Length: 0\r\n"), Ok(Framing::Length(0)));
    assert_eq!(with(""), Ok(Framing::None));
}

#[test]
fn ambiguous_framing_is_refused() {
    for (lines, refusal) in [
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Refusal::LengthAndChunked),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", Refusal::LengthAndChunked),
        ("Content-Length: 1\r\nContent-Length: 1\r\n", Refusal::ContentLength),
        ("Content-Length: 1, 1\r\n", Refusal::ContentLength),
        ("Content-Length: +1\r\n", Refusal::ContentLength),
        ("Content-Length: -1\r\n", Refusal::ContentLength),
        ("Content-Length: 0x1\r\n", Refusal::ContentLength),
        ("Content-Length:\r\n", Refusal::ContentLength),
        ("Content-Length: 99999999999999999999\r\n", Refusal::ContentLength),
        ("Transfer-Encoding: chunked, chunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: identity\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: xchunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Refusal::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", Refusal::TransferEncoding),
        ("Transfer_Encoding: chunked\r\n", Refusal::FieldName),
        ("Content-Length : 1\r\n", Refusal::Syntax),
        ("Transfer-Encoding : chunked\r\n", Refusal::Syntax),
        ("A: b\r\n c\r\n", Refusal::Syntax),
        ("A: b\0c\r\n", Refusal::Syntax),
        ("A: b\x7fc\r\n", Refusal::Syntax),
        ("A\x01: b\r\n", Refusal::Syntax),
        ("A: b\rc\r\n", Refusal::Syntax),
        ("A: b\nC: d\r\n", Refusal::BareLineEnd),
        ("Host: a\r\n", Refusal::Host),
    ] {
        assert_eq!(with(lines), Err(refusal), "{lines:?}");
    }
}

#[test]
fn start_lines() {
    for (input, refusal) in [
        ("GET / HTTP/1.1\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Refusal::Host),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::AuthorityMismatch),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::Target),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Refusal::Version),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", Refusal::Version),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", Refusal::Syntax),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::Syntax),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Refusal::BareLineEnd),
        ("GET / HTTP/1.1\nHost: a\n\n", Refusal::BareLineEnd),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::BareLineEnd),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::BareLineEnd),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::TransferEncoding),
    ] {
        assert_eq!(check(input), Err(refusal), "{input:?}");
    }
    for input in [
        "GET / HTTP/1.0\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET http://A:1/ HTTP/1.1\r\nHost: a:1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    ] {
        assert_eq!(check(input), Ok(Framing::None), "{input:?}");
    }
}

#[test]
fn limits_hold() {
    let fields = |count: usize| "A: b\r\n".repeat(count);
    assert_eq!(with(&fields(FIELDS_MAX - 1)), Ok(Framing::None));
    assert_eq!(with(&fields(FIELDS_MAX)), Err(Refusal::HeadTooLarge));
    let value = format!("A: {}\r\n", "x".repeat(HEAD_MAX_BYTES));
    assert_eq!(with(&value), Err(Refusal::HeadTooLarge));
    let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(TARGET_MAX_BYTES));
    assert_eq!(check(&target), Err(Refusal::TargetTooLong));
    let mut slots = slots();
    let endless = format!("GET /{}", "x".repeat(HEAD_MAX_BYTES));
    let refused = parse_request(endless.as_bytes(), &mut slots).unwrap_err();
    assert_eq!((refused, refused.status()), (Refusal::TargetTooLong, 414));
}

#[test]
fn persistence_expectation_upgrade() {
    for (input, keep_alive) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ("GET / HTTP/1.0\r\n\r\n", false),
    ] {
        let mut slots = slots();
        let (request, _) = parse_request(input.as_bytes(), &mut slots).unwrap().unwrap();
        assert_eq!(request.keep_alive, keep_alive, "{input:?}");
    }
    let mut slots = slots();
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, x-a\r\nUpgrade: websocket\r\n\
        X-A: 1\r\nExpect: 100-Continue\r\n\r\n";
    let (request, _) = parse_request(input, &mut slots).unwrap().unwrap();
    assert_eq!(request.upgrade, Some(&b"websocket"[..]));
    assert!(request.expects_continue);
    let named = request.fields.iter().find(|(line, _)| line.name == "X-A").unwrap();
    assert_eq!(named.1, Kind::HopByHop);
}

#[test]
fn neighbours_are_copied_together() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nA:1\r\nB: \t2 \r\nTE: x\r\nC: 3\r\n\r\nrest";
    let mut slots = slots();
    let (request, _) = parse_request(input, &mut slots).unwrap().unwrap();
    let mut out = Vec::new();
    request.fields.write(&mut out, |_, kind| kind == Kind::Ordinary);
    assert_eq!(out, b"A:1\r\nB: \t2 \r\nC: 3\r\n");
    out.clear();
    request.fields.write(&mut out, |line, _| line.name == "A" || line.name == "TE");
    assert_eq!(out, b"A:1\r\nTE: x\r\n");
    out.clear();
    request.fields.write(&mut out, |_, _| false);
    assert!(out.is_empty());
}

#[test]
fn completeness_hints() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in 1..head.len() {
        assert!(!head_may_be_complete(&head[..cut], 0));
        assert!(head_may_be_complete(head, cut));
    }
    assert!(head_may_be_complete(b"GET / HTTP/1.1\n\n", 14));
}

proptest! {
    #[test]
    fn never_panics(input in prop::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzz::request(&input);
        crate::fuzz::response(&input);
        crate::fuzz::chunked(&input);
    }

    #[test]
    fn accepted_heads_survive_rewriting(name in "[a-z]{1,8}", value in "[!-~]{1,20}",
                                        path in "/[a-z]{0,8}", length in 0u64..1_000_000) {
        let mut out = Vec::new();
        crate::write::request_line(&mut out, b"PUT", path.as_bytes(), None);
        crate::write::field(&mut out, b"Host", b"a");
        crate::write::field(&mut out, format!("x-{name}").as_bytes(), value.as_bytes());
        crate::write::content_length(&mut out, length);
        crate::write::end(&mut out);
        let mut slots = slots();
        let (request, used) = parse_request(&out, &mut slots).unwrap().unwrap();
        prop_assert_eq!(used, out.len());
        prop_assert_eq!(request.framing, Framing::Length(length));
        prop_assert_eq!(request.target.path, path);
        prop_assert_eq!(request.fields.get(&format!("x-{name}")), Some(value.as_bytes()));
    }
}
