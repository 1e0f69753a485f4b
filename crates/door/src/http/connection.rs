//! One connection: requests in, answers out, each step within its time.

use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rialto_http1::{
    Body as Received, Framing, PREFACE, Refusal, head_may_be_complete, parse_request, slots,
};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep};

use super::limits::{Deadlines, LINGER_BYTES, LINGER_MS, OUT_BYTES, PARTS, READ_BYTES};
use super::worker::Worker;
use super::{Answer, Call, Handler, Origin, Reply, Stream, Transport, Work};

/// A connection.
pub(super) struct Connection<H: Handler> {
    transport: Transport,
    origin: Origin,
    worker: Busy<H>,
    session: H::Session,
    input: BytesMut,
    out: Vec<u8>,
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
    limits: Deadlines,
    /// Nothing has been understood yet, so it may still turn out to be HTTP/2.
    fresh: bool,
}

/// A connection is busy from the first byte of a request until its answer is sent; a stop waits
/// for busy ones only.
struct Busy<H: Handler> {
    worker: Arc<Worker<H>>,
    is: bool,
}

/// Why a connection ends. Nobody is told; the word helps reading the code.
enum Ended {
    Closed,
    /// It goes on as HTTP/2.
    Http2,
}

/// What a look at the input came to.
enum Step {
    /// More bytes are needed for a head.
    More,
    /// The head is there and its body is not.
    Body { head: usize, framing: Framing, expects_continue: bool },
    /// A call was answered, or will be.
    Reply { reply: Reply, taken: usize, head_only: bool, close: bool },
    /// The connection ends with this answer.
    Refuse(Answer),
}

impl<H: Handler> Connection<H> {
    pub(super) fn new(transport: Transport, origin: Origin, worker: Arc<Worker<H>>) -> Self {
        let limits = worker.limits.deadlines;
        let deadline = Instant::now() + Duration::from_millis(limits.idle_ms);
        Connection {
            transport,
            origin,
            session: worker.handler.session(origin),
            worker: Busy { worker, is: false },
            input: BytesMut::with_capacity(READ_BYTES),
            out: Vec::with_capacity(512),
            deadline,
            timer: Box::pin(tokio::time::sleep_until(deadline)),
            limits,
            fresh: true,
        }
    }

    /// Serves until either side ends it, or gives it back as HTTP/2. `http2` says that the client
    /// has chosen that already.
    pub(super) async fn serve(mut self, http2: bool) -> Option<Stream> {
        // Every way out is a way to end; what was answered has been sent by then.
        if !http2 {
            let Err(ended) = self.run().await;
            if matches!(ended, Ended::Closed) {
                if matches!(self.transport, Transport::Tls(_)) {
                    // Without this the client could not tell an end from a cut.
                    let wait = Duration::from_millis(LINGER_MS);
                    let _ = tokio::time::timeout(wait, self.transport.shutdown()).await;
                }
                return None;
            }
        }
        Some(Stream::new(self.transport, self.input.freeze()))
    }

    async fn run(&mut self) -> Result<Infallible, Ended> {
        let mut seen = 0;
        // Whether the deadline is that of the present head. Most heads come whole, and then the
        // clock needs no look.
        let mut timed = false;
        loop {
            if self.input.is_empty() {
                self.flush().await?;
                self.worker.set(false);
                self.limit(self.limits.idle_ms);
                self.read().await?;
                self.worker.set(true);
                (seen, timed) = (0, false);
            }
            if H::HTTP2 && self.fresh && self.may_be_http2()? {
                self.limit_head(&mut timed);
                self.read_on().await?;
                continue;
            }
            let full = self.input.len() >= self.worker.limits.head_bytes_max;
            let complete = full || head_may_be_complete(&self.input, seen);
            match if complete { self.look(None) } else { Step::More } {
                Step::More => {
                    self.flush().await?;
                    seen = self.input.len();
                    self.limit_head(&mut timed);
                    self.read_on().await?;
                }
                Step::Body { head, framing, expects_continue } => {
                    self.serve_with_body(head, framing, expects_continue).await?;
                    (seen, timed) = (0, false);
                }
                step => {
                    self.finish(step).await?;
                    (seen, timed) = (0, false);
                }
            }
        }
    }

