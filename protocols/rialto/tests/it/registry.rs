//! `rialto.v1.Registry` as a client of any language may use it, well and badly.

use rialto_api::proto::registry_client::RegistryClient;
use rialto_api::proto::session_reply::Kind as Reply;
use rialto_api::proto::session_request::Kind;
use rialto_api::proto::{
    CallReport, Calls, Deregister, Ejection, Hello, Instance, LatencyBucket, Register, Renew,
    ServiceName, SessionReply, SessionRequest, WatchRequest, change, watch_reply,
};
use rialto_security::{Identity, NewToken, Role};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Streaming};

use crate::node::{Node, within_5s};

fn client(node: &Node) -> RegistryClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", node.address)).unwrap();
    RegistryClient::new(endpoint.connect_lazy())
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

struct Session {
    outbox: mpsc::Sender<SessionRequest>,
    replies: Streaming<SessionReply>,
}

impl Session {
    async fn open(node: &Node) -> Self {
        let (outbox, messages) = mpsc::channel(16);
        let request = with_token(ReceiverStream::new(messages), &node.service_token);
        let replies = client(node).session(request).await.unwrap().into_inner();
        let mut session = Self { outbox, replies };
        let hello = Hello { service: "order".into(), agent: "test".into() };
        let welcome = session.ask(Kind::Hello(hello)).await;
        assert!(matches!(welcome, Reply::Welcome(welcome) if welcome.ttl_default_ms == 10_000));
        session
    }

    async fn send(&self, kind: Kind) {
        self.outbox.send(SessionRequest { kind: Some(kind) }).await.unwrap();
    }

    async fn ask(&mut self, kind: Kind) -> Reply {
        self.send(kind).await;
        self.replies.message().await.unwrap().unwrap().kind.unwrap()
    }
}

fn named(name: &str) -> Option<ServiceName> {
    Some(ServiceName { name: name.into(), ..ServiceName::default() })
}

fn register(request: u64, id: &str) -> Kind {
    let instance =
        Instance { id: id.into(), host: "h".into(), port: 80, weight: 1.0, ..Instance::default() };
    Kind::Register(Register {
        request,
        service: named("stock"),
        instance: Some(instance),
        ttl_ms: 0,
    })
}

#[tokio::test]
async fn a_session_registers_renews_reports_and_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let mut session = Session::open(&node).await;
    let registered = session.ask(register(1, "a")).await;
    let Reply::Registered(registered) = registered else { panic!("{registered:?}") };
    assert_eq!((registered.request, registered.ttl_ms), (1, 10_000));
    let Reply::Renewed(renewed) = session.ask(Kind::Renew(Renew {})).await else { panic!() };
    assert_eq!(renewed.lost, []);
    let path = "/api/v1/services/stock/instances/a";
    assert_eq!(node.admin("DELETE", path, None).await.status, 204);
    let Reply::Renewed(renewed) = session.ask(Kind::Renew(Renew {})).await else { panic!() };
    assert_eq!(renewed.lost.len(), 1);
    assert_eq!((&renewed.lost[0].service, renewed.lost[0].id.as_str()), (&named("stock"), "a"));
    let calls = Calls {
        to: "stock".into(),
        ok: 3,
        retries: 1,
        latencies: vec![LatencyBucket { latency_us: 2_000, count: 3 }],
        ..Calls::default()
    };
    let ejection = Ejection {
        service: "stock".into(),
        instance: "a".into(),
        ejected: true,
        reason: "slow".into(),
    };
    session.send(Kind::Report(CallReport { calls: vec![calls], ejections: vec![ejection] })).await;
    within_5s("the topology has the call", || {
        let edges = node.telemetry.calls().edges();
        edges.iter().any(|edge| {
            (edge.from.as_str(), edge.to.as_str(), edge.traffic.requests) == ("order", "stock", 3)
        })
    })
    .await;
    let events = node.telemetry.events().recent(10, None);
    assert!(events.iter().any(|event| event.kind == "ejected" && event.subject == "stock/a"));
    session.ask(register(2, "a")).await;
    let leave = Deregister { request: 3, service: named("stock"), id: "a".into() };
    assert!(matches!(session.ask(Kind::Deregister(leave)).await, Reply::Deregistered(_)));
    assert_eq!(node.engine.read(|state| state.services_len()), 0);
}

#[tokio::test]
async fn what_a_session_refuses_does_not_end_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let mut session = Session::open(&node).await;
    let mut told = Vec::new();
    for kind in [
        Kind::Register(Register { request: 7, service: named("stock"), ..Register::default() }),
        Kind::Register(Register { request: 8, ..Register::default() }),
        match register(9, "a") {
            Kind::Register(mut register) => {
                register.instance.as_mut().unwrap().port = 70_000;
                Kind::Register(register)
            }
            other => other,
        },
        match register(10, "a\nb") {
            Kind::Register(register) => Kind::Register(register),
            other => other,
        },
    ] {
        let Reply::Refused(refused) = session.ask(kind).await else { panic!() };
        assert!(refused.code == "invalid" && !refused.detail.is_empty(), "{refused:?}");
        told.push(refused.request);
    }
    assert_eq!(told, [7, 8, 9, 10]);
    assert!(matches!(session.ask(register(11, "a")).await, Reply::Registered(_)));
}

