//! One connection: requests in, answers out, each step within its time.

use std::convert::Infallible;
use std::io::IoSlice;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rialto_http1::{
    Body as Received, Framing, Refusal, head_may_be_complete, parse_request, slots,
};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::answer::{Answer, Body, Listing};
use super::call::Call;
use super::desk::Reply;
use super::gate::{Admission, Check, Gate};
use super::worker::Worker;
use crate::limits::{BODY_BYTES_MAX, Deadlines, HEAD_BYTES_MAX, HEADERS_MAX};

/// Room for the next read.
const READ_BYTES: usize = 4 * 1024;
/// Answers to pipelined requests are sent together up to this many bytes.
const OUT_BYTES: usize = 64 * 1024;
/// How long a refused client may go on sending until it sees the answer, in milliseconds.
const LINGER_MS: u64 = 2_000;
/// How much of it is read.
const LINGER_BYTES: usize = 8 * 1024 * 1024;
/// Parts of a listing handed to the kernel at once.
const PARTS: usize = 64;

/// A connection.
pub(super) struct Connection {
    stream: TcpStream,
    peer: IpAddr,
    worker: Arc<Worker>,
    gate: Gate,
    input: BytesMut,
    out: Vec<u8>,
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
    busy: bool,
    limits: Deadlines,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.set_busy(false);
    }
}

/// Why a connection ends. Nobody is told; the word helps reading the code.
struct Ended;

/// What a look at the input came to.
enum Step {
    /// More bytes are needed for a head.
    More,
    /// The head is there and its body is not.
    Body { head: usize, framing: Framing, expects_continue: bool },
    /// A call was answered, or will be.
    Reply { reply: Reply, taken: usize, head_only: bool, close: bool },
    /// The credentials have to be checked first.
    Check(Check),
    /// The connection ends with this answer.
    Refuse(Answer),
}

impl Connection {
    pub(super) fn new(stream: TcpStream, peer: IpAddr, worker: Arc<Worker>) -> Self {
        let limits = worker.deadlines();
        let deadline = Instant::now() + Duration::from_millis(limits.idle_ms);
        Connection {
            stream,
            peer,
            gate: Gate::new(worker.security()),
            worker,
            input: BytesMut::with_capacity(READ_BYTES),
            out: Vec::with_capacity(512),
            deadline,
            timer: Box::pin(tokio::time::sleep_until(deadline)),
            busy: false,
            limits,
        }
    }

    /// Serves until either side ends it.
    pub(super) async fn serve(mut self) {
        // Every way out is a way to end; what was answered has been sent by then.
        let Err(Ended) = self.run().await;
    }

    async fn run(&mut self) -> Result<Infallible, Ended> {
        let mut seen = 0;
        loop {
            if self.input.is_empty() {
                self.flush().await?;
                self.set_busy(false);
                self.limit(self.limits.idle_ms);
                self.read().await?;
                self.set_busy(true);
                self.limit(self.limits.head_ms);
                seen = 0;
            }
            let full = self.input.len() >= HEAD_BYTES_MAX;
            let complete = full || head_may_be_complete(&self.input, seen);
            match if complete { self.look(None) } else { Step::More } {
                Step::More => {
                    self.flush().await?;
                    seen = self.input.len();
                    self.read_on().await?;
                }
                Step::Body { head, framing, expects_continue } => {
                    self.serve_with_body(head, framing, expects_continue).await?;
                    seen = 0;
                }
                step => {
                    self.finish(step).await?;
                    seen = 0;
                }
            }
        }
    }

