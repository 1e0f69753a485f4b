//! Which instance gets a request, and what the client gets when none does.

use rialto_api::route::{RouteSpec, WeightSpec};
use rialto_gateway::GatewayConfig;

use crate::support::{Backend, Rig, eventually, register, route};

#[test]
fn by_path_host_method_and_header() {
    let names = ["path", "host", "method", "header", "rest"];
    let backends: Vec<Backend> = names.iter().map(|name| Backend::named(name)).collect();
    let to = |at: usize, text: &str| RouteSpec {
        id: names[at].to_owned(),
        ..route(&format!("{text}={}", backends[at].uri()))
    };
    let rig = Rig::start(vec![
        to(0, "/shop/**"),
        RouteSpec { hosts: vec!["*.example".to_owned()], ..to(1, "/**") },
        RouteSpec { methods: vec!["PUT".to_owned()], ..to(2, "/**") },
        RouteSpec { headers: [("x-beta".to_owned(), "on".to_owned())].into(), ..to(3, "/**") },
        to(4, "/a/{id}"),
    ]);
    let mut client = rig.client();
    for (request, expected) in [
        ("GET /shop/x HTTP/1.1\r\nHost: b.example\r\n\r\n", "path"),
        ("GET /x HTTP/1.1\r\nHost: b.example:80\r\n\r\n", "host"),
        ("PUT /x HTTP/1.1\r\nHost: a\r\n\r\n", "method"),
        ("GET /x HTTP/1.1\r\nHost: a\r\nX-Beta: on\r\n\r\n", "header"),
        ("GET /a/1 HTTP/1.1\r\nHost: a\r\n\r\n", "rest"),
        ("GET /%61/1 HTTP/1.1\r\nHost: a\r\n\r\n", "rest"),
    ] {
        client.send(request);
        assert_eq!(client.answer().text(), expected, "{request}");
    }
    let answer = rig.get("/nowhere");
    assert_eq!(answer.status, 404);
    let error: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((&error["path"], &error["status"]), (&"/nowhere".into(), &404.into()));
    assert_eq!(error["requestId"], answer.header("x-request-id")[0]);
}

#[test]
fn by_weight() {
    let (old, new) = (Backend::named("old"), Backend::named("new"));
    let weighted = |id: &str, uri: &str, weight| RouteSpec {
        id: id.to_owned(),
        weight: Some(WeightSpec { group: "canary".to_owned(), weight }),
        ..route(&format!("/**={uri}"))
    };
    let routes = vec![weighted("old", &old.uri(), 9), weighted("new", &new.uri(), 1)];
    let rig = Rig::start(routes);
    let mut client = rig.client();
    for _ in 0..400 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    }
    let share = new.seen().len();
    assert!((10..90).contains(&share), "{share} of 400 went to a tenth");
}

#[test]
fn services_of_the_catalog_without_regard_to_case() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let config = GatewayConfig { routes: vec![route("/**=lb://Stock")], ..Default::default() };
    let rig = Rig::with_instances(config, &[("STOCK", &one)]);
    assert_eq!(rig.get("/").text(), "one");
    register(&rig.engine, "stock", two.address());
    eventually("the new instance gets requests", || rig.get("/").text() == "two");
    crate::support::deregister(&rig.engine, "STOCK", one.address());
    crate::support::deregister(&rig.engine, "stock", two.address());
    eventually("nobody is left", || rig.get("/").status == 503);
    let answer = rig.get("/");
    assert_eq!(answer.header("retry-after"), ["1"]);
    assert!(answer.text().contains("no instance of stock"), "{}", answer.text());
}

#[test]
fn traffic_is_counted_by_route_and_edge() {
    let backend = Backend::named("x");
    let config = GatewayConfig { routes: vec![route("/a/**=lb://stock")], ..Default::default() };
    let rig = Rig::with_instances(config, &[("stock", &backend)]);
    let mut client = rig.client();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    client.answer();
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nX-Rialto-Caller: order\r\n\r\n");
    client.answer();
    eventually("both are counted", || {
        rig.telemetry.routes().traffic("a").expect("a meter").requests == 2
    });
    rig.telemetry.sample(1_000);
    let edges = rig.telemetry.calls().edges();
    let edges: Vec<_> = edges.iter().map(|edge| (&*edge.from, &*edge.to)).collect();
    assert_eq!(edges, [("gateway", "stock"), ("order", "stock")]);
}
