//! Changing the protocol: WebSocket and whatever else an instance agrees to.

use crate::support::client::values;
use crate::support::{Backend, Reaction, Rig, eventually, route};

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn both_sides_talk_until_one_ends() {
    let backend = Backend::start(|_| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                    Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nwelcome";
        Reaction::Echo(head.as_bytes().to_vec())
    });
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send(ASK);
    client.send("first");
    while !client.input.ends_with(b"welcomefirst") {
        assert!(client.more());
    }
    let head = String::from_utf8_lossy(&client.input).into_owned();
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert_eq!(values(&head, "upgrade"), ["websocket"]);
    assert_eq!(values(&head, "connection"), ["upgrade"]);
    let seen = backend.seen().remove(0).head;
    assert_eq!(values(&seen, "upgrade"), ["websocket"]);
    assert_eq!(values(&seen, "connection"), ["upgrade"]);
    client.input.clear();
    let large = vec![b'z'; 300_000];
    let mut stream = client.stream.try_clone().expect("a second handle");
    let sending = std::thread::spawn(move || {
        use std::io::Write;
        stream.write_all(&large).expect("the tunnel takes it");
    });
    while client.input.len() < 300_000 {
        assert!(client.more());
    }
    sending.join().expect("everything is sent");
    client.half_close();
    client.input.clear();
    client.expect_closed();
    eventually("the instance is free", || backend.connections().1 == 0);
}

#[test]
fn an_instance_may_decline() {
    let backend = Backend::named("plain");
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    for _ in 0..2 {
        client.send(ASK);
        assert_eq!(client.answer().text(), "plain");
    }
}

#[test]
fn http_2_is_not_begun_this_way() {
    let backend = Backend::named("x");
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
    );
    assert_eq!(client.answer().status, 200);
    let seen = backend.seen().remove(0).head;
    assert!(values(&seen, "upgrade").is_empty() && values(&seen, "http2-settings").is_empty());
}
