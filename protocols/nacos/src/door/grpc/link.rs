//! One connection: a single task that reads requests, answers them on the spot, and pushes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{Method, Request, StatusCode, header};
use rialto_door::http::{Origin, Stream as Socket};

use super::call::{Call, Host};
use super::dispatch;
use super::incoming::Held;
use super::mailbox::{Ask, Mailbox};
use super::request::Setup;
use super::stream::{Came, Dead, Stream};
use super::watched::Watched;
use super::wire::{Status, head, refusal};
use crate::codec::payload::Payload;
use crate::door::Parts;
use crate::limits::{
    GRPC_CALLS_MAX, GRPC_CONNECTION_WINDOW_BYTES, GRPC_ERROR_RESETS_MAX, GRPC_HANDSHAKE_MS,
    GRPC_HEADER_LIST_BYTES_MAX, GRPC_OUT_BYTES_MAX, GRPC_SEND_BUFFER_BYTES,
    GRPC_STREAM_WINDOW_BYTES, GRPC_STREAMS_MAX,
};
use crate::naming::{Client, Outcome};

/// Serves a connection until it ends. `busy` counts what a stop has to wait for.
pub(in crate::door) async fn serve(
    parts: Parts,
    busy: Arc<AtomicUsize>,
    socket: Socket,
    origin: Origin,
) {
    // Both on the heap: the task of a connection would keep room for its handshake as long as it
    // lives, and clients stay for days.
    let shaken = Box::pin(shake(parts, busy, socket, origin)).await;
    if let Some(link) = shaken {
        link.await;
    }
}

async fn shake(
    parts: Parts,
    busy: Arc<AtomicUsize>,
    socket: Socket,
    origin: Origin,
) -> Option<Pin<Box<Link>>> {
    let mailbox = parts.connections.add(origin.peer);
    let guard = Guard { parts: parts.clone(), mailbox: Arc::clone(&mailbox) };
    let watched = Watched::new(socket, Arc::clone(&mailbox));
    let handshake = builder().handshake(watched);
    let wait = Duration::from_millis(GRPC_HANDSHAKE_MS);
    match tokio::time::timeout(wait, handshake).await {
        Ok(Ok(http2)) => return Some(Box::pin(Link::new(guard, busy, http2))),
        Ok(Err(error)) => tracing::debug!(peer = %origin.peer, %error, "no handshake of HTTP/2"),
        Err(_) => tracing::debug!(peer = %origin.peer, "the handshake of HTTP/2 took too long"),
    }
    None
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(GRPC_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(GRPC_CONNECTION_WINDOW_BYTES)
        .max_header_list_size(GRPC_HEADER_LIST_BYTES_MAX)
        .max_concurrent_streams(GRPC_STREAMS_MAX)
        .max_send_buffer_size(GRPC_SEND_BUFFER_BYTES)
        .max_local_error_reset_streams(Some(GRPC_ERROR_RESETS_MAX));
    builder
}

/// Takes a connection out of the table, whatever ends it.
struct Guard {
    parts: Parts,
    mailbox: Arc<Mailbox>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.parts.connections.remove(&self.mailbox);
    }
}

/// A connection after its handshake.
struct Link {
    http2: Connection<Watched<Socket>, Bytes>,
    calls: Vec<Call>,
    stream: Option<Stream>,
    setup: Option<Arc<Setup>>,
    held: Held,
    /// Bytes handed to `http2` since the socket last took everything.
    handed: usize,
    /// What is counted in `busy`: calls under way, and the connection itself until it has said that
    /// the door closes.
    counted: usize,
    busy: Arc<AtomicUsize>,
    stop: Stop,
    /// The last frames are on their way.
    is_ending: bool,
    guard: Guard,
}

/// How far a stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    /// What is to be said is on its way.
    Begun,
    /// It has left.
    Said,
}

/// The connection is over.
struct Over;

