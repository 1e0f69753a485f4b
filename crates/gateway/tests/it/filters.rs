//! What changes on the way: paths, headers, framing, and who tells whom who asked.

use rialto_api::route::{FilterSpec, RouteSpec};
use rialto_gateway::GatewayConfig;

use crate::support::client::values;
use crate::support::{Backend, Reaction, Rig, route};

fn header(header: &str, value: &str) -> (String, String) {
    (header.to_owned(), value.to_owned())
}

#[test]
fn requests_and_answers_are_edited() {
    let backend = Backend::start(|_| {
        let answer = "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX-Secret: s\r\nVia: old\r\n\
                      Connection: x-hop\r\nX-Hop: h\r\nKeep-Alive: timeout=5\r\n\r\nok";
        Reaction::Raw(answer.as_bytes().to_vec())
    });
    let (add, set) = (header("X-Item", "item-{id}"), header("accept", "text/plain"));
    let (say, via) = (header("X-Say", "hi"), header("Via", "new"));
    let filters = vec![
        FilterSpec::StripPrefix { parts: 1 },
        FilterSpec::PrefixPath { prefix: "/v1".to_owned() },
        FilterSpec::AddRequestHeader { header: add.0, value: add.1 },
        FilterSpec::SetRequestHeader { header: set.0, value: set.1 },
        FilterSpec::RemoveRequestHeader { header: "Cookie".to_owned() },
        FilterSpec::AddResponseHeader { header: say.0, value: say.1 },
        FilterSpec::SetResponseHeader { header: via.0, value: via.1 },
        FilterSpec::RemoveResponseHeader { header: "X-Secret".to_owned() },
    ];
    let text = format!("/shop/{{id}}={}", backend.uri());
    let rig = Rig::start(vec![RouteSpec { filters, ..route(&text) }]);
    let mut client = rig.client();
    client.send(
        "GET /shop/7?q=/shop HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\nCookie: a=b\r\n\
         Connection: x-drop, keep-alive\r\nX-Drop: 1\r\nTE: trailers\r\nX-Keep: k\r\n\r\n",
    );
    let answer = client.answer();
    assert!(answer.head.starts_with("HTTP/1.1 200 Fine\r\n"), "{}", answer.head);
    assert_eq!((answer.header("x-say"), answer.header("via")), (vec!["hi"], vec!["new"]));
    for gone in ["x-secret", "x-hop", "keep-alive", "connection"] {
        assert!(answer.header(gone).is_empty(), "{gone}: {}", answer.head);
    }
    let seen = backend.seen().remove(0).head;
    assert!(seen.starts_with("GET /v1/7?q=/shop HTTP/1.1\r\n"), "{seen}");
    assert_eq!(values(&seen, "x-item"), ["item-7"]);
    assert_eq!(values(&seen, "accept"), ["text/plain"]);
    assert_eq!(values(&seen, "host"), [backend.address().to_string()]);
    assert_eq!(values(&seen, "x-keep"), ["k"]);
    for gone in ["cookie", "x-drop", "te", "connection"] {
        assert!(values(&seen, gone).is_empty(), "{gone}: {seen}");
    }
}

#[test]
fn forwarding_headers_are_ours_unless_the_peer_is_trusted() {
    let backend = Backend::named("x");
    let text = format!("/**={}", backend.uri());
    let filters = vec![FilterSpec::PreserveHostHeader {}];
    let request = "GET / HTTP/1.1\r\nHost: shop.example:81\r\nX-Forwarded-For: 6.6.6.6\r\n\
                   X-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: m\r\n\r\n";
    for trusted in [false, true] {
        let network = "127.0.0.0/8".parse().expect("a network");
        let rig = Rig::with(GatewayConfig {
            routes: vec![RouteSpec { filters: filters.clone(), ..route(&text) }],
            trusted_proxies: if trusted { vec![network] } else { Vec::new() },
            ..GatewayConfig::default()
        });
        let mut client = rig.client();
        client.send(request);
        let answer = client.answer();
        let seen = backend.seen().pop().expect("a request").head;
        let (from, scheme) =
            if trusted { ("6.6.6.6, 127.0.0.1", "https") } else { ("127.0.0.1", "http") };
        assert_eq!(values(&seen, "x-forwarded-for"), [from]);
        assert_eq!(values(&seen, "x-forwarded-proto"), [scheme]);
        assert_eq!(values(&seen, "x-forwarded-host"), ["shop.example:81"]);
        assert_eq!(values(&seen, "host"), ["shop.example:81"]);
        assert!(values(&seen, "forwarded").is_empty());
        let id = values(&seen, "x-request-id");
        assert_eq!(id == ["m"], trusted, "{seen}");
        assert_eq!(answer.header("x-request-id"), id);
    }
}

#[test]
fn a_trace_goes_on() {
    let backend = Backend::named("x");
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let mut client = rig.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\ntracestate: x=y\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
    );
    client.answer();
    let seen = backend.seen().remove(0).head;
    let parent = values(&seen, "traceparent")[0];
    assert!(parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{parent}");
    assert!(parent.ends_with("-01") && !parent.contains("00f067aa0ba902b7"), "{parent}");
    assert_eq!(values(&seen, "tracestate"), ["x=y"]);
}

#[test]
fn a_shorter_path_tells_its_prefix() {
    let backend = Backend::named("x");
    let filters = vec![FilterSpec::StripPrefix { parts: 2 }];
    let text = format!("/a/b/**={}", backend.uri());
    let rig = Rig::start(vec![RouteSpec { filters, ..route(&text) }]);
    rig.get("/a/b/c");
    assert_eq!(values(&backend.seen()[0].head, "x-forwarded-prefix"), ["/a/b"]);
}
