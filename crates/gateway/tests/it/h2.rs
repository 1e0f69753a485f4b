//! HTTP/2 clients, by prior knowledge.

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rialto_api::route::{RateLimitSpec, RouteSpec};
use rialto_gateway::GatewayConfig;

use crate::support::client::values;
use crate::support::{Backend, Reaction, Rig, route};

type H2 = Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>;

fn client() -> H2 {
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    let limit = crate::support::PATIENCE;
    runtime.block_on(async { tokio::time::timeout(limit, work).await.expect("in time") })
}

async fn send(client: &H2, request: Request<Full<Bytes>>) -> (u16, http::HeaderMap, String) {
    let (parts, body) = client.request(request).await.expect("an answer").into_parts();
    assert_eq!(parts.version, Version::HTTP_2);
    let body = body.collect().await.expect("a whole body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("a text");
    (parts.status.as_u16(), parts.headers, text)
}

#[test]
fn the_same_routes_and_rules() {
    let backend = Backend::start(|seen| match seen.head.contains("/stream") {
        true => Reaction::RawThenClose(b"HTTP/1.1 200 OK\r\n\r\nto the end".to_vec()),
        false => Reaction::Ok("x"),
    });
    let config = GatewayConfig { routes: vec![route("/a/**=lb://stock")], ..Default::default() };
    let rig = Rig::with_instances(config, &[("stock", &backend)]);
    let base = format!("http://{}", rig.gateway.local_addr());
    run(async {
        let client = client();
        let ask = |path: &str| {
            let request = Request::get(format!("{base}{path}")).header("cookie", "a=1");
            request.header("cookie", "b=2").body(Full::default()).expect("a request")
        };
        let (status, headers, body) = send(&client, ask("/a/b?c")).await;
        assert_eq!((status, body.as_str()), (200, "x"));
        assert!(headers.contains_key("x-request-id") && !headers.contains_key("connection"));
        assert_eq!(send(&client, ask("/a/stream")).await.2, "to the end");
        let (status, _, body) = send(&client, ask("/none")).await;
        assert!(status == 404 && body.contains("\"path\":\"/none\""), "{body}");
        let body = Full::from("hello".repeat(50_000));
        let request = Request::put(format!("{base}/a")).body(body).expect("a request");
        assert_eq!(send(&client, request).await.0, 200);
        for path in ["/a/%2e%2e/x", "/a/..;/x", "/a%00"] {
            assert_eq!(send(&client, ask(path)).await.0, 400, "{path}");
        }
    });
    let seen = backend.seen();
    assert!(seen[0].head.starts_with("GET /a/b?c HTTP/1.1\r\n"), "{}", seen[0].head);
    assert_eq!(values(&seen[0].head, "cookie"), ["a=1; b=2"]);
    assert_eq!(values(&seen[0].head, "host"), [backend.address().to_string()]);
    assert_eq!(seen[2].body.len(), 250_000);
    assert_eq!(seen.len(), 3, "nothing refused has reached it");
    let in_flight = || rig.telemetry.routes().total().in_flight;
    crate::support::eventually("all count as ended", || in_flight() == 0);
}

#[test]
fn retries_and_limits() {
    let bad = Backend::start(|_| Reaction::Close);
    let good = Backend::named("good");
    let rate_limit =
        Some(RateLimitSpec { per_second: 0.1, burst: Some(6), max_wait_ms: None, key: None });
    let balance = Some("round_robin".to_owned());
    let routes = vec![RouteSpec { rate_limit, balance, ..route("/**=lb://stock") }];
    let config = GatewayConfig { routes, ..Default::default() };
    let rig = Rig::with_instances(config, &[("stock", &bad), ("stock", &good)]);
    let base = format!("http://{}/", rig.gateway.local_addr());
    run(async {
        let client = client();
        for _ in 0..6 {
            let request = Request::get(&base).body(Full::default()).expect("a request");
            assert_eq!(send(&client, request).await.2, "good");
        }
        let request = Request::get(&base).body(Full::default()).expect("a request");
        let (status, headers, _) = send(&client, request).await;
        assert!(status == 429 && headers.contains_key("retry-after"), "{status} {headers:?}");
    });
    assert!(!bad.seen().is_empty());
}

#[test]
fn a_client_that_resets_frees_the_instance() {
    let backend = Backend::start(|_| Reaction::Hang);
    let rig = Rig::start(vec![route(&format!("/**={}", backend.uri()))]);
    let base = format!("http://{}/", rig.gateway.local_addr());
    run(async {
        let client = client();
        let request = Request::get(&base).body(Full::default()).expect("a request");
        let pending = client.request(request);
        let short = std::time::Duration::from_millis(300);
        assert!(tokio::time::timeout(short, pending).await.is_err(), "it hangs");
        while backend.connections().1 > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    assert_eq!(backend.seen().len(), 1);
}