impl Link {
    fn new(
        guard: Guard,
        busy: Arc<AtomicUsize>,
        http2: Connection<Watched<Socket>, Bytes>,
    ) -> Self {
        busy.fetch_add(1, Relaxed);
        Link {
            http2,
            calls: Vec::new(),
            stream: None,
            setup: None,
            held: Held::default(),
            handed: 0,
            counted: 1,
            busy,
            stop: Stop::No,
            is_ending: false,
            guard,
        }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<(), Over> {
        self.drive(context)?;
        if self.guard.mailbox.is_calmed() && !self.is_ending {
            tracing::debug!(peer = %self.guard.mailbox.remote, "too many frames for nothing");
            self.is_ending = true;
            self.http2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            return self.drive(context);
        }
        let now_ms = self.guard.parts.connections.now_ms();
        self.obey(context, now_ms)?;
        self.get_on_with_calls(context, now_ms);
        self.get_on_with_stream(context, now_ms)?;
        self.account();
        Ok(())
    }

    /// Reads, writes and takes new streams.
    fn drive(&mut self, context: &mut Context<'_>) -> Result<(), Over> {
        loop {
            match self.http2.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) if !self.is_ending => {
                    self.accept(request, respond);
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => {
                    let peer = self.guard.mailbox.remote;
                    tracing::debug!(%peer, %error, "a connection ended");
                    return Err(Over);
                }
                Poll::Ready(None) => return Err(Over),
                Poll::Pending => break,
            }
        }
        if !self.guard.mailbox.is_blocked() {
            self.handed = 0;
            if self.stop == Stop::Begun {
                self.stop = Stop::Said;
            }
        }
        Ok(())
    }

    fn accept(&mut self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let is_grpc = request.method() == Method::POST
            && request
                .headers()
                .get(header::CONTENT_TYPE)
                .is_some_and(|it| it.as_bytes().starts_with(b"application/grpc"));
        if !is_grpc {
            let mut response = http::Response::new(());
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            // Whoever has given up already needs no answer.
            let _ = respond.send_response(response, true);
            return;
        }
        let mut refuse = |status, message: &str| {
            let _ = respond.send_response(refusal(status, message), true);
        };
        match request.uri().path() {
            "/Request/request" => {
                let unsent = self.calls.iter().map(Call::unsent_bytes).sum::<usize>();
                if self.calls.len() >= GRPC_CALLS_MAX || unsent + self.handed > GRPC_OUT_BYTES_MAX {
                    return refuse(Status::ResourceExhausted, "too much is under way already");
                }
                self.calls.push(Call::new(request.into_body(), respond));
            }
            "/BiRequestStream/requestBiStream" if self.stream.is_some() => {
                refuse(Status::AlreadyExists, "this connection has a stream for pushes already");
            }
            "/BiRequestStream/requestBiStream" => {
                if let Ok(stream) = respond.send_response(head(), false) {
                    self.stream = Some(Stream::new(request.into_body(), stream));
                }
            }
            path => refuse(Status::Unimplemented, &format!("unknown method {path}")),
        }
    }

    /// Does what others asked of this connection.
    fn obey(&mut self, context: &Context<'_>, now_ms: u64) -> Result<(), Over> {
        let asked = self.guard.mailbox.asked();
        if asked == 0 {
            return Ok(());
        }
        let is_asked = |ask: Ask| asked & ask as u8 != 0;
        if is_asked(Ask::Cut) {
            tracing::debug!(peer = %self.guard.mailbox.remote, "cut a connection");
            return Err(Over);
        }
        if let Some(stream) = &mut self.stream {
            if is_asked(Ask::Detect) {
                stream.send_detection(now_ms);
            }
            if is_asked(Ask::Reset) {
                let to = self.guard.mailbox.reset_to();
                stream.send_reset(&self.guard.mailbox.name, &to, now_ms);
            }
        }
        if is_asked(Ask::Stop) {
            self.http2.graceful_shutdown();
            self.end_stream(Status::Unavailable);
            self.stop = Stop::Begun;
            context.waker().wake_by_ref();
        }
        Ok(())
    }

