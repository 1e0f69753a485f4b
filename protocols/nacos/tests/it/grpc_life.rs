//! The life of a connection over gRPC: checks, set-up, health, detection, resets, the end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rialto_nacos::Connections;
use serde_json::json;

use crate::grpc_client::{Client, PATIENCE, run, setup};
use crate::server::Server;

/// Polls until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn connected(connections: &Connections, count: usize) {
    until("connections", || connections.count() == count).await;
}

#[test]
fn a_client_checks_sets_up_and_stays_healthy() {
    let server = Server::start();
    run(async {
        for address in [server.grpc, server.address] {
            let mut client = Client::connect(address).await;
            let (kind, check) = client.ask("ServerCheckRequest", json!({})).await;
            assert_eq!(kind, "ServerCheckResponse");
            assert_eq!(check["resultCode"], 200);
            assert_eq!(check["errorCode"], 0);
            assert_eq!(check["success"], true);
            assert_eq!(check["supportAbilityNegotiation"], true);
            let id = check["connectionId"].as_str().unwrap().to_owned();
            assert_eq!(id.split('_').count(), 3, "{id}");
            let (kind, early) = client.ask("HealthCheckRequest", json!({})).await;
            assert_eq!((kind.as_str(), &early["errorCode"]), ("ErrorResponse", &json!(301)));
            assert_eq!((&early["resultCode"], &early["success"]), (&json!(500), &json!(false)));
            let _pushes = client.set_up().await;
            let (kind, healthy) = client.ask("HealthCheckRequest", json!({})).await;
            assert_eq!((kind.as_str(), &healthy["success"]), ("HealthCheckResponse", &json!(true)));
            let listed = server.bound.connections.list();
            let mine = listed.iter().find(|it| *it.name == *id).expect("listed");
            assert_eq!(mine.version, "Nacos-Java-Client:v3.1.1");
            assert!(mine.labels.contains(&("AppName".to_owned(), "shop".to_owned())));
            assert_eq!(mine.client_ip, "192.0.2.2");
        }
        connected(&server.bound.connections, 0).await;
    });
}

#[test]
fn only_clients_with_abilities_are_told_the_servers() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let mut pushes = client.pushes().await;
        let plain =
            json!({"clientVersion": "Nacos-Go-Client:v2.2.2", "labels": {"module": "naming"}});
        pushes.say("ConnectionSetupRequest", plain).await;
        connected(&server.bound.connections, 1).await;
        // A second set-up changes nothing, and is acknowledged when it asks for that.
        pushes.say("ConnectionSetupRequest", setup("config")).await;
        let (kind, _) = pushes.hear().await.expect("the only message");
        assert_eq!(kind, "SetupAckRequest");
        let listed = server.bound.connections.list();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].version, "Nacos-Go-Client:v2.2.2");
    });
}

#[test]
fn unknown_types_and_broken_payloads_have_their_codes() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        for kind in ["NoSuchRequest", "", "PushAckRequest", "ServerReloadRequest"] {
            let (answer, told) = client.ask(kind, json!({})).await;
            assert_eq!((answer.as_str(), &told["errorCode"]), ("ErrorResponse", &json!(302)));
        }
        for broken in
            [&b"\0\0\0\0\x02\x12\x7f"[..], b"\0\0\0\0\x01\x0b", b"\0\0\0\0\x03\x1a\x01\xff"]
        {
            let told = client.raw("/Request/request", broken.to_vec().into()).await;
            let (kind, body) = told.message.expect("a message");
            assert_eq!((kind.as_str(), &body["errorCode"]), ("ErrorResponse", &json!(502)));
        }
        let (_, told) = client.ask("HealthCheckRequest", json!({"requestId": "47"})).await;
        assert_eq!(told["requestId"], "47");
        let (_, told) = client.ask("HealthCheckRequest", json!({"requestId": ""})).await;
        assert_eq!(told.get("requestId"), None);
    });
}

