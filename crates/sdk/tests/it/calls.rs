//! Calls through a generated client.

use std::net::SocketAddr;
use std::time::Duration;

use rialto_sdk::{Block, CallContext, CallError, Result, Rialto, client};
use serde::{Deserialize, Serialize};

use crate::peer::{Peer, Reply, json};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    name: String,
}

#[derive(Serialize)]
struct Filter<'a> {
    colour: Option<&'a str>,
    size: u8,
}

#[client(service = "stock", path = "/api")]
trait Stock {
    #[get("/items/{id}", timeout = "2s")]
    async fn item(&self, id: &str) -> Result<Option<Item>>;

    #[get("/items?all=1")]
    async fn find(
        &self,
        #[query] filter: Filter<'_>,
        #[query("q")] text: Option<&str>,
        #[header("x-tenant")] tenant: &str,
    ) -> Result<Vec<Item>>;

    #[post("/items")]
    async fn add(&self, item: &Item) -> Result<()>;

    #[post("/items/{id}/take", retry = 2, timeout = "1s")]
    async fn take(&self, id: u32, #[idempotency_key] key: &str, #[body] count: u32) -> Result<u32>;

    /// Not a call: made of calls.
    async fn has(&self, id: &str) -> bool {
        matches!(self.item(id).await, Ok(Some(_)))
    }
}

struct Empty;

impl Stock for Empty {
    async fn item(&self, _: &str) -> Result<Option<Item>> {
        Ok(Some(Item { name: "from the fallback".into() }))
    }

    async fn find(&self, _: Filter<'_>, _: Option<&str>, _: &str) -> Result<Vec<Item>> {
        Ok(Vec::new())
    }

    async fn add(&self, _: &Item) -> Result<()> {
        Ok(())
    }

