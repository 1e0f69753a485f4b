//! What must be refused with a status and a word that helps, and must leave nothing behind.

use crate::node::{Node, within_5s};

const INSTANCES: &str = "/api/v1/services/stock/instances";

async fn refused(node: &Node, method: &str, path: &str, body: &str) -> (u16, String, String) {
    let answer = node.admin(method, path, Some(body)).await;
    assert!(answer.head.contains("application/problem+json"), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status);
    let text = |name: &str| problem[name].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("detail"))
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let deep = "[".repeat(100_000);
    let long = format!(r#"{{"host":"h","port":1,"ttl_ms":1000,"zone":"{}"}}"#, "z".repeat(5_000));
    for (body, status, code, word) in [
        ("{", 400, "invalid", "EOF"),
        ("[]", 422, "invalid", "length"),
        (deep.as_str(), 422, "invalid", "sequence"),
        (r#"{"host":7,"port":1}"#, 422, "invalid", "host"),
        (r#"{"host":"h","port":70000}"#, 422, "invalid", "port"),
        (r#"{"host":"h","port":1,"prot":2}"#, 422, "invalid", "unknown field"),
        (r#"{"host":"h","port":1,"weight":-1,"ttl_ms":1000}"#, 400, "invalid", "weight"),
        (r#"{"host":"h","port":1,"ttl_ms":1}"#, 400, "invalid", "lease"),
        (r#"{"host":"","port":1,"ttl_ms":1000}"#, 400, "invalid", "host"),
        (long.as_str(), 400, "invalid", "zone"),
    ] {
        let (told_status, told_code, detail) = refused(&node, "POST", INSTANCES, body).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!((told_status, told_code.as_str()), (status, code), "{shown}: {detail}");
        assert!(detail.to_lowercase().contains(&word.to_lowercase()), "{shown}: {detail}");
    }
    assert_eq!(node.engine.read(|state| state.services_len()), 0);
}

#[tokio::test]
async fn bodies_that_are_too_large_or_of_another_kind() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let large = format!(r#"{{"host":"{}","port":1}}"#, "h".repeat(1024 * 1024));
    let (status, code, detail) = refused(&node, "POST", INSTANCES, &large).await;
    assert_eq!((status, code.as_str()), (413, "too_large"), "{detail}");
    let token = &node.admin_token;
    let form = format!(
        "POST {INSTANCES} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\ncontent-length: 3\r\n\r\na=b"
    );
    let answer = node.raw(form.as_bytes()).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (415, Some("media_type")));
}

#[tokio::test]
async fn what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    for (method, path, status, word) in [
        ("GET", "/api/v1/services/none", 404, "/api/v1/services"),
        ("PUT", "/api/v1/services/none/instances/1/renew", 404, "register it first"),
        ("DELETE", "/api/v1/services/none/instances/1", 404, "none"),
        ("GET", "/api/v1/routes/none", 404, "/api/v1/routes"),
        ("DELETE", "/api/v1/routes/none", 404, "none"),
        ("GET", "/api/v1/nothing", 404, "openapi.json"),
        ("PATCH", "/api/v1/services", 405, "PATCH"),
        ("GET", "/api/v1/services?limit=many", 400, "limit"),
        ("GET", "/api/v1/services?page=2", 400, "page"),
        ("GET", "/api/v1/services/%FF", 400, "utf"),
    ] {
        let answer = node.admin(method, path, None).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_lowercase();
        assert_eq!(answer.status, status, "{method} {path}: {detail}");
        assert!(detail.contains(&word.to_lowercase()), "{method} {path}: {detail}");
    }
}

#[tokio::test]
async fn credentials_that_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let missing = node.request("GET", "/api/v1/services", None, None).await;
    assert_eq!(missing.status, 401);
    assert!(missing.head.contains("www-authenticate: bearer"), "{missing:?}");
    assert!(missing.body.contains("service.token"), "{missing:?}");
    let wrong = node.request("GET", "/api/v1/services", Some("nonsense"), None).await;
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (401, Some("unauthenticated")));
    assert!(!wrong.body.contains("nonsense"));
    // admin:a-long-password
    let basic = "GET /api/v1/services HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 authorization: Basic YWRtaW46YS1sb25nLXBhc3N3b3Jk\r\n\r\n";
    assert_eq!(node.raw(basic.as_bytes()).await.status, 200);
    let mut last = 0;
    for _ in 0..=100 {
        last = node.request("GET", "/api/v1/services", Some("guess"), None).await.status;
    }
    assert_eq!(last, 429, "guessing must be slowed down");
}

#[tokio::test]
async fn a_connection_closed_in_the_middle_of_a_body_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let token = &node.admin_token;
    let half = format!(
        "POST {INSTANCES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"host\":\"h\","
    );
    {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = tokio::net::TcpStream::connect(node.address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
    }
    assert_eq!(node.admin("GET", "/api/v1/services", None).await.body, "[]");
    within_5s("the node serves on", || node.engine.read(|state| state.services_len()) == 0).await;
}