    /// Whether more bytes are needed to know that this is HTTP/2; an end when it is.
    fn may_be_http2(&mut self) -> Result<bool, Ended> {
        let count = self.input.len().min(PREFACE.len());
        if self.input[..count] != PREFACE[..count] {
            self.fresh = false;
            return Ok(false);
        }
        if count == PREFACE.len() { Err(Ended::Http2) } else { Ok(true) }
    }

    /// Looks at the input as a request with its body, or as a head whose body was received apart.
    fn look(&mut self, apart: Option<&[u8]>) -> Step {
        let limits = &self.worker.limits;
        let mut slots = slots();
        let (request, head) = match parse_request(&self.input, &mut slots) {
            Ok(Some(parsed)) => parsed,
            Ok(None) if self.input.len() >= limits.head_bytes_max => {
                return refuse(431, TOO_LARGE_HEAD);
            }
            Ok(None) => return Step::More,
            Err(refusal) => return refuse_as(refusal),
        };
        if head > limits.head_bytes_max || request.fields.len() > limits.headers_max {
            return refuse(431, TOO_LARGE_HEAD);
        }
        let (body, taken) = match (apart, request.framing) {
            (Some(body), _) => (body, head),
            (None, Framing::None) => (&[][..], head),
            (None, Framing::Length(bytes)) if bytes > limits.body_bytes_max as u64 => {
                return too_large_body(limits.body_bytes_max);
            }
            (None, framing) => {
                let whole = match framing {
                    // In range by the check above.
                    Framing::Length(bytes) => self.input.get(head..head + bytes as usize),
                    _ => None,
                };
                let Some(body) = whole else {
                    let expects_continue = request.expects_continue;
                    return Step::Body { head, framing, expects_continue };
                };
                (body, head + body.len())
            }
        };
        let call = Call::new(&request, body, self.origin);
        let close = !request.keep_alive || request.minor == 0;
        let reply = self.worker.handler.answer(&mut self.session, &call);
        Step::Reply { reply, taken, head_only: call.method == "HEAD", close }
    }

