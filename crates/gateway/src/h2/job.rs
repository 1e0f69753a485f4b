//! An HTTP/2 request on its way to an instance and its answer on its way back.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming as Frames;
use rialto_balance::Class as Health;
use rialto_http1::{Body, Framing, Response as Head, parse_response, slots};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::body::AnswerBody;
use super::carry::{add, own_answer};
use super::upload::Upload;
use crate::call::{Call, health};
use crate::connection::passes;
use crate::limits::{H2_PIECE_MAX_BYTES, H2_PIECES_MAX};
use crate::local::InFlight;
use crate::pool::Link;
use crate::prepare::Notes;
use crate::reach::{may_retry, reach, wait_for_turn};
use crate::reply::Reply;
use crate::worker::Worker;

/// A request that was let in.
pub(super) struct Job {
    worker: Rc<Worker>,
    call: Box<Call>,
    notes: Notes,
    /// The request as it goes to the instance.
    out: Vec<u8>,
    frames: Frames,
}

/// How a try ended without an answer to pass on.
pub(super) enum Failure {
    Reset,
    Timeout,
    Invalid,
    Retry(u16),
    Client(Reply),
}

/// An answer whose head was read.
struct Begun {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    left: Option<u64>,
    keeps: bool,
    retry_after_s: Option<u64>,
    /// Read behind the head.
    rest: Vec<u8>,
    upload: Upload,
}

type Pieces = mpsc::Sender<io::Result<Bytes>>;

impl Job {
    pub(super) fn new(
        worker: Rc<Worker>,
        call: Box<Call>,
        notes: Notes,
        out: Vec<u8>,
        frames: Frames,
    ) -> Self {
        Self { worker, call, notes, out, frames }
    }

    pub(super) async fn run(mut self, mut answer: oneshot::Sender<Response<AnswerBody>>) {
        let reached = tokio::select! {
            reached = self.reach_answer() => reached,
            () = answer.closed() => return self.call.cancel(&self.notes.opening),
        };
        let (begun, flight, link) = match reached {
            Ok(reached) => reached,
            Err(reply) => {
                self.call.finish_with(&reply, &self.notes.opening);
                let id = &self.call.request_id;
                // A client that is gone needs no answer.
                let _ = answer.send(own_answer(&self.worker, &self.notes, &reply, id));
                return;
            }
        };
        let (pieces, received) = mpsc::channel(H2_PIECES_MAX);
        let body = match begun.body.is_done() {
            true => AnswerBody::Whole(None),
            false => AnswerBody::Coming { pieces: received, left: begun.left },
        };
        let mut response = Response::new(body);
        *response.status_mut() = begun.status;
        response.headers_mut().clone_from(&begun.headers);
        let _ = answer.send(response);
        self.stream(begun, flight, link, pieces).await;
    }

    /// Tries until an instance answers, or nothing is left to try.
    async fn reach_answer(&mut self) -> Result<(Begun, InFlight, Link), Reply> {
        if self.call.admission.must_wait() {
            wait_for_turn(&self.worker, &mut self.call).await?;
        }
        let mut fresh = false;
        let mut upload = Upload::default();
        loop {
            let (flight, mut link) = reach(&self.worker, &mut self.call, fresh).await?;
            self.call.set_host(&mut self.out, &link.endpoint.authority);
            upload.restart();
            let mut received = false;
            let failure = match self.exchange(&mut link, &mut upload, &mut received).await {
                Ok(mut begun) => {
                    begun.upload = upload;
                    return Ok((begun, flight, link));
                }
                Err(failure) => failure,
            };
            let may_repeat = self.call.repeatable && upload.replayable;
            let id = flight.endpoint.id;
            let (class, reply) = match failure {
                Failure::Reset if link.reused && !received && may_repeat => {
                    self.call.report(flight, Health::Cancelled, None);
                    fresh = true;
                    continue;
                }
                Failure::Reset => {
                    let reply = Reply::new(502, "UC", "the instance closed the connection");
                    (Health::Unreachable, reply)
                }
                Failure::Retry(status) => {
                    self.call.report(flight, health(status), None);
                    self.call.tried.push(id);
                    continue;
                }
                Failure::Timeout => {
                    let reply = Reply::new(504, "UT", "the instance did not answer in time");
                    self.call.report(flight, Health::Unreachable, None);
                    return Err(reply);
                }
                Failure::Invalid => {
                    let reply = Reply::new(502, "UP", "the instance's answer is not valid HTTP");
                    self.call.report(flight, Health::GatewayError, None);
                    return Err(reply);
                }
                Failure::Client(reply) => {
                    self.call.report(flight, Health::Cancelled, None);
                    return Err(reply);
                }
            };
            self.call.report(flight, class, None);
            self.call.tried.push(id);
            if !may_repeat || !may_retry(&self.worker, &self.call, id) {
                return Err(reply);
            }
        }
    }

    /// Sends the request and reads the head of its answer, both at the same time.
    async fn exchange(
        &mut self,
        link: &mut Link,
        upload: &mut Upload,
        received: &mut bool,
    ) -> Result<Begun, Failure> {
        let left_ms = self.call.deadline_ms.saturating_sub(self.worker.now_ms());
        let mut deadline = std::pin::pin!(sleep(Duration::from_millis(left_ms)));
        let mut input = Vec::new();
        let (mut read, mut write) = link.io.split();
        loop {
            tokio::select! {
                step = upload.step(&mut self.call, &mut self.out, &mut self.frames, &mut write),
                    if !upload.done => step?,
                count = read.read_buf(&mut input) => {
                    if !matches!(count, Ok(count) if count > 0) {
                        return Err(Failure::Reset);
                    }
                    *received = true;
                    if let Some(begun) = self.read_head(&mut input, upload)? {
                        return Ok(begun);
                    }
                }
                () = &mut deadline => return Err(Failure::Timeout),
            }
        }
    }

