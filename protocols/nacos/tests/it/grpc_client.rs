//! A client over gRPC that says exactly what it is told, and hears everything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use rialto_nacos::codec::payload::{Frame, PREFIX_BYTES, decode, encode, frame};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A message: its type, and its JSON.
pub(crate) type Message = (String, Value);

/// A connection.
pub(crate) struct Client {
    requests: SendRequest<Bytes>,
    /// Whether the connection has ended.
    pub(crate) ended: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Option<h2::Reason>>,
}

/// A stream for pushes.
pub(crate) struct Pushes {
    pub(crate) send: SendStream<Bytes>,
    receive: RecvStream,
    buffer: BytesMut,
    /// Headers of the stream's answer.
    pub(crate) headers: http::HeaderMap,
}

/// How a call ended: what was said, and gRPC's own status.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) message: Option<Message>,
    pub(crate) status: Option<u16>,
}

/// Runs a test's side on a runtime of its own, within [`PATIENCE`] several times over.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, work).await.expect("in time") })
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("a connection")).await
    }

    pub(crate) async fn over<S>(socket: S) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 21);
        let (requests, connection) = builder.handshake(socket).await.expect("a handshake");
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let task = tokio::spawn(async move {
            let outcome = connection.await;
            flag.store(true, Relaxed);
            outcome.err().and_then(|error| error.reason())
        });
        Client { requests, ended, task }
    }

    /// Makes a unary call.
    pub(crate) async fn ask(&mut self, kind: &str, body: Value) -> Message {
        self.ask_with(kind, &[], body).await
    }

    pub(crate) async fn ask_with(
        &mut self,
        kind: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Message {
        let mut out = Vec::new();
        encode(&mut out, kind, "192.0.2.2", headers, body.to_string().as_bytes());
        let told = self.raw("/Request/request", out.into()).await;
        assert_eq!(told.status, Some(0), "{told:?}");
        told.message.expect("a message")
    }

    /// Sends bytes as the body of a call.
    pub(crate) async fn raw(&mut self, path: &str, bytes: Bytes) -> Told {
        let (answer, mut send) = self.open(path, false).await;
        send.send_data(bytes, true).expect("sent");
        let answer = tokio::time::timeout(PATIENCE, answer).await.expect("in time");
        let answer = answer.expect("an answer");
        let early = status(answer.headers());
        let mut body = answer.into_body();
        let mut all = BytesMut::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.expect("data");
            let _ = body.flow_control().release_capacity(chunk.len());
            all.extend_from_slice(&chunk);
        }
        let late = body.trailers().await.expect("trailers");
        let status = early.or(late.and_then(|trailers| status(&trailers)));
        Told { message: message(&mut all), status }
    }

    /// Opens the stream for pushes.
    pub(crate) async fn pushes(&mut self) -> Pushes {
        let (answer, send) = self.open("/BiRequestStream/requestBiStream", false).await;
        let answer = tokio::time::timeout(PATIENCE, answer).await.expect("in time");
        let (parts, receive) = answer.expect("an answer").into_parts();
        Pushes { send, receive, buffer: BytesMut::new(), headers: parts.headers }
    }

    pub(crate) async fn open(
        &mut self,
        path: &str,
        end: bool,
    ) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let request = http::Request::post(format!("http://nacos{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let mut ready = self.requests.clone().ready().await.expect("a connection");
        ready.send_request(request, end).expect("sent")
    }

    /// Sets the client up as one that wants an acknowledgement, and awaits that.
    pub(crate) async fn set_up(&mut self) -> Pushes {
        let mut pushes = self.pushes().await;
        pushes.say("ConnectionSetupRequest", setup("naming")).await;
        let (kind, ack) = pushes.hear().await.expect("an acknowledgement");
        assert_eq!(kind, "SetupAckRequest");
        assert_eq!(ack["abilityTable"]["supportPersistentInstanceByGrpc"], true);
        pushes
    }

    /// Waits for the connection's end, and gives the reason if there was one.
    pub(crate) async fn end(self) -> Option<h2::Reason> {
        tokio::time::timeout(PATIENCE, self.task).await.expect("an end in time").expect("no panic")
    }
}

impl Pushes {
    /// Says something on the stream.
    pub(crate) async fn say(&mut self, kind: &str, body: Value) {
        let mut out = Vec::new();
        encode(&mut out, kind, "192.0.2.2", &[], body.to_string().as_bytes());
        self.send.send_data(out.into(), false).expect("sent");
    }

    /// Says something with an address of the client's own.
    pub(crate) async fn say_from(&mut self, kind: &str, client_ip: &str, body: Value) {
        let mut out = Vec::new();
        encode(&mut out, kind, client_ip, &[], body.to_string().as_bytes());
        self.send.send_data(out.into(), false).expect("sent");
    }

    /// The next message, however long it takes; `None` at the stream's end.
    pub(crate) async fn hear_ever(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = message(&mut self.buffer) {
                return Some(message);
            }
            let chunk = self.receive.data().await?.ok()?;
            let _ = self.receive.flow_control().release_capacity(chunk.len());
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// The next message; `None` at the stream's end.
    pub(crate) async fn hear(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = message(&mut self.buffer) {
                return Some(message);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.receive.data()).await;
            let chunk = chunk.expect("something in time")?.ok()?;
            let _ = self.receive.flow_control().release_capacity(chunk.len());
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// The next message of a type; answers to detections are given on the way.
    pub(crate) async fn hear_only(&mut self, wanted: &str) -> Value {
        loop {
            let (kind, body) = self.hear().await.expect("a message");
            if kind == wanted {
                return body;
            }
            if kind == "ClientDetectionRequest" {
                self.acknowledge("ClientDetectionResponse", &body).await;
            }
        }
    }

    /// The next message, which must be of a type.
    pub(crate) async fn hear_only_raw(&mut self, wanted: &str) -> Value {
        let (kind, body) = self.hear().await.expect("a message");
        assert_eq!(kind, wanted);
        body
    }

    /// Acknowledges a push.
    pub(crate) async fn acknowledge(&mut self, kind: &str, push: &Value) {
        let id = push["requestId"].clone();
        let body = json!({"resultCode": 200, "errorCode": 0, "requestId": id, "success": true});
        self.say(kind, body).await;
    }

    /// gRPC's status at the stream's end.
    pub(crate) async fn status(&mut self) -> Option<u16> {
        while self.hear().await.is_some() {}
        let trailers = self.receive.trailers().await.ok().flatten();
        trailers.and_then(|trailers| status(&trailers)).or(status(&self.headers))
    }
}

/// What a Java client says of itself.
pub(crate) fn setup(module: &str) -> Value {
    json!({
        "headers": {}, "clientVersion": "Nacos-Java-Client:v3.1.1", "tenant": "",
        "labels": {"source": "sdk", "module": module, "AppName": "shop"},
        "abilityTable": {"fuzzyWatch": true}, "module": "internal",
    })
}

fn status(headers: &http::HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// Takes a message off the front.
fn message(buffer: &mut BytesMut) -> Option<Message> {
    let Ok(Frame::Whole(message)) = frame(buffer) else { return None };
    let bytes = PREFIX_BYTES + message.len();
    let payload = decode(message).expect("a payload");
    let json = serde_json::from_slice(payload.body).expect("JSON");
    let message = (payload.kind.to_owned(), json);
    let _ = buffer.split_to(bytes);
    Some(message)
}