#[test]
fn calls_that_are_no_requests_have_grpcs_own_status() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let status = |path: &'static str, bytes: &'static [u8]| (path, bytes);
        let cases = [
            (status("/Request/request", b"\x01\0\0\0\x01x"), 12, "compressed"),
            (status("/Request/request", b"\x07\0\0\0\x01x"), 3, "flag"),
            (status("/Request/request", b"\0\0\0\0\x09short"), 3, "short"),
            (status("/Request/request", b""), 3, "empty"),
            (status("/Request/request", b"\0\0\0\0\0\0\0\0\0\0"), 3, "two"),
            (status("/Request/request", b"\0\xff\xff\xff\xff"), 8, "large"),
            (status("/Request/other", b"\0\0\0\0\0"), 12, "method"),
        ];
        for ((path, bytes), expected, what) in cases {
            let told = client.raw(path, bytes.to_vec().into()).await;
            assert_eq!(told.status, Some(expected), "{what}");
        }
        let _pushes = client.set_up().await;
        let mut second = client.pushes().await;
        assert_eq!(second.status().await, Some(6), "a second stream for pushes");
    });
}

#[test]
fn an_ended_stream_ends_the_client_and_another_begins_one() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let mut pushes = client.set_up().await;
        pushes.send.send_data(bytes::Bytes::new(), true).expect("sent");
        assert_eq!(pushes.status().await, Some(0));
        connected(&server.bound.connections, 0).await;
        let (_, told) = client.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(told["errorCode"], 301);
        let _pushes = client.set_up().await;
        let (_, told) = client.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(told["success"], true);
        connected(&server.bound.connections, 1).await;
    });
}

#[test]
fn a_silent_client_is_asked_and_then_given_up_within_ten_seconds() {
    let server = Server::start();
    run(async {
        let mut answering = Client::connect(server.grpc).await;
        let mut alive = answering.set_up().await;
        let mut silent = Client::connect(server.grpc).await;
        let mut dead = silent.set_up().await;
        let since = Instant::now();
        connected(&server.bound.connections, 2).await;
        let detection = dead.hear_only_raw("ClientDetectionRequest").await;
        assert!(detection["requestId"].is_string() && detection["headers"].is_object());
        let asked = alive.hear_only_raw("ClientDetectionRequest").await;
        alive.acknowledge("ClientDetectionResponse", &asked).await;
        until("the end of the silent one", || silent.ended.load(Relaxed)).await;
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
        assert!(since.elapsed() > Duration::from_secs(5), "{:?}", since.elapsed());
        connected(&server.bound.connections, 1).await;
        let (_, told) = answering.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(told["success"], true);
    });
}

#[test]
fn operators_send_clients_elsewhere() {
    let server = Server::start();
    run(async {
        let mut first = Client::connect(server.grpc).await;
        let mut first_pushes = first.set_up().await;
        let name = server.bound.connections.list()[0].name.clone();
        let to = "192.0.2.9:8848".parse().ok();
        assert!(server.bound.connections.reset(&name, to));
        let reset = first_pushes.hear_only("ConnectResetRequest").await;
        assert_eq!(reset["serverIp"], "192.0.2.9");
        assert_eq!(reset["serverPort"], "8848");
        first_pushes.acknowledge("ConnectResetResponse", &reset).await;
        assert_eq!(server.bound.connections.shed(0, None), 1);
        let reset = first_pushes.hear_only("ConnectResetRequest").await;
        assert_eq!((&reset["serverIp"], &reset["serverPort"]), (&json!(""), &json!("")));
        assert!(!server.bound.connections.reset("nobody", None));
    });
}

#[test]
fn a_stop_ends_connections_in_good_order() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let mut pushes = client.set_up().await;
        server.shutdown.begin();
        assert_eq!(pushes.status().await, Some(14));
        drop(pushes);
        client.end().await;
    });
}