    async fn take(&self, _: u32, _: &str, count: u32) -> Result<u32> {
        Ok(count)
    }
}

async fn stock(addresses: &[SocketAddr]) -> StockClient {
    let addresses = addresses.iter().map(ToString::to_string);
    let rialto = Rialto::builder()
        .server("http://127.0.0.1:1")
        .token("t")
        .name("order")
        .without_cache()
        .fixed("stock", addresses)
        .connect()
        .await
        .unwrap();
    StockClient::new(&rialto)
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn arguments_go_where_they_are_marked() {
    let peer = Peer::start(|seen| match seen.line.as_str() {
        "GET /api/items/a%2Fb" => json(r#"{"name":"screw"}"#),
        line if line.starts_with("GET /api/items?") => json("[]"),
        _ => Reply::Answer("204 No Content", "", String::new()),
    })
    .await;
    let stock = stock(&[peer.address]).await;
    assert_eq!(stock.item("a/b").await.unwrap(), Some(Item { name: "screw".into() }));
    let filter = Filter { colour: None, size: 3 };
    assert_eq!(stock.find(filter, Some("x y"), "acme").await.unwrap(), []);
    stock.add(&Item { name: "nut".into() }).await.unwrap();
    let seen = peer.seen.lock();
    assert_eq!(seen[0].header("x-rialto-caller"), Some("order"));
    assert_eq!(seen[0].header("traceparent").map(str::len), Some(55));
    let left_ms: u64 = seen[0].header("x-request-timeout-ms").unwrap().parse().unwrap();
    assert!((1..=2_000).contains(&left_ms), "{left_ms}");
    assert_eq!(seen[1].line, "GET /api/items?all=1&size=3&q=x%20y");
    assert_eq!(seen[1].header("x-tenant"), Some("acme"));
    assert_eq!(
        (seen[2].line.as_str(), seen[2].body.as_str()),
        ("POST /api/items", r#"{"name":"nut"}"#)
    );
    assert_eq!(seen[2].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_header_cannot_be_split() {
    let stock = stock(&[nobody().await]).await;
    let filter = Filter { colour: None, size: 0 };
    let error = stock.find(filter, None, "acme\r\nx-admin: 1").await.unwrap_err();
    assert!(matches!(&error, CallError::Invalid { what, .. } if what.contains("x-tenant")));
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn errors_say_what_happened() {
    let peer = Peer::start(|seen| match seen.line.as_str() {
        "GET /api/items/none" => Reply::Answer("404 Not Found", "", String::new()),
        "GET /api/items/odd" => json("[1,"),
        "GET /api/items/busy" => {
            Reply::Answer("503 Service Unavailable", "retry-after: 7\r\n", "later".into())
        }
        _ => Reply::Answer("409 Conflict", "", r#"{"code":"sold_out"}"#.into()),
    })
    .await;
    let stock = stock(&[peer.address]).await;
    assert_eq!(stock.item("none").await.unwrap(), None);
    assert!(!stock.has("none").await);
    let odd = stock.item("odd").await.unwrap_err();
    assert!(matches!(odd, CallError::Decode { method: "item", .. }), "{odd:?}");
    let busy = stock.item("busy").await.unwrap_err();
    assert!(busy.is_retryable());
    assert_eq!(busy.retry_after(), Some(Duration::from_secs(7)));
    let CallError::Status(sold_out) = stock.item("x").await.unwrap_err() else { panic!() };
    assert_eq!(sold_out.status, 409);
    assert_eq!(sold_out.json::<serde_json::Value>().unwrap()["code"], "sold_out");
}

#[tokio::test]
async fn a_dead_instance_costs_no_call() {
    let peer = Peer::start(|_| Reply::Answer("204 No Content", "", String::new())).await;
    let stock = stock(&[nobody().await, peer.address]).await;
    for _ in 0..20 {
        // Not repeatable, but nothing was sent to the dead one.
        stock.add(&Item { name: "nut".into() }).await.unwrap();
    }
    assert_eq!(peer.count(), 20);
}

#[tokio::test]
async fn what_may_have_been_done_is_repeated_with_a_key_only() {
    let broken = Peer::start(|_| Reply::Hang).await;
    let good = Peer::start(|_| json("1")).await;
    let stock = stock(&[broken.address, good.address]).await;
    for key in 0..20 {
        assert_eq!(stock.take(1, &key.to_string(), 1).await.unwrap(), 1);
    }
    let keys: Vec<_> = good
        .seen
        .lock()
        .iter()
        .map(|one| one.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 20);
    assert!(broken.count() >= 1);
    let alone = self::stock(&[broken.address]).await;
    let before = broken.count();
    let error = alone.add(&Item { name: "nut".into() }).await.unwrap_err();
    assert!(matches!(error, CallError::Transport { .. }), "{error:?}");
    assert_eq!(broken.count(), before + 1);
}

#[tokio::test]
async fn a_silent_instance_leaves_time_for_another() {
    let silent = Peer::start(|_| Reply::Silence).await;
    let good = Peer::start(|_| json("1")).await;
    let stock = stock(&[silent.address, good.address]).await;
    for key in 0..6 {
        assert_eq!(stock.take(1, &key.to_string(), 1).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn calls_take_no_longer_than_their_caller_waits() {
    let silent = Peer::start(|_| Reply::Silence).await;
    let stock = stock(&[silent.address]).await;
    let began = std::time::Instant::now();
    let context = CallContext::default().within(Duration::from_millis(100));
    let error = context.scope(stock.item("1")).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_millis(1_500));
}

#[tokio::test]
async fn a_fallback_answers_for_the_service_but_not_for_the_request() {
    let peer = Peer::start(|_| Reply::Answer("400 Bad Request", "", String::new())).await;
    let refused = stock(&[peer.address]).await.with_fallback(Empty);
    assert_eq!(refused.item("1").await.unwrap_err().status().unwrap(), 400);
    let away = stock(&[nobody().await]).await.with_fallback(Empty);
    assert_eq!(away.item("1").await.unwrap().unwrap().name, "from the fallback");
    assert_eq!(away.clone().take(1, "k", 5).await.unwrap(), 5);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_kept() {
    let peer = Peer::start(|_| json(&" ".repeat(rialto_sdk::limits::ANSWER_BYTES_MAX + 1))).await;
    let error = stock(&[peer.address]).await.item("1").await.unwrap_err();
    assert!(matches!(error, CallError::Transport { .. }), "{error:?}");
}

#[tokio::test]
async fn a_service_that_fails_is_left_alone() {
    let peer = Peer::start(|_| Reply::Answer("500 Internal Server Error", "", String::new())).await;
    let stock = stock(&[peer.address]).await;
    let error = loop {
        match stock.item("1").await.unwrap_err() {
            CallError::Status(error) => assert_eq!(error.status, 500),
            other => break other,
        }
        assert!(peer.count() < 1_000);
    };
    assert!(matches!(error, CallError::Blocked { reason: Block::Breaker, .. }), "{error:?}");
    assert!(error.retry_after().is_some());
}

#[tokio::test]
async fn without_an_instance_the_error_says_so() {
    let stock = stock(&[]).await;
    let error = stock.item("1").await.unwrap_err();
    assert!(matches!(error, CallError::NoInstance { .. }), "{error:?}");
    assert!(error.is_retryable());
}