    /// Looks at the input as a request with its body, or as a head whose body was received apart.
    fn look(&self, apart: Option<&[u8]>) -> Step {
        let mut slots = slots();
        let (request, head) = match parse_request(&self.input, &mut slots) {
            Ok(Some(parsed)) => parsed,
            Ok(None) if self.input.len() >= HEAD_BYTES_MAX => return refuse(431, TOO_LARGE_HEAD),
            Ok(None) => return Step::More,
            Err(refusal) => return refuse_as(refusal),
        };
        if head > HEAD_BYTES_MAX || request.fields.len() > HEADERS_MAX {
            return refuse(431, TOO_LARGE_HEAD);
        }
        let (body, taken) = match (apart, request.framing) {
            (Some(body), _) => (body, head),
            (None, Framing::None) => (&[][..], head),
            (None, Framing::Length(bytes)) if bytes > BODY_BYTES_MAX as u64 => {
                return refuse(413, TOO_LARGE_BODY);
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
        let call = Call::new(&request, body);
        let close = !request.keep_alive || request.minor == 0;
        let reply = match self.gate.admit(&call, self.worker.now_ms()) {
            Admission::Allowed => self.worker.answer(&call),
            Admission::Refused(answer) => Reply::Now(answer),
            Admission::Check(check) => return Step::Check(check),
        };
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
        let mut body = Vec::new();
        let mut received = Received::new(framing);
        while !received.is_done() {
            if self.input.is_empty() {
                self.read_on().await?;
            }
            let piece = match received.decode(&mut self.input) {
                Ok(piece) => piece,
                Err(refusal) => return self.finish(refuse_as(refusal)).await,
            };
            if body.len() + piece.data.len() > BODY_BYTES_MAX {
                return self.finish(refuse(413, TOO_LARGE_BODY)).await;
            }
            body.extend_from_slice(&self.input[piece.data]);
            self.input.advance(piece.consumed);
        }
        // The head goes back in front so that the same code reads it; what follows the body waits.
        let rest = std::mem::replace(&mut self.input, head);
        loop {
            let step = self.look(Some(&body));
            let checked = matches!(step, Step::Check(_));
            self.finish(step).await?;
            if !checked {
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
                };
                self.input.advance(taken);
                self.put(&answer, head_only, close);
                if let Body::Listing(listing) = &answer.body
                    && !head_only
                {
                    self.send_listing(listing).await?;
                }
                if close || self.out.len() > OUT_BYTES {
                    self.flush().await?;
                }
                if close { Err(Ended) } else { Ok(()) }
            }
            Step::Refuse(answer) => {
                self.put(&answer, false, true);
                self.flush().await?;
                self.linger().await
            }
            Step::Check(check) => {
                self.gate.check(check, self.peer).await;
                Ok(())
            }
            Step::More | Step::Body { .. } => Err(Ended),
        }
    }

    /// Ends the connection so that the client can read the answer: to close with unread input
    /// would reset the connection and take the answer back.
    async fn linger(&mut self) -> Result<(), Ended> {
        self.stream.shutdown().await.map_err(|_| Ended)?;
        self.limit(LINGER_MS);
        let mut left = LINGER_BYTES;
        loop {
            self.input.clear();
            self.read().await?;
            left = left.checked_sub(self.input.len()).ok_or(Ended)?;
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
        Err(Ended)
    }

    /// A connection is busy from the first byte of a request until its answer is sent; a stop
    /// waits for busy ones only.
    fn set_busy(&mut self, busy: bool) {
        if self.busy != busy {
            self.busy = busy;
            self.worker.count_busy(busy);
        }
    }

    fn put(&mut self, answer: &Answer, head_only: bool, close: bool) {
        let date = self.worker.date();
        answer.write(&mut self.out, &date, head_only, close);
    }

    fn limit(&mut self, ms: u64) {
        self.deadline = Instant::now() + Duration::from_millis(ms);
    }

    /// Reads some bytes, unless the deadline passes.
    async fn read(&mut self) -> Result<(), Ended> {
        self.input.reserve(READ_BYTES);
        let Self { stream, input, timer, deadline, .. } = self;
        let count = within(timer, *deadline, stream.read_buf(input)).await?;
        match count {
            Ok(1..) => Ok(()),
            _ => Err(Ended),
        }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if self.out.is_empty() {
            return Ok(());
        }
        // The usual short answer fits the socket's buffer, and needs no waiting.
        match self.stream.try_write(&self.out) {
            Ok(count) if count == self.out.len() => {
                self.out.clear();
                return Ok(());
            }
            Ok(count) => {
                self.out.drain(..count);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(Ended),
        }
        self.limit(self.limits.answer_ms);
        let Self { stream, out, timer, deadline, .. } = self;
        let sent = within(timer, *deadline, stream.write_all(out)).await?;
        self.out.clear();
        sent.map_err(|_| Ended)
    }

    /// Sends the head that waits and the parts of a listing without copying them.
    async fn send_listing(&mut self, listing: &Listing) -> Result<(), Ended> {
        let head = Bytes::from(std::mem::take(&mut self.out));
        let mut parts: Vec<Bytes> = Vec::with_capacity(listing.parts.len() + 1);
        parts.push(head);
        parts.extend(listing.parts.iter().cloned());
        let mut next = 0;
        while next < parts.len() {
            self.limit(self.limits.answer_ms);
            let Self { stream, timer, deadline, .. } = self;
            let mut slices = [IoSlice::new(&[]); PARTS];
            let mut count = 0;
            for (slot, part) in slices.iter_mut().zip(&parts[next..]) {
                *slot = IoSlice::new(part);
                count += 1;
            }
            let send = std::future::poll_fn(|context| {
                let stream = Pin::new(&mut *stream);
                match stream.poll_write_vectored(context, &slices[..count]) {
                    Poll::Ready(Ok(0)) => Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                    other => other,
                }
            });
            let mut sent = within(timer, *deadline, send).await?.map_err(|_| Ended)?;
            while next < parts.len() && sent >= parts[next].len() {
                sent -= parts[next].len();
                next += 1;
            }
            if sent > 0 {
                parts[next].advance(sent);
            }
        }
        Ok(())
    }
}

const TOO_LARGE_HEAD: &str = "The request's head is too large.";
const TOO_LARGE_BODY: &str = "The request's body is larger than 1 MiB.";

fn refuse(status: u16, sentence: &'static str) -> Step {
    Step::Refuse(Answer::text(status, "text/plain", sentence))
}

fn refuse_as(refusal: Refusal) -> Step {
    let sentence = refusal.to_string().into_bytes();
    Step::Refuse(Answer::owned(refusal.status(), "text/plain", sentence))
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
                return Poll::Ready(Err(Ended));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await
}
