//! Orders while instances are killed, slow, and leave: none fails, and the books agree.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rialto_sdk::{Result, client};
use rialto_shop::contracts::{NewOrder, OrderState, Orders as _, OrdersClient};
use serde_json::{Value, json};

use crate::town::Town;

/// What a customer sees of the storefront.
#[client(service = "storefront", timeout = "10s")]
trait Storefront {
    #[post("/orders", retry = 2)]
    async fn place(&self, #[idempotency_key] key: &str, order: &NewOrder) -> Result<Value>;

    #[get("/items")]
    async fn items(&self) -> Result<Vec<Value>>;

    #[get("/orders/{id}")]
    async fn find(&self, id: &str) -> Result<Option<Value>>;

    #[get("/totals")]
    async fn totals(&self) -> Result<Value>;
}

/// The endpoint that makes an instance slow.
#[client(service = "chaos")]
trait Chaos {
    #[post("/chaos")]
    async fn set(&self, chaos: &Value) -> Result<Value>;
}

fn order(customer: &str, item: &str, quantity: u32) -> NewOrder {
    NewOrder { customer: customer.to_owned(), item: item.to_owned(), quantity }
}

async fn whole_shop() -> Town {
    let mut town = Town::found().await;
    for number in 1..=2 {
        let programs = [
            (env!("CARGO_BIN_EXE_shop-stock"), "stock"),
            (env!("CARGO_BIN_EXE_shop-account"), "account"),
            (env!("CARGO_BIN_EXE_shop-order"), "order"),
            (env!("CARGO_BIN_EXE_shop-storefront"), "storefront"),
        ];
        for (program, service) in programs {
            town.open(program, &format!("{service}-{number}")).await;
        }
    }
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_ends_one_way() {
    let town = whole_shop().await;
    let rialto = town.customer().await;
    let shop = StorefrontClient::new(&rialto);
    assert_eq!(shop.items().await.unwrap().len(), 4);
    let placed = shop.place("1", &order("ada", "tea", 2)).await.unwrap();
    assert_eq!((&placed["state"], &placed["total_cents"]), (&json!("confirmed"), &json!(900)));
    // The same again, and the same key for something else.
    assert_eq!(shop.place("1", &order("ada", "tea", 2)).await.unwrap(), placed);
    let reused = shop.place("1", &order("ada", "tea", 3)).await.unwrap_err();
    assert_eq!(reused.status().unwrap(), 422);
    for (key, wanted, state) in [
        ("2", order("ada", "piano", 4), "sold_out"),
        ("3", order("ada", "piano", 1), "no_money"),
        ("4", order("ada", "moon", 1), "unknown_item"),
    ] {
        assert_eq!(shop.place(key, &wanted).await.unwrap()["state"], state);
        assert_eq!(shop.place(key, &wanted).await.unwrap()["state"], state);
    }
    assert_eq!(shop.place("5", &order("", "tea", 1)).await.unwrap_err().status().unwrap(), 400);
    assert_eq!(shop.find("3").await.unwrap().unwrap()["state"], "no_money");
    assert_eq!(shop.find("none").await.unwrap(), None);
    let totals = shop.totals().await.unwrap();
    assert_eq!(totals["agree"], true, "{totals}");
    assert_eq!(
        (&totals["orders"]["confirmed"], &totals["orders"]["rejected"]),
        (&json!(1), &json!(3))
    );
    let edges = || town.telemetry.calls().edges();
    town.until("the topology is seen", || {
        let seen = |from, to| edges().iter().any(|edge| edge.from == from && edge.to == to);
        seen("customer", "storefront") && seen("storefront", "order") && seen("order", "account")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_fails_when_an_instance_is_killed_slow_or_leaves() {
    let mut town = whole_shop().await;
    let rialto = town.customer().await;
    let shop = StorefrontClient::new(&rialto);
    let (stop, placed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let customers: Vec<_> = (0..8)
        .map(|customer| {
            let (shop, stop, placed) = (shop.clone(), stop.clone(), placed.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("{customer}-{number}");
                    let wanted = order(&format!("customer-{customer}"), "tea", 1);
                    let order = shop.place(&key, &wanted).await.unwrap();
                    assert_eq!(order["state"], "confirmed");
                    if number % 10 == 0 {
                        shop.place(&key, &wanted).await.unwrap();
                    }
                    placed.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    let some_more = |count| {
        let (goal, placed) = (placed.load(Ordering::Relaxed) + count, placed.clone());
        move || placed.load(Ordering::Relaxed) >= goal
    };
    town.until("orders come in", some_more(100)).await;
    town.kill("stock-2");
    town.until("orders go on", some_more(200)).await;
    town.open(env!("CARGO_BIN_EXE_shop-stock"), "stock-2").await;
    slow(&town, "account-2", 800).await;
    town.until("the slow one is ejected", || {
        let events = town.telemetry.events().recent(1_000, None);
        events.iter().any(|event| event.kind == "ejected" && event.subject == "account/account-2")
    })
    .await;
    town.until("orders go on", some_more(100)).await;
    assert!(town.stop("order-1"), "an orderly end");
    assert!(!town.is_registered("order", "order-1"));
    town.until("orders go on", some_more(100)).await;
    stop.store(true, Ordering::Relaxed);
    for customer in customers {
        customer.await.expect("no order fails");
    }
    slow(&town, "account-2", 0).await;
    let confirmed = i64::try_from(placed.load(Ordering::Relaxed)).unwrap();
    let totals = shop.totals().await.unwrap();
    assert_eq!(totals["agree"], true, "{totals}");
    assert_eq!(totals["orders"]["confirmed"], confirmed);
    assert!(town.data().join("shop/order.db").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_left_half_done_is_carried_on() {
    let mut town = Town::found().await;
    town.open(env!("CARGO_BIN_EXE_shop-stock"), "stock-1").await;
    town.open(env!("CARGO_BIN_EXE_shop-order"), "order-1").await;
    let rialto = town.customer().await;
    let orders = OrdersClient::new(&rialto);
    // There is no account service yet: the goods are taken, the money cannot be.
    let refused = orders.place("1", &order("ada", "tea", 1)).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(orders.find("1").await.unwrap().unwrap().state, OrderState::Pending);
    town.open(env!("CARGO_BIN_EXE_shop-account"), "account-1").await;
    let end = tokio::time::Instant::now() + Duration::from_secs(15);
    while orders.find("1").await.unwrap().unwrap().state != OrderState::Confirmed {
        assert!(tokio::time::Instant::now() < end, "carried on within 15 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn slow(town: &Town, id: &str, delay_ms: u64) {
    let rialto = rialto_sdk::Rialto::builder()
        .without_cache()
        .token("none")
        .fixed("chaos", [town.address(id)])
        .connect()
        .await
        .unwrap();
    ChaosClient::new(&rialto).set(&json!({"delay_ms": delay_ms})).await.unwrap();
}
