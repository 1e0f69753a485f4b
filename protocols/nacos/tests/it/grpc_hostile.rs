//! Clients over gRPC that want to be a burden: each is bounded, and others do not notice.

use bytes::Bytes;
use rialto_door::http::Limits;
use rialto_nacos::NacosConfig;
use rialto_nacos::codec::payload::encode;
use rialto_nacos::limits::{
    GRPC_ERROR_RESETS_MAX, GRPC_IDLE_FRAMES_MAX, GRPC_MESSAGE_BYTES_MAX, GRPC_STREAMS_MAX,
};
use serde_json::json;

use crate::frames::{
    DATA, ENHANCE_YOUR_CALM, PING, RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, frame, head,
};
use crate::grpc_client::{Client, run};
use crate::grpc_life::until;
use crate::server::Server;

const CALL: &str = "/Request/request";

fn others_are_served(server: &Server) {
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let (_, told) = client.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(told["success"], true);
    });
}

#[test]
fn floods_of_frames_that_carry_nothing_end_the_connection() {
    let server = Server::start();
    let ping = frame(PING, 0, 0, &[0; 8]);
    let settings = frame(SETTINGS, 0, 0, &[]);
    for (what, flood) in [("pings", ping), ("settings", settings)] {
        let mut raw = Raw::connect(server.grpc, &[]);
        raw.send(&flood.repeat(GRPC_IDLE_FRAMES_MAX as usize + 10));
        assert_eq!(raw.goaway(), Some(ENHANCE_YOUR_CALM), "{what}");
    }
    others_are_served(&server);
}

#[test]
fn a_few_pings_are_answered() {
    let server = Server::start();
    let mut raw = Raw::connect(server.grpc, &[]);
    for round in 0..50_u8 {
        raw.send(&frame(PING, 0, 0, &[round; 8]));
        assert_eq!(raw.await_frame(PING), Some(vec![round; 8]));
    }
}

#[test]
fn rapid_resets_end_the_connection() {
    let server = Server::start();
    let mut raw = Raw::connect(server.grpc, &[]);
    let mut flood = Vec::new();
    for number in 0..GRPC_IDLE_FRAMES_MAX + 10 {
        let stream = 2 * number + 1;
        flood.extend(head(stream, CALL, false));
        flood.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    raw.send(&flood);
    assert_eq!(raw.goaway(), Some(ENHANCE_YOUR_CALM));
    others_are_served(&server);
}

#[test]
fn resets_that_the_server_is_made_to_send_end_the_connection() {
    let server = Server::start();
    let mut raw = Raw::connect(server.grpc, &[]);
    let mut flood = Vec::new();
    for number in 0..u32::try_from(GRPC_ERROR_RESETS_MAX).unwrap() * 4 {
        let stream = 2 * number + 1;
        flood.extend(head(stream, CALL, false));
        // A window that grows beyond what there may be is a mistake that resets the stream.
        flood.extend(frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()));
    }
    raw.send(&flood);
    assert_eq!(raw.goaway(), Some(ENHANCE_YOUR_CALM));
    others_are_served(&server);
}

#[test]
fn streams_of_one_connection_are_limited() {
    let server = Server::start();
    let mut raw = Raw::connect(server.grpc, &[]);
    let mut many = Vec::new();
    for number in 0..=GRPC_STREAMS_MAX {
        many.extend(head(2 * number + 1, CALL, false));
    }
    raw.send(&many);
    let reset = raw.await_frame(RST_STREAM).expect("the last is refused");
    assert_eq!(reset, 7_u32.to_be_bytes(), "REFUSED_STREAM");
}

#[test]
fn messages_of_ten_mebibytes_pass_and_larger_ones_do_not() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let _pushes = client.set_up().await;
        let message = |bytes: usize| {
            let mut out = Vec::new();
            encode(&mut out, "NoSuchRequest", "", &[], &vec![b' '; bytes]);
            Bytes::from(out)
        };
        let told = client.raw(CALL, message(GRPC_MESSAGE_BYTES_MAX - 64)).await;
        let (kind, body) = told.message.expect("a message");
        assert_eq!((kind.as_str(), &body["errorCode"]), ("ErrorResponse", &json!(302)));
        let told = client.raw(CALL, message(GRPC_MESSAGE_BYTES_MAX)).await;
        assert_eq!(told.status, Some(8));
        let (_, told) = client.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(told["success"], true);
    });
}

