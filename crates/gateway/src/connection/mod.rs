//! A client's HTTP/1.1 connection, from its first byte to its last.
//!
//! While it waits, a connection holds next to nothing: what is read goes through the worker's one
//! buffer, and only what cannot be dealt with at once is copied to the connection's own.

mod answer;
mod carry;
mod exchange;
mod head;
mod tunnel;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::accesslog::Ending;
use crate::call::Call;
use crate::deadline::Slot;
use crate::h2;
use crate::limits::{
    KEPT_BUFFER_MAX_BYTES, LINGER_MAX_BYTES, LINGER_MS, REQUESTS_PER_CONNECTION_MAX,
};
use crate::peer::Peer;
use crate::prepare::{Notes, Refused};
use crate::reply::{About, Reply};
use crate::worker::{HEADROOM, Worker};
use head::Next;

pub(crate) use answer::passes;

/// One client's connection.
struct Connection {
    worker: Rc<Worker>,
    io: TcpStream,
    peer: Rc<Peer>,
    slot: Slot,
    /// Read from the client and not yet used.
    leftover: Vec<u8>,
    /// How much of `leftover` was looked at in vain for the end of a head.
    seen: usize,
    /// The request as it goes to the instance, kept for another try.
    out: Vec<u8>,
    /// What is remembered of the request for its log line and for errors.
    notes: Notes,
    /// The request that was read, until it is carried.
    call: Option<Box<Call>>,
    /// What the client could not take yet, and how much of it is sent.
    pending: Vec<u8>,
    pending_at: usize,
    requests: u32,
    /// The client has sent its last byte.
    ended: bool,
}

/// What becomes of the connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Next,
    Close,
    /// Close, but let the client read the answer while it still sends.
    Linger,
}

/// Serves a connection until either side ends it.
pub(crate) async fn serve(worker: Rc<Worker>, io: TcpStream, peer: Rc<Peer>) {
    let mut connection = Connection::new(worker, io, peer);
    poll_fn(|context| {
        connection.slot.register(context);
        Poll::Ready(())
    })
    .await;
    loop {
        connection.await_request();
        let after = match poll_fn(|context| connection.poll_head(context)).await {
            Next::Close => After::Close,
            Next::Preface => {
                let Connection { worker, io, peer, leftover, .. } = connection;
                // Boxed, as is what else is rare: each connection has room for its largest step.
                return Box::pin(h2::serve(worker, io, peer, leftover)).await;
            }
            Next::Refused(refused, after) => Box::pin(connection.answer(*refused, after)).await,
            Next::Wrong(reply) => match connection.call.take() {
                Some(call) => Box::pin(connection.refuse(call, &reply)).await,
                None => After::Close,
            },
            Next::Call => match connection.call.take() {
                Some(call) => connection.carry(call).await,
                None => After::Close,
            },
        };
        match after {
            After::Next => connection.tidy(),
            After::Close => return,
            After::Linger => return Box::pin(connection.linger()).await,
        }
    }
}

impl Connection {
    fn new(worker: Rc<Worker>, io: TcpStream, peer: Rc<Peer>) -> Self {
        Self {
            slot: worker.deadlines.slot(),
            worker,
            io,
            peer,
            leftover: Vec::new(),
            seen: 0,
            out: Vec::new(),
            notes: Notes::default(),
            call: None,
            pending: Vec::new(),
            pending_at: 0,
            requests: 0,
            ended: false,
        }
    }

    /// Gives back buffers that one large request made large.
    fn tidy(&mut self) {
        for buffer in [&mut self.out, &mut self.pending] {
            buffer.clear();
            if buffer.capacity() > KEPT_BUFFER_MAX_BYTES {
                *buffer = Vec::new();
            }
        }
        if self.leftover.is_empty() && self.leftover.capacity() > 0 {
            self.leftover = Vec::new();
        }
        self.pending_at = 0;
    }

    /// Whether the connection ends after the request under way.
    fn is_last(&self, call: &Call) -> bool {
        !call.keep_alive
            // What it sent before it ended is answered.
            || (self.ended && self.leftover.is_empty())
            || self.worker.is_draining()
            || self.requests >= REQUESTS_PER_CONNECTION_MAX
    }