    /// Receives the body that follows `head` bytes of input, and serves the request.
    async fn serve_with_body(
        &mut self,
        head: usize,
        framing: Framing,
        expects_continue: bool,
    ) -> Result<(), Ended> {
        if expects_continue {
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.flush().await?;
        self.limit(self.limits.body_ms);
        let head = self.input.split_to(head);
        let body_bytes_max = self.worker.limits.body_bytes_max;
        let mut body = Vec::new();
        let mut share = self.worker.room.share();
        let mut received = Received::new(framing);
        while !received.is_done() {
            if self.input.is_empty() {
                self.read_on().await?;
            }
            let piece = match received.decode(&mut self.input) {
                Ok(piece) => piece,
                Err(refusal) => return self.finish(refuse_as(refusal)).await,
            };
            if body.len() + piece.data.len() > body_bytes_max {
                return self.finish(too_large_body(body_bytes_max)).await;
            }
            if !share.grow(piece.data.len()) {
                // Others may have the room while this client is told.
                drop((share, body));
                return self.finish(refuse(503, NO_ROOM)).await;
            }
            body.extend_from_slice(&self.input[piece.data]);
            self.input.advance(piece.consumed);
        }
        // The head goes back in front so that the same code reads it; what follows the body waits.
        let rest = std::mem::replace(&mut self.input, head);
        loop {
            let step = self.look(Some(&body));
            let again = matches!(step, Step::Reply { reply: Reply::Again, .. });
            if !again {
                // What waits from here on has taken over what it needs of the body.
                body = Vec::new();
            }
            self.finish(step).await?;
            if !again {
                break;
            }
        }
        self.input.extend_from_slice(&rest);
        Ok(())
    }

    /// Carries a step out to its answer.
    async fn finish(&mut self, step: Step) -> Result<(), Ended> {
        match step {
            Step::Reply { reply, taken, head_only, close } => {
                let answer = match reply {
                    Reply::Now(answer) => answer,
                    Reply::Later(answer) => answer.await,
                    Reply::Held(answer) => self.hold(answer).await?,
                    Reply::Again => {
                        self.worker.worker.handler.prepare(&mut self.session).await;
                        return Ok(());
                    }
                };
                self.input.advance(taken);
                self.put(&answer, head_only, close);
                let parts = answer.body.parts();
                if !parts.is_empty() && !head_only {
                    self.send_parts(parts).await?;
                }
                if close || self.out.len() > OUT_BYTES {
                    self.flush().await?;
                }
                if close { Err(Ended::Closed) } else { Ok(()) }
            }
            Step::Refuse(answer) => {
                self.put(&answer, false, true);
                self.flush().await?;
                self.linger().await
            }
            Step::More | Step::Body { .. } => Err(Ended::Closed),
        }
    }

    /// Waits for an answer that nobody may be waiting for any more.
    async fn hold(&mut self, answer: Work<Answer>) -> Result<Answer, Ended> {
        // Answers to earlier requests must not wait for this one.
        self.flush().await?;
        self.worker.set(false);
        let begun = self.worker.shutdown.begun();
        let held = tokio::select! {
            answer = answer => Some(answer),
            () = hung_up(&self.transport) => None,
            () = begun => None,
        };
        self.worker.set(true);
        held.ok_or(Ended::Closed)
    }

    /// Ends the connection so that the client can read the answer: to close with unread input
    /// would reset the connection and take the answer back.
    async fn linger(&mut self) -> Result<(), Ended> {
        self.transport.shutdown().await.map_err(|_| Ended::Closed)?;
        self.limit(LINGER_MS);
        let mut left = LINGER_BYTES;
        loop {
            self.input.clear();
            self.read().await?;
            left = left.checked_sub(self.input.len()).ok_or(Ended::Closed)?;
        }
    }

    /// Reads more of a request; a client that does not finish it in time is told so.
    async fn read_on(&mut self) -> Result<(), Ended> {
        if self.read().await.is_ok() {
            return Ok(());
        }
        if Instant::now() >= self.deadline {
            self.put(&Answer::text(408, "text/plain", "The request took too long."), false, true);
            self.flush().await?;
        }
        Err(Ended::Closed)
    }

    fn put(&mut self, answer: &Answer, head_only: bool, close: bool) {
        let date = self.worker.date();
        answer.write(&mut self.out, &date, head_only, close);
    }

    fn limit(&mut self, ms: u64) {
        self.deadline = Instant::now() + Duration::from_millis(ms);
    }

    fn limit_head(&mut self, timed: &mut bool) {
        if !std::mem::replace(timed, true) {
            self.limit(self.limits.head_ms);
        }
    }

    /// Reads some bytes, unless the deadline passes.
    async fn read(&mut self) -> Result<(), Ended> {
        self.input.reserve(READ_BYTES);
        let Self { transport, input, timer, deadline, .. } = self;
        let count = within(timer, *deadline, transport.read_buf(input)).await?;
        match count {
            Ok(1..) => Ok(()),
            _ => Err(Ended::Closed),
        }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.out.is_empty() {
            return Ok(());
        }
        // The usual short answer fits the socket's buffer, and needs no waiting.
        match self.transport.try_write(&self.out) {
            Ok(count) if count == self.out.len() => {
                self.out.clear();
                return Ok(());
            }
            Ok(count) => {
                self.out.drain(..count);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(Ended::Closed),
        }
        self.limit(self.limits.answer_ms);
        let Self { transport, out, timer, deadline, .. } = self;
        let send = async {
            transport.write_all(out).await?;
            transport.flush().await
        };
        let sent = within(timer, *deadline, send).await?;
        self.out.clear();
        sent.map_err(|_| Ended::Closed)
    }

    /// Sends the head that waits and the parts of an answer without copying them.
    async fn send_parts(&mut self, parts: &[Bytes]) -> Result<(), Ended> {
        let head = Bytes::from(std::mem::take(&mut self.out));
        let mut parts: Vec<Bytes> = std::iter::once(head).chain(parts.iter().cloned()).collect();
        self.transport.bound(parts.iter().map(Bytes::len).sum());
        let mut next = 0;
        while next < parts.len() {
            self.limit(self.limits.answer_ms);
            let Self { transport, timer, deadline, .. } = self;
            let mut slices = [IoSlice::new(&[]); PARTS];
            let mut count = 0;
            for (slot, part) in slices.iter_mut().zip(&parts[next..]) {
                *slot = IoSlice::new(part);
                count += 1;
            }
            let send = std::future::poll_fn(|context| {
                let stream = Pin::new(&mut *transport);
                match stream.poll_write_vectored(context, &slices[..count]) {
                    Poll::Ready(Ok(0)) => Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                    other => other,
                }
            });
            let sent = within(timer, *deadline, send).await?;
            let mut sent = sent.map_err(|_| Ended::Closed)?;
            while next < parts.len() && sent >= parts[next].len() {
                sent -= parts[next].len();
                next += 1;
            }
            if sent > 0 {
                parts[next].advance(sent);
            }
        }
        let Self { transport, timer, deadline, .. } = self;
        within(timer, *deadline, transport.flush()).await?.map_err(|_| Ended::Closed)
    }
}

// === impl Busy ===

impl<H: Handler> Busy<H> {
    fn set(&mut self, busy: bool) {
        if self.is != busy {
            self.is = busy;
            self.worker.count_busy(busy);
        }
    }
}

impl<H: Handler> std::ops::Deref for Busy<H> {
    type Target = Worker<H>;

    fn deref(&self) -> &Worker<H> {
        &self.worker
    }
}

impl<H: Handler> Drop for Busy<H> {
    fn drop(&mut self) {
        self.set(false);
    }
}

const TOO_LARGE_HEAD: &str = "The request's head is too large.";
const NO_ROOM: &str = "Too many large requests at one time; try again.";

fn too_large_body(bytes_max: usize) -> Step {
    let mib = bytes_max / (1024 * 1024);
    let sentence = format!("The request's body is larger than {mib} MiB.");
    Step::Refuse(Answer::owned(413, "text/plain", sentence.into_bytes()))
}

fn refuse(status: u16, sentence: &'static str) -> Step {
    Step::Refuse(Answer::text(status, "text/plain", sentence))
}

fn refuse_as(refusal: Refusal) -> Step {
    let sentence = refusal.to_string().into_bytes();
    Step::Refuse(Answer::owned(refusal.status(), "text/plain", sentence))
}

/// Resolves when the client has closed its side. One that goes on sending is taken to be there.
async fn hung_up(transport: &Transport) {
    if let Ok(1..) = transport.socket().peek(&mut [0]).await {
        std::future::pending::<()>().await;
    }
}

/// Waits for `work`, but not beyond the deadline. The timer is set anew only when it rings early,
/// so a deadline that is moved for every request costs nothing.
async fn within<T>(
    timer: &mut Pin<Box<Sleep>>,
    deadline: Instant,
    work: impl Future<Output = T>,
) -> Result<T, Ended> {
    let mut work = std::pin::pin!(work);
    if timer.deadline() > deadline {
        timer.as_mut().reset(deadline);
    }
    std::future::poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(Err(Ended::Closed));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await
}
