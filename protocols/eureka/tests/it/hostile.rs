//! Bad input: the protocol's own status, a message that helps, nothing lost, no panic.

use std::io::{Read, Write};
use std::sync::Arc;

use rialto_catalog::Policy;
use rialto_engine::SystemClock;
use rialto_eureka::EurekaConfig;
use rialto_eureka::limits::{
    BATCH_ITEMS_MAX, BODY_BYTES_MAX, Deadlines, HEAD_BYTES_MAX, METADATA_ENTRIES_MAX,
};

use crate::client::{call, connect, raw, read_one};
use crate::server::{Server, instance};

fn post(server: &Server, content_type: &str, body: &[u8]) -> (u16, String) {
    let headers = [("Content-Type", content_type), ("Accept", "application/json")];
    let answer = call(server.address, "POST", "/eureka/apps/A", &headers, Some(body));
    (answer.status, answer.text())
}

#[test]
fn broken_bodies_are_refused_in_their_own_language() {
    let server = Server::start();
    let deep_json = format!("{{\"instance\":{}", "{\"a\":".repeat(100_000));
    let deep_xml = format!("<instance>{}", "<a>".repeat(100_000));
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]>\
                <instance><app>&b;</app></instance>";
    let external = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><instance><app>A</app></instance>";
    let entries: Vec<String> =
        (0..=METADATA_ENTRIES_MAX).map(|n| format!("\"k{n}\":\"\"")).collect();
    let crowded = instance("A", "i", &format!(",\"metadata\":{{{}}}", entries.join(",")));
    for (media, body) in [
        ("application/json", deep_json.as_str()),
        ("application/json", "{\"instance\":{\"app\":[]}}"),
        ("application/json", "\u{0}"),
        ("application/json", crowded.as_str()),
        ("application/xml", deep_xml.as_str()),
        ("application/xml", bomb),
        ("application/xml", external),
        ("application/xml", "<instance><app>&unknown;</app></instance>"),
        ("application/xml", "<instance><app>A</wrong></instance>"),
    ] {
        let (status, text) = post(&server, media, body.as_bytes());
        assert_eq!(status, 400, "{body:.60}");
        let expected = match media {
            "application/json" => r#"{"error": "cannot parse request body"}"#,
            _ => "<error><message>cannot parse request body</message></error>",
        };
        assert_eq!(text, expected, "{body:.60}");
    }
    let (status, _) = post(&server, "application/json", b"{\"instance\":\"\xff\xfe\"}");
    assert_eq!(status, 400);
    assert_eq!(server.get("/eureka/apps/A").status, 404, "nothing was registered");
}

#[test]
fn what_the_catalog_does_not_take_is_explained() {
    let server = Server::start();
    let long = "x".repeat(600);
    let answer = server.post("A", &instance("A", &long, ""));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("shorten it to at most 512"), "{}", answer.text());
    let answer = server.post(&long, &instance(&long, "i", ""));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("service name"), "{}", answer.text());
}

#[test]
fn sizes_are_bounded() {
    let server = Server::start();
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    let (status, text) = post(&server, "application/json", &large);
    assert_eq!((status, text.as_str()), (413, "The request's body is larger than 1 MiB."));
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "y".repeat(1 << 20));
    let chunked = format!(
        "POST /eureka/apps/A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}1\r\ny"
    );
    assert_eq!(raw(server.address, chunked.as_bytes()).map(|it| it.status), Some(413));
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}", "b".repeat(HEAD_BYTES_MAX));
    assert_eq!(raw(server.address, head.as_bytes()).map(|it| it.status), Some(431));
    let many = "A: b\r\n".repeat(70);
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    assert_eq!(raw(server.address, head.as_bytes()).map(|it| it.status), Some(431));
}

#[test]
fn batches_are_bounded() {
    let server = Server::start();
    let item = r#"{"appName":"A","id":"i","action":"Heartbeat"}"#;
    let batch = |items: usize| {
        let body = format!("{{\"replicationList\":[{}]}}", vec![item; items].join(","));
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json")];
        let path = "/eureka/peerreplication/batch/";
        call(server.address, "POST", path, &headers, Some(body.as_bytes())).status
    };
    assert_eq!(batch(BATCH_ITEMS_MAX), 200);
    assert_eq!(batch(BATCH_ITEMS_MAX + 1), 400);
}

