//! What people and tools do over REST.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::node::Node;

#[tokio::test]
async fn an_instance_comes_is_renewed_taken_out_and_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let body = r#"{"host":"10.0.0.1","port":80,"ttl_ms":30000,"metadata":{"version":"2"}}"#;
    let service = Some(node.service_token.as_str());
    let made = node.request("POST", "/api/v1/services/stock/instances", service, Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["id"], "10.0.0.1:80");
    assert_eq!(made.json()["lease"]["ttl_ms"], 30_000);
    let renew = "/api/v1/services/stock/instances/10.0.0.1:80/renew";
    assert_eq!(node.request("PUT", renew, service, None).await.status, 204);
    let seen = node.admin("GET", "/api/v1/services/STOCK", None).await.json();
    assert_eq!(seen["summary"]["available"], 1);
    assert_eq!(seen["instances"][0]["metadata"]["version"], "2");
    let status = "/api/v1/services/stock/instances/10.0.0.1:80/status";
    let out = r#"{"status":"out_of_service","reason":"repair"}"#;
    assert_eq!(node.request("PUT", status, service, Some(out)).await.status, 403);
    let taken = node.admin("PUT", status, Some(out)).await;
    assert_eq!((taken.status, &taken.json()["available"]), (200, &json!(false)));
    // A new registration does not undo what the operator decided.
    node.request("POST", "/api/v1/services/stock/instances", service, Some(body)).await;
    let seen = node.admin("GET", "/api/v1/services", None).await.json();
    assert_eq!((&seen[0]["instances"], &seen[0]["available"]), (&json!(1), &json!(0)));
    let back = node.admin("PUT", status, Some(r#"{"status":null}"#)).await.json();
    assert_eq!((&back["status"], &back["overridden"]), (&json!("up"), &json!(false)));
    let path = "/api/v1/services/stock/instances/10.0.0.1:80";
    assert_eq!(node.request("DELETE", path, service, None).await.status, 204);
    assert_eq!(node.admin("DELETE", path, None).await.status, 404);
    let events = node.admin("GET", "/api/v1/events", None).await.json();
    let repair = |event: &serde_json::Value| event["detail"].as_str().unwrap().contains("repair");
    assert!(events.as_array().unwrap().iter().any(repair), "{events}");
}

#[tokio::test]
async fn an_agreed_instance_stays_and_takes_an_operator() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let (path, body) = ("/api/v1/services/db/instances", r#"{"host":"db.internal","port":5432}"#);
    let refused = node.request("POST", path, Some(&node.service_token), Some(body)).await;
    assert_eq!(refused.status, 403);
    let made = node.admin("POST", path, Some(body)).await.json();
    assert_eq!((&made["promise"], &made["lease"]), (&json!("agreed"), &json!(null)));
}

#[tokio::test]
async fn routes_are_checked_kept_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let path = "/api/v1/routes/shop";
    let bad = node.admin("PUT", path, Some(r#"{"uri":"ftp://x","paths":["/**"]}"#)).await;
    assert_eq!(bad.status, 400);
    assert!(bad.body.contains("is no target"), "{bad:?}");
    let good = r#"{"uri":"lb://storefront","paths":["/shop/**"]}"#;
    let by_service = node.request("PUT", path, Some(&node.service_token), Some(good)).await;
    assert_eq!(by_service.status, 403);
    assert_eq!(node.admin("PUT", path, Some(good)).await.status, 201);
    assert_eq!(node.admin("PUT", path, Some(good)).await.status, 200);
    let other = node.admin("PUT", path, Some(r#"{"id":"x","uri":"lb://y"}"#)).await;
    assert_eq!(other.status, 400);
    let routes = node.admin("GET", "/api/v1/routes", None).await.json();
    let origins: Vec<_> =
        routes.as_array().unwrap().iter().map(|route| route["origin"].as_str().unwrap()).collect();
    assert_eq!(origins, ["configuration", "catalog"]);
    let fixed = node.admin("DELETE", "/api/v1/routes/fixed", None).await;
    assert_eq!((fixed.status, fixed.json()["code"].as_str()), (409, Some("conflict")));
    assert_eq!(node.admin("DELETE", path, None).await.status, 204);
    assert_eq!(node.admin("GET", path, None).await.status, 404);
}

#[tokio::test]
async fn the_node_describes_itself() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    assert_eq!(node.request("GET", "/health", None, None).await.json()["status"], "ok");
    assert_eq!(node.request("GET", "/ready", None, None).await.json()["status"], "ready");
    assert_eq!(node.request("GET", "/metrics", None, None).await.status, 401);
    let metrics = node.admin("GET", "/metrics", None).await;
    assert!(metrics.status == 200 && metrics.body.ends_with("# EOF\n"), "{metrics:?}");
    let overview = node.admin("GET", "/api/v1/overview", None).await.json();
    assert_eq!(overview["version"], "0.0.0-test");
    assert!(overview["memory_bytes"].as_u64().unwrap() > 0);
    let document = node.request("GET", "/api/v1/openapi.json", None, None).await.json();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 13, "{paths:?}");
    assert!(document["components"]["schemas"]["RouteSpec"].is_object());
    node.shutdown.begin();
    assert_eq!(node.request("GET", "/ready", None, None).await.status, 503);
}

#[tokio::test]
async fn changes_and_events_are_streamed_and_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let body = r#"{"host":"h","port":1,"ttl_ms":60000}"#;
    node.admin("POST", "/api/v1/services/a/instances", Some(body)).await;
    let mut changes = open(&node, "/api/v1/watch?after=0").await;
    let first = read_until(&mut changes, "\n\n").await;
    assert!(first.contains("event: registered"), "{first}");
    assert!(first.contains(r#""service":"a""#), "{first}");
    let mut events = open(&node, "/api/v1/events/stream").await;
    node.admin("POST", "/api/v1/services/b/instances", Some(body)).await;
    let second = read_until(&mut changes, "\n\n").await;
    assert!(second.contains(r#""service":"b""#), "{second}");
    let told = read_until(&mut events, "\n\n").await;
    assert!(told.contains("event: registered"), "{told}");
    // The end of the server ends the streams.
    node.shutdown.begin();
    read_until(&mut changes, "0\r\n\r\n").await;
}

#[tokio::test]
async fn streams_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let mut held = Vec::new();
    for _ in 0..rialto_protocol::limits::SSE_CLIENTS_MAX {
        held.push(open(&node, "/api/v1/events/stream").await);
    }
    let refused = node.admin("GET", "/api/v1/events/stream", None).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.head.contains("retry-after: 5"), "{refused:?}");
    assert_eq!(node.admin("GET", "/api/v1/services", None).await.status, 200);
}

async fn open(node: &Node, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let token = &node.admin_token;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("text/event-stream"), "{head}");
    stream
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let reading = async {
        while !text.ends_with(end) && !text.contains(end) {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "closed after {text:?}");
            text.push(char::from(byte[0]));
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), reading).await.expect("5 s");
    text
}