#[test]
fn unfinished_messages_are_limited_together() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let begun = [&[0][..], &9_000_000_u32.to_be_bytes(), &vec![b' '; 8_000_000]].concat();
        let begun = Bytes::from(begun);
        let mut answers = Vec::new();
        let mut open = Vec::new();
        for _ in 0..4 {
            let (answer, mut send) = client.open(CALL, false).await;
            send.send_data(begun.clone(), false).expect("sent");
            answers.push(answer);
            open.push(send);
        }
        // Which of them is refused depends on how their pieces come; one is, at least.
        let (first, ..) = futures_util::future::select_all(answers).await;
        let first = first.expect("an answer");
        assert_eq!(first.headers().get("grpc-status").unwrap(), "8");
    });
    others_are_served(&server);
}

#[test]
fn set_ups_that_make_no_sense_end_the_stream() {
    let server = Server::start();
    run(async {
        for body in [json!([]), json!("x"), json!(7), json!(null)] {
            let mut client = Client::connect(server.grpc).await;
            let mut pushes = client.pushes().await;
            pushes.say("ConnectionSetupRequest", body).await;
            assert_eq!(pushes.status().await, Some(3));
        }
        let mut client = Client::connect(server.grpc).await;
        let mut pushes = client.pushes().await;
        pushes.send.send_data(Bytes::from_static(b"\x01\0\0\0\x01x"), false).expect("sent");
        assert_eq!(pushes.status().await, Some(12));
        let odd =
            json!({"clientVersion": 1, "tenant": [], "labels": {"a": null}, "abilityTable": 0});
        let mut pushes = client.pushes().await;
        pushes.say("ConnectionSetupRequest", odd).await;
        assert_eq!(pushes.hear().await.expect("an acknowledgement").0, "SetupAckRequest");
    });
}

#[test]
fn acknowledgements_of_nothing_are_ignored() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let mut pushes = client.set_up().await;
        for id in [json!("1"), json!("x"), json!(""), json!(null), json!(5), json!({})] {
            pushes.say("NotifySubscriberResponse", json!({"requestId": id})).await;
        }
        pushes.say("NoSuchResponse", json!([1, 2, 3])).await;
        let (_, told) = client.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(told["success"], true);
        assert_eq!(server.bound.connections.count(), 1);
    });
}

#[test]
fn connections_are_limited_and_leave_no_trace() {
    let limits = Limits { connections_max: 8, ..NacosConfig::default().limits };
    let server = Server::configured(NacosConfig { limits, ..NacosConfig::default() });
    let mut raws: Vec<_> = (0..20).map(|_| Raw::connect(server.grpc, &[])).collect();
    let served = raws.iter_mut().filter_map(|raw| raw.await_frame(SETTINGS)).count();
    assert_eq!(served, 8);
    drop(raws);
    run(async {
        // Those before have gone by now, or will have soon.
        let connections = &server.bound.connections;
        until("room again", || Raw::connect(server.grpc, &[]).await_frame(SETTINGS).is_some())
            .await;
        until("nobody left", || connections.count() == 0).await;
    });
}

#[test]
fn plain_requests_over_http2_are_refused() {
    let server = Server::start();
    let mut raw = Raw::connect(server.address, &[]);
    // `GET /` with nothing else: 0x82, 0x86, 0x84.
    raw.send(&frame(crate::frames::HEADERS, 5, 1, &[0x82, 0x86, 0x84]));
    let head = raw.await_frame(crate::frames::HEADERS).expect("an answer");
    assert!(head.windows(3).any(|it| it == b"415") || !head.is_empty());
    raw.send(&frame(DATA, 1, 1, b"x"));
    others_are_served(&server);
}