    /// The head once it is whole; interim ones are dropped.
    fn read_head(
        &mut self,
        input: &mut Vec<u8>,
        upload: &Upload,
    ) -> Result<Option<Begun>, Failure> {
        loop {
            let mut slots = slots();
            let read = parse_response(input, self.call.to_head, &mut slots);
            let Some((head, used)) = read.map_err(|_| Failure::Invalid)? else { return Ok(None) };
            if head.status == 101 {
                return Err(Failure::Invalid);
            }
            if head.status >= 200 {
                let begun = self.begin(&head, upload)?;
                let rest = input.split_off(used);
                return Ok(Some(Begun { rest, ..begun }));
            }
            drop(input.drain(..used));
        }
    }

    fn begin(&mut self, head: &Head<'_, '_>, upload: &Upload) -> Result<Begun, Failure> {
        let call = &mut self.call;
        let judged = call.retry_plan().statuses.contains(&head.status)
            && call.repeatable
            && upload.replayable
            && upload.done;
        let present = call.instance.as_ref().map(|endpoint| endpoint.id);
        if judged && present.is_some_and(|id| may_retry(&self.worker, call, id)) {
            return Err(Failure::Retry(head.status));
        }
        call.status = head.status;
        let edits = &call.local.route.plan.response;
        let mut headers = HeaderMap::new();
        for (line, kind) in head.fields.iter() {
            if passes(kind) && !edits.drops(line.name) {
                add(&mut headers, line.name.as_bytes(), line.value);
            }
        }
        edits.each(|name, value| add(&mut headers, name.as_bytes(), value));
        add(&mut headers, b"x-request-id", &call.request_id);
        if let Some(bytes) = head.length {
            add(&mut headers, b"content-length", bytes.to_string().as_bytes());
        }
        let retry_after =
            head.fields.get("retry-after").and_then(|one| std::str::from_utf8(one).ok());
        let body = Body::new(head.framing);
        Ok(Begun {
            status: StatusCode::from_u16(head.status).map_err(|_| Failure::Invalid)?,
            headers,
            left: body.left(),
            body,
            keeps: head.keep_alive && head.framing != Framing::UntilClose,
            retry_after_s: retry_after.and_then(|text| text.parse().ok()),
            rest: Vec::new(),
            upload: Upload::default(),
        })
    }

    /// Passes on the body, and goes on sending the request's if the answer came early.
    async fn stream(mut self, mut begun: Begun, flight: InFlight, mut link: Link, pieces: Pieces) {
        let end = self.pump(&mut begun, &mut link, &pieces).await;
        let (call, opening) = (&mut self.call, &self.notes.opening);
        match end {
            Ok(()) => {
                call.finish(flight, begun.retry_after_s, opening);
            }
            Err(None) => {
                call.report(flight, Health::Cancelled, None);
                call.cancel(opening);
            }
            Err(Some(error)) => {
                call.report(flight, Health::Unreachable, None);
                call.cut(opening);
                let _ = pieces.send(Err(error)).await;
            }
        }
        if begun.keeps && begun.body.is_done() && begun.rest.is_empty() && begun.upload.is_whole() {
            link.keep(self.worker.now_ms());
        }
    }

    /// `Err(None)` when the client is gone.
    async fn pump(
        &mut self,
        begun: &mut Begun,
        link: &mut Link,
        pieces: &Pieces,
    ) -> Result<(), Option<io::Error>> {
        let idle = Duration::from_millis(self.worker.shared.limits.stream_idle_ms);
        let (mut read, mut write) = link.io.split();
        let mut input = std::mem::take(&mut begun.rest);
        loop {
            let piece = begun.body.decode(&mut input);
            let piece = piece.map_err(|_| Some(io::Error::from(io::ErrorKind::InvalidData)))?;
            let data = &input[piece.data.clone()];
            self.call.bytes += data.len() as u64;
            if !data.is_empty() {
                let bytes = Bytes::copy_from_slice(data);
                let sent = timeout(idle, pieces.send(Ok(bytes))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return Err(None);
                }
            }
            drop(input.drain(..piece.consumed));
            if begun.body.is_done() {
                begun.rest = input;
                return Ok(());
            }
            input.reserve(H2_PIECE_MAX_BYTES);
            let upload = &mut begun.upload;
            let count = loop {
                tokio::select! {
                    step = upload.step(&mut self.call, &mut self.out, &mut self.frames, &mut write),
                        if !upload.done => if step.is_err() { upload.give_up() },
                    count = timeout(idle, read.read_buf(&mut input)) => break count,
                    () = pieces.closed() => return Err(None),
                }
            };
            match count {
                Ok(Ok(count)) if count > 0 => {}
                Ok(Ok(_)) if begun.body.may_end() => return Ok(()),
                Ok(Ok(_)) => return Err(Some(io::ErrorKind::UnexpectedEof.into())),
                Ok(Err(error)) => return Err(Some(error)),
                Err(_) => return Err(Some(io::ErrorKind::TimedOut.into())),
            }
        }
    }
}
