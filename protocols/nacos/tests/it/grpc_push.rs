//! Pushes: what is sent, what becomes of it, and clients that never read or never acknowledge.

use std::sync::Arc;

use rialto_nacos::limits::{GRPC_PUSH_BYTES_MAX, GRPC_PUSHES_WAITING_MAX};
use rialto_nacos::naming::{ConnectionId, Outcome, Push, PushOutcome, PushRequest};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::frames::{DATA, Raw, frame, head};
use crate::grpc_client::{Client, PATIENCE, run, setup};
use crate::grpc_life::until;
use crate::server::Server;

#[derive(Debug)]
struct Outcomes(UnboundedSender<(u64, Outcome)>);

impl PushOutcome for Outcomes {
    fn done(&self, _: ConnectionId, token: u64, outcome: Outcome) {
        // A test that has heard enough does not listen.
        let _ = self.0.send((token, outcome));
    }
}

struct Pusher {
    outcome: Arc<dyn PushOutcome>,
    told: UnboundedReceiver<(u64, Outcome)>,
}

impl Pusher {
    fn new() -> Self {
        let (sender, told) = unbounded_channel();
        Pusher { outcome: Arc::new(Outcomes(sender)), told }
    }

    fn push(
        &self,
        server: &Server,
        id: ConnectionId,
        token: u64,
        shared: &str,
        ack_timeout_ms: u64,
    ) {
        let push = PushRequest {
            kind: "NotifySubscriberRequest",
            shared: shared.to_owned().into(),
            ack_timeout_ms,
            token,
            outcome: Arc::clone(&self.outcome),
        };
        server.bound.connections.push(id, push);
    }

    async fn hear(&mut self) -> (u64, Outcome) {
        tokio::time::timeout(PATIENCE, self.told.recv()).await.expect("in time").expect("told")
    }
}

#[test]
fn pushes_are_acknowledged_by_their_numbers() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let mut pushes = client.set_up().await;
        let id = server.bound.connections.list()[0].id;
        let mut pusher = Pusher::new();
        let long = format!("\"text\":\"{}\"}}", "x".repeat(1 << 20));
        pusher.push(&server, id, 1, "\"text\":\"a\"}", 5_000);
        pusher.push(&server, id, 2, &long, 5_000);
        let first = pushes.hear_only("NotifySubscriberRequest").await;
        let second = pushes.hear_only("NotifySubscriberRequest").await;
        assert_eq!((&first["text"], &first["headers"]), (&json!("a"), &json!({})));
        assert_eq!(second["text"].as_str().unwrap().len(), 1 << 20);
        assert_ne!(first["requestId"], second["requestId"]);
        pushes.acknowledge("NotifySubscriberResponse", &second).await;
        assert_eq!(pusher.hear().await, (2, Outcome::Acked));
        let refused = json!({"resultCode": 500, "requestId": first["requestId"]});
        pushes.say("NotifySubscriberResponse", refused).await;
        assert_eq!(pusher.hear().await, (1, Outcome::Refused));
        pusher.push(&server, id, 3, "\"text\":\"b\"}", 300);
        assert_eq!(pusher.hear().await, (3, Outcome::TimedOut));
        pusher.push(&server, id, 4, "\"text\":\"c\"}", 60_000);
        let _ = pushes.hear_only("NotifySubscriberRequest").await;
        drop((client, pushes));
        assert_eq!(pusher.hear().await, (4, Outcome::Gone));
        pusher.push(&server, id, 5, "\"text\":\"d\"}", 60_000);
        assert_eq!(pusher.hear().await, (5, Outcome::Gone));
    });
}

#[test]
fn a_client_that_never_reads_is_bounded_and_others_are_not_held_up() {
    let server = Server::start();
    run(async {
        // No window at all: nothing may be sent to it on any stream.
        let mut raw = Raw::connect(server.grpc, &[0, 4, 0, 0, 0, 0]);
        let mut out = head(1, "/BiRequestStream/requestBiStream", false);
        let mut message = Vec::new();
        let set_up = setup("naming").to_string();
        let kind = "ConnectionSetupRequest";
        rialto_nacos::codec::payload::encode(&mut message, kind, "", &[], set_up.as_bytes());
        out.extend(frame(DATA, 0, 1, &message));
        raw.send(&out);
        let connections = &server.bound.connections;
        until("the set-up", || connections.count() == 1).await;
        let deaf = connections.list()[0].id;
        let mut other = Client::connect(server.grpc).await;
        let mut pushes = other.set_up().await;
        let listening = connections.list().into_iter().find(|it| it.id != deaf).unwrap().id;
        let mut pusher = Pusher::new();
        let half = format!("\"text\":\"{}\"}}", "x".repeat(GRPC_PUSH_BYTES_MAX / 2));
        for token in 0..20 {
            pusher.push(&server, deaf, token, &half, 60_000);
        }
        // What there is no room for is told at once, long before any acknowledgement is due.
        for _ in 0..16 {
            assert_eq!(pusher.hear().await.1, Outcome::TimedOut);
        }
        for token in 100..100 + GRPC_PUSHES_WAITING_MAX as u64 + 10 {
            pusher.push(&server, deaf, token, "\"text\":\"\"}", 60_000);
        }
        pusher.push(&server, listening, 7_777, "\"text\":\"here\"}", 60_000);
        let heard = pushes.hear_only("NotifySubscriberRequest").await;
        assert_eq!(heard["text"], "here");
        pushes.acknowledge("NotifySubscriberResponse", &heard).await;
        loop {
            match pusher.hear().await {
                (7_777, outcome) => break assert_eq!(outcome, Outcome::Acked),
                (_, outcome) => assert_eq!(outcome, Outcome::TimedOut),
            }
        }
        // It neither answers whether it is there, and is cut for that.
        until("the cut", || connections.list().iter().all(|it| it.id != deaf)).await;
        drop(raw);
    });
}

#[test]
fn a_client_that_never_acknowledges_stays_and_goes_on_hearing() {
    let server = Server::start();
    run(async {
        let mut client = Client::connect(server.grpc).await;
        let mut pushes = client.set_up().await;
        let id = server.bound.connections.list()[0].id;
        let mut pusher = Pusher::new();
        for token in 0..100 {
            pusher.push(&server, id, token, &format!("\"token\":{token}}}"), 100);
        }
        for token in 0..100 {
            let heard = pushes.hear_only("NotifySubscriberRequest").await;
            assert_eq!(heard["token"], token);
        }
        for _ in 0..100 {
            assert_eq!(pusher.hear().await.1, Outcome::TimedOut);
        }
        let (_, told) = client.ask("HealthCheckRequest", json!({})).await;
        assert_eq!(told["success"], true);
    });
}
