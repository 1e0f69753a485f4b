//! The Rust client against the door: what its users rely on.

use std::time::Duration;

use rialto_catalog::{Protocol, ServiceKey};
use rialto_sdk::{Error, Rialto};

use crate::node::{Node, within_5s};

async fn connect(node: &Node, cache: &std::path::Path) -> Rialto {
    Rialto::builder()
        .server(format!("http://{}", node.address))
        .token(&node.service_token)
        .cache(cache)
        .connect()
        .await
        .unwrap()
}

fn registered(node: &Node, id: &str) -> bool {
    let service = ServiceKey::named("stock").unwrap();
    node.engine.read(|state| state.instance(&service, Protocol::Sdk, id).is_some())
}

fn kept(folder: &std::path::Path) -> bool {
    let mut files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.any(|file| file.to_string_lossy().ends_with("--stock.json"))
}

async fn sees(rialto: &Rialto, ids: &[&str]) {
    let end = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let seen = rialto.instances("stock").await;
        if seen.iter().map(|one| one.id.as_str()).eq(ids.iter().copied()) {
            return;
        }
        assert!(tokio::time::Instant::now() < end, "{seen:?} instead of {ids:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registers_is_seen_and_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let rialto = connect(&node, dir.path()).await;
    let one = rialto.register("stock", 9_001).metadata("version", "2").await.unwrap();
    assert_eq!(one.id(), "127.0.0.1:9001");
    assert!(registered(&node, one.id()));
    let other = connect(&node, dir.path()).await;
    sees(&other, &["127.0.0.1:9001"]).await;
    let two = other.register("stock", 9_002).id("b").await.unwrap();
    sees(&rialto, &["127.0.0.1:9001", "b"]).await;
    one.leave().await;
    assert!(!registered(&node, "127.0.0.1:9001"));
    sees(&rialto, &["b"]).await;
    drop(two);
    sees(&rialto, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_renewed_and_expires_only_when_the_process_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let process = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (address, token) = (node.address, node.service_token.clone());
    let registration = process.spawn(async move {
        let rialto = Rialto::builder()
            .server(format!("http://{address}"))
            .token(token)
            .without_cache()
            .connect()
            .await?;
        rialto.register("stock", 1).id("a").ttl(Duration::from_millis(600)).await
    });
    let registration = registration.await.unwrap().unwrap();
    let service = ServiceKey::named("stock").unwrap();
    let renewed = || {
        let lease = node.engine.read(|state| state.lease(&service, Protocol::Sdk, "a"));
        lease.is_some_and(|lease| lease.renewed.0 >= lease.registered.0 + 1_200)
    };
    within_5s("renewed beyond its lease", renewed).await;
    // The process is killed: nothing says good-bye.
    process.shutdown_background();
    std::mem::forget(registration);
    within_5s("expired", || !registered(&node, "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_a_restart_of_the_server_and_its_absence() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let rialto = connect(&node, dir.path()).await;
    let _registration = rialto.register("stock", 9_001).id("a").await.unwrap();
    sees(&rialto, &["a"]).await;
    // The list is used before it is on disk.
    within_5s("the list is kept on disk", || kept(dir.path())).await;
    let address = node.address;
    let token = node.service_token.clone();
    drop(node);
    // Without any server: the list stays, and even a process that starts now has it.
    sees(&rialto, &["a"]).await;
    let newcomer = Rialto::builder()
        .server(format!("http://{address}"))
        .token(token)
        .cache(dir.path())
        .connect()
        .await
        .unwrap();
    sees(&newcomer, &["a"]).await;
    // A server that remembers nothing comes back: everything is registered again.
    let node = Node::start_on(dir.path(), address);
    within_5s("registered again", || registered(&node, "a")).await;
    let _second = newcomer.register("stock", 9_002).id("b").await.unwrap();
    sees(&rialto, &["a", "b"]).await;
    sees(&newcomer, &["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_lost_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let rialto = connect(&node, dir.path()).await;
    let registration = rialto.register("stock", 1).id("a").ttl(Duration::from_millis(600)).await;
    let _registration = registration.unwrap();
    let gone = node.admin("DELETE", "/api/v1/services/stock/instances/a", None).await;
    assert_eq!(gone.status, 204);
    within_5s("registered again", || registered(&node, "a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_and_the_absence_of_a_server_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let rialto = connect(&node, dir.path()).await;
    let refused = rialto.register("stock", 1).weight(-1.0).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { code, .. } if code == "invalid"), "{refused:?}");
    assert!(refused.to_string().contains("weight"), "{refused}");
    let address = node.address;
    drop(node);
    let alone = Rialto::builder()
        .server(format!("http://{address}"))
        .token("t")
        .without_cache()
        .connect()
        .await
        .unwrap();
    let registration = alone.register("stock", 1).await.unwrap();
    registration.leave().await;
}