#[tokio::test]
async fn a_session_holds_a_bounded_number() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let mut session = Session::open(&node).await;
    let most = u64::try_from(rialto_protocol::limits::REGISTRATIONS_PER_SESSION_MAX).unwrap();
    for number in 0..most {
        let reply = session.ask(register(number, &number.to_string())).await;
        assert!(matches!(reply, Reply::Registered(_)), "{reply:?}");
    }
    let Reply::Refused(refused) = session.ask(register(most, "more")).await else { panic!() };
    assert_eq!((refused.request, refused.code.as_str()), (most, "too_many"));
    // Those that are held can be registered again.
    assert!(matches!(session.ask(register(most + 1, "0")).await, Reply::Registered(_)));
}

#[tokio::test]
async fn without_a_token_there_is_no_session_and_no_watch() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let watch = WatchRequest { service: named("stock"), after: None };
    let missing = client(&node).watch(watch.clone()).await.unwrap_err();
    assert_eq!(missing.code(), Code::Unauthenticated);
    assert!(missing.message().contains("RIALTO_TOKEN_FILE"), "{missing:?}");
    let wrong = client(&node).watch(with_token(watch.clone(), "x")).await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    let nameless = WatchRequest { service: None, after: None };
    let refused = client(&node).watch(with_token(nameless, &node.service_token)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let (_outbox, messages) = mpsc::channel::<SessionRequest>(1);
    let refused = client(&node).session(ReceiverStream::new(messages)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_revoked_token_ends_the_watch_and_the_session_that_it_opened() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let admin = Identity::new("test", Role::Admin);
    let new = NewToken { name: "ci".into(), role: Role::Service, roles: Vec::new(), owner: None };
    let token = node.security.create_token(&admin, new).unwrap();
    let request = WatchRequest { service: named("stock"), after: None };
    let request = with_token(request, token.reveal());
    let mut watch = client(&node).watch(request).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    let (outbox, messages) = mpsc::channel(16);
    let request = with_token(ReceiverStream::new(messages), token.reveal());
    let replies = client(&node).session(request).await.unwrap().into_inner();
    let mut revoked = Session { outbox, replies };
    assert!(matches!(revoked.ask(register(1, "a")).await, Reply::Registered(_)));
    assert!(watch.message().await.unwrap().is_some());

    node.security.revoke_token(&admin, "ci").unwrap();
    revoked.send(register(2, "b")).await;
    let refused = revoked.replies.message().await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut session = Session::open(&node).await;
    session.ask(register(1, "c")).await;
    assert_eq!(watch.message().await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_watch_sees_every_change_and_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let mut session = Session::open(&node).await;
    session.ask(register(1, "a")).await;
    let request =
        |after| with_token(WatchRequest { service: named("STOCK"), after }, &node.service_token);
    let mut watch = client(&node).watch(request(None)).await.unwrap().into_inner();
    let first = watch.message().await.unwrap().unwrap().kind.unwrap();
    let watch_reply::Kind::Snapshot(snapshot) = first else { panic!("{first:?}") };
    assert_eq!((snapshot.instances.len(), snapshot.compacted), (1, false));
    assert!(snapshot.instances[0].available);
    session.ask(register(2, "b")).await;
    let next = watch.message().await.unwrap().unwrap().kind.unwrap();
    let watch_reply::Kind::Delta(delta) = next else { panic!("{next:?}") };
    assert!(matches!(&delta.changes[0].kind, Some(change::Kind::Put(one)) if one.id == "b"));
    drop(watch);
    let leave = Deregister { request: 3, service: named("stock"), id: "a".into() };
    session.ask(Kind::Deregister(leave)).await;
    let mut watch = client(&node).watch(request(Some(delta.revision))).await.unwrap().into_inner();
    let next = watch.message().await.unwrap().unwrap().kind.unwrap();
    let watch_reply::Kind::Delta(delta) = next else { panic!("{next:?}") };
    assert!(matches!(&delta.changes[..], [one]
        if matches!(&one.kind, Some(change::Kind::Removed(removal)) if removal.id == "a")));
    // A revision of another life of the server: all of it again.
    let mut watch = client(&node).watch(request(Some(1 << 40))).await.unwrap().into_inner();
    let first = watch.message().await.unwrap().unwrap().kind.unwrap();
    assert!(matches!(first, watch_reply::Kind::Snapshot(all) if all.compacted));
}

#[tokio::test]
async fn a_long_list_comes_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    for number in 0..2_500 {
        let id = format!("i{number}");
        let body = format!(r#"{{"id":"{id}","host":"h","port":1,"ttl_ms":60000}}"#);
        if number == 0 {
            node.admin("POST", "/api/v1/services/stock/instances", Some(&body)).await;
            continue;
        }
        let spec = rialto_catalog::InstanceSpec::new(
            &id,
            rialto_catalog::Protocol::Rest,
            "h",
            1,
            rialto_catalog::Millis(60_000),
        );
        let service = rialto_catalog::ServiceKey::named("stock").unwrap();
        node.engine.apply(rialto_catalog::Command::Register { service, spec }).unwrap();
    }
    let request = WatchRequest { service: named("stock"), after: None };
    let request = with_token(request, &node.service_token);
    let mut watch = client(&node).watch(request).await.unwrap().into_inner();
    let (mut seen, mut revisions) = (0, Vec::new());
    while seen < 2_500 {
        match watch.message().await.unwrap().unwrap().kind.unwrap() {
            watch_reply::Kind::Snapshot(snapshot) => {
                seen += snapshot.instances.len();
                revisions.push(snapshot.revision);
            }
            watch_reply::Kind::Delta(delta) => {
                seen += delta.changes.len();
                revisions.push(delta.revision);
            }
        }
    }
    assert_eq!(revisions, [0, 0, 2_500]);
}