    fn get_on_with_calls(&mut self, context: &mut Context<'_>, now_ms: u64) {
        if self.calls.is_empty() {
            return;
        }
        let Self { calls, setup, held, handed, guard, .. } = self;
        let mut host = Host {
            answer: |payload: &Payload<'_>| {
                guard.mailbox.active(now_ms);
                dispatch::answer(&guard.parts, &guard.mailbox, setup.as_ref(), payload)
            },
            now_ms,
            held,
            handed,
        };
        calls.retain_mut(|call| call.poll(context, &mut host).is_pending());
        if calls.is_empty() {
            // A burst must not be remembered for ever.
            *calls = Vec::new();
        }
    }

    fn get_on_with_stream(&mut self, context: &mut Context<'_>, now_ms: u64) -> Result<(), Over> {
        while let Some(stream) = &mut self.stream {
            let id = self.guard.mailbox.id();
            match stream.came(context, id, now_ms, &mut self.held) {
                Poll::Pending => break,
                Poll::Ready(Came::Sign) => self.guard.mailbox.active(now_ms),
                Poll::Ready(Came::Setup(setup, wants_ack)) => self.set_up(setup, wants_ack, now_ms),
                Poll::Ready(Came::End(None)) => self.end_stream(Status::Ok),
                Poll::Ready(Came::End(Some((status, message)))) => {
                    tracing::debug!(peer = %self.guard.mailbox.remote, message, "ended a stream");
                    self.end_stream(status);
                }
            }
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mailbox = &self.guard.mailbox;
        let sent = stream.send(context, mailbox, now_ms, &mut self.handed);
        sent.and_then(|()| stream.expire(mailbox, now_ms)).map_err(|Dead| Over)
    }

    /// The client says what it is. A second time it is only acknowledged: what it is cannot change
    /// while others count on it.
    fn set_up(&mut self, setup: Setup, wants_ack: bool, now_ms: u64) {
        let Guard { parts, mailbox } = &self.guard;
        mailbox.active(now_ms);
        if self.setup.is_none() {
            let setup = Arc::new(setup);
            mailbox.open(Arc::clone(&setup));
            parts.naming.begin(Client {
                connection: mailbox.id(),
                name: Arc::clone(&mailbox.name),
                remote: mailbox.remote,
                agent: setup.version.as_str().into(),
                app: setup.label("AppName").unwrap_or("unknown").into(),
            });
            self.setup = Some(setup);
        }
        if wants_ack && let Some(stream) = &mut self.stream {
            stream.send_setup_ack();
        }
    }

    /// Ends the stream for pushes, and with it all that the client bound to it. It may open another
    /// one, and is then another client.
    fn end_stream(&mut self, status: Status) {
        let Some(mut stream) = self.stream.take() else { return };
        stream.end(status);
        self.release(&mut stream);
        if !self.guard.parts.connections.is_stopping() {
            self.guard.parts.connections.renumber(&self.guard.mailbox);
        }
    }

    fn release(&mut self, stream: &mut Stream) {
        let Guard { parts, mailbox } = &self.guard;
        let id = mailbox.id();
        let waiting = mailbox.close();
        // Clients of a server that stops come back to the next one, and find what they registered.
        if self.setup.take().is_some() && !parts.connections.is_stopping() {
            parts.ended(id);
        }
        stream.abandon(id, &mut self.held);
        for push in waiting {
            push.outcome.done(id, push.token, Outcome::Gone);
        }
    }

    /// Says how the connection is to those who look after it.
    fn account(&mut self) {
        let stream = self.stream.as_ref();
        let unsent = self.calls.iter().map(Call::unsent_bytes).sum::<usize>()
            + stream.map_or(0, Stream::unsent_bytes);
        self.guard.mailbox.starved(unsent > 0);
        let calls_due = self.calls.iter().map(Call::due_ms).min().unwrap_or(u64::MAX);
        self.guard.mailbox.due(calls_due.min(stream.map_or(u64::MAX, Stream::due_ms)));
        let waiting = self.calls.iter().filter(|call| call.is_waiting()).count();
        let count = waiting + usize::from(self.stop != Stop::Said);
        // Wrapping: the difference may be negative.
        self.busy.fetch_add(count.wrapping_sub(self.counted), Relaxed);
        self.counted = count;
    }
}

impl Future for Link {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let link = self.get_mut();
        link.guard.mailbox.waker.register(context.waker());
        // Whatever is handed to `http2` wakes this task again, which then sends it.
        match link.step(context) {
            Ok(()) => Poll::Pending,
            Err(Over) => Poll::Ready(()),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.busy.fetch_sub(self.counted, Relaxed);
        if let Some(mut stream) = self.stream.take() {
            self.release(&mut stream);
        }
    }
}