#[test]
fn connections_are_bounded() {
    let config = EurekaConfig { connections_max: 2, workers: 1, ..EurekaConfig::default() };
    let server = Server::configured(config, Policy::default(), Arc::new(SystemClock::new()));
    let request = b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut first = connect(server.address);
    let mut second = connect(server.address);
    for stream in [&mut first, &mut second] {
        stream.write_all(request).unwrap();
        assert_eq!(read_one(stream).status, 200);
    }
    assert!(raw(server.address, b"").is_none(), "the third is closed");
    drop(second);
    let end = std::time::Instant::now() + crate::client::PATIENCE;
    loop {
        let mut third = connect(server.address);
        // The door may close it before or after the request is written.
        let sent = third.write_all(request).is_ok();
        let mut byte = [0];
        if sent && third.read(&mut byte).is_ok_and(|count| count == 1) {
            break;
        }
        assert!(std::time::Instant::now() < end, "the second's place was not given back");
    }
}

#[test]
fn ambiguous_framing_is_refused() {
    let server = Server::start();
    for head in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Content-Length: 3\r\nContent-Length: 4",
        "Transfer-Encoding: gzip",
        "Content-Length: +3",
    ] {
        let request = format!("POST /eureka/apps/A HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\nabc");
        assert_eq!(
            raw(server.address, request.as_bytes()).map(|it| it.status),
            Some(400),
            "{head}"
        );
    }
    let answer = raw(server.address, b"GET /eureka/apps HTTP/1.1\r\n\r\n");
    assert_eq!(answer.map(|it| it.status), Some(400), "without Host");
}

#[test]
fn a_connection_closed_in_the_middle_registers_nothing() {
    let server = Server::start();
    let body = instance("CUT", "i", "");
    let head = format!(
        "POST /eureka/apps/CUT HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len() + 1
    );
    let mut stream = connect(server.address);
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(server.get("/eureka/apps/CUT").status, 404);
    assert_eq!(server.register("CUT", "i"), 204, "the door goes on");
}

#[test]
fn slow_clients_do_not_hold_connections() {
    let patient = EurekaConfig::default().deadlines;
    let start = |deadlines| {
        let config = EurekaConfig { deadlines, ..EurekaConfig::default() };
        Server::configured(config, Policy::default(), Arc::new(SystemClock::new()))
    };
    let server = start(Deadlines { idle_ms: 200, ..patient });
    assert!(raw(server.address, b"").is_none(), "an idle connection is closed without a word");
    // Patient with what is idle: a busy machine may connect long before it writes.
    let server = start(Deadlines { head_ms: 200, body_ms: 200, ..patient });
    let answer = raw(server.address, b"GET /eureka/apps HTTP/1.1\r\nHost:");
    assert_eq!(answer.map(|it| it.status), Some(408), "half a head");
    let half = b"POST /eureka/apps/A HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
    assert_eq!(raw(server.address, half).map(|it| it.status), Some(408), "half a body");
}

#[test]
fn pipelined_chunked_and_expected_requests_are_answered_in_order() {
    let server = Server::start();
    let body = instance("PIPE", "i", "");
    let head = "POST /eureka/apps/PIPE HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let (first, second) = body.split_at(20);
    let mut stream = connect(server.address);
    write!(
        stream,
        "{head}Content-Length: {}\r\n\r\n{body}{head}Transfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n\
         PUT /eureka/apps/PIPE/i HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}\
         HEAD /eureka/apps/PIPE/i HTTP/1.1\r\nHost: x\r\n\r\n\
         DELETE /eureka/apps/PIPE/i HTTP/1.1\r\nHost: x\r\n\r\n",
        body.len(),
        first.len(),
        second.len()
    )
    .unwrap();
    for expected in [204, 204, 200] {
        assert_eq!(read_one(&mut stream).status, expected);
    }
    let mut head = [0; 15];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let mut byte = [0];
    let mut rest = Vec::new();
    while !rest.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        rest.push(byte[0]);
    }
    assert_eq!(read_one(&mut stream).status, 200, "no body came after HEAD");
    write!(stream, "POST /eureka/apps/PIPE HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n")
        .unwrap();
    write!(stream, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len())
        .unwrap();
    assert_eq!(read_one(&mut stream).status, 100);
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_one(&mut stream).status, 204);
}

#[test]
fn a_control_character_spoils_no_xml() {
    let server = Server::start();
    let body = instance("A", "i", ",\"metadata\":{\"k\":\"a\\u0001b\",\"\\u0002\":\"v\"}");
    assert_eq!(server.post("A", &body).status, 204);
    let xml = call(server.address, "GET", "/eureka/apps", &[], None).text();
    assert!(xml.contains("<k>a\u{fffd}b</k>"), "{xml}");
    assert!(xml.contains("<_.0002>v</_.0002>"), "{xml}");
    assert!(xml.chars().all(|c| c == '\n' || !c.is_control()));
}