    /// Sends a refusal that was decided before there was a call.
    async fn answer(&mut self, refused: Refused, after: After) -> After {
        let Refused { reply, route, started, request_id, trace } = refused;
        let worker = Rc::clone(&self.worker);
        if let Some(local) = &route {
            let shard = local.route.meter.shard(worker.number);
            shard.begin();
            shard.finish(reply.class, worker.now().since(started).0 / 1_000);
        }
        worker.log(&self.notes.opening, || Ending {
            wall_ms: worker.shared.clock.wall_ms(worker.now()),
            status: reply.status,
            route: route.as_ref().map_or("-", |local| &local.route.spec.id),
            service: "",
            instance: "",
            tries: 0,
            bytes: 0,
            latency_us: worker.now().since(started).0 / 1_000,
            request_id: &request_id,
            trace_id: &trace.id,
            flag: reply.flag,
        });
        let wall_ms = worker.shared.clock.wall_ms(worker.now());
        let path = self.notes.path_text();
        let about = About { wall_ms, path, request_id: &request_id };
        let close = after != After::Next;
        reply.write(&mut self.pending, &about, self.notes.to_head, close);
        self.send(after).await
    }

    /// Ends a call with an answer of our own.
    async fn refuse(&mut self, mut call: Box<Call>, reply: &Reply) -> After {
        let after = match (call.body.is_done(), self.is_last(&call)) {
            (false, _) => After::Linger,
            (true, true) => After::Close,
            (true, false) => After::Next,
        };
        call.finish_with(reply, &self.notes.opening);
        let wall_ms = self.worker.shared.clock.wall_ms(self.worker.now());
        let path = self.notes.path_text();
        let about = About { wall_ms, path, request_id: &call.request_id };
        reply.write(&mut self.pending, &about, call.to_head, after != After::Next);
        self.send(after).await
    }

    /// Sends what is pending before the connection goes on.
    async fn send(&mut self, after: After) -> After {
        let worker = &self.worker;
        self.slot.set(worker.now_ms() + worker.shared.limits.body_timeout_ms);
        match poll_fn(|context| self.poll_flush(context)).await {
            Ok(()) => after,
            Err(_) => After::Close,
        }
    }

    /// Sends what is pending. A deadline that passes meanwhile is an error.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.pending_at < self.pending.len() {
            if self.slot.expired() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let rest = &self.pending[self.pending_at..];
            let sent = ready!(Pin::new(&mut self.io).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending_at += sent;
        }
        self.pending.clear();
        self.pending_at = 0;
        Poll::Ready(Ok(()))
    }

    /// Sends `bytes`; what the client cannot take now becomes pending.
    fn emit(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> io::Result<()> {
        let mut at = 0;
        if self.pending.is_empty() {
            while at < bytes.len() {
                match Pin::new(&mut self.io).poll_write(context, &bytes[at..]) {
                    Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(Ok(sent)) => at += sent,
                    Poll::Ready(Err(error)) => return Err(error),
                    Poll::Pending => break,
                }
            }
        }
        self.pending.extend_from_slice(&bytes[at..]);
        Ok(())
    }

    /// Lets a client that still sends read our answer: closing at once would reset the connection
    /// and could destroy it.
    async fn linger(&mut self) {
        self.slot.set(self.worker.now_ms() + LINGER_MS);
        let mut left_bytes = LINGER_MAX_BYTES;
        let mut shut = false;
        poll_fn(|context| {
            if !shut {
                shut = ready!(Pin::new(&mut self.io).poll_shutdown(context)).is_ok();
                if !shut {
                    return Poll::Ready(());
                }
            }
            let worker = Rc::clone(&self.worker);
            let mut scratch = worker.scratch.borrow_mut();
            loop {
                if self.slot.expired() || left_bytes == 0 {
                    return Poll::Ready(());
                }
                let room = &mut scratch[HEADROOM..];
                match ready!(poll_read(&mut self.io, context, room)) {
                    Ok(0) | Err(_) => return Poll::Ready(()),
                    Ok(read) => left_bytes = left_bytes.saturating_sub(read as u64),
                }
            }
        })
        .await;
    }
}

/// Reads into `room`, which is not empty. No byte means that the other side has ended.
fn poll_read(
    io: &mut TcpStream,
    context: &mut Context<'_>,
    room: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(room);
    ready!(Pin::new(io).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}
