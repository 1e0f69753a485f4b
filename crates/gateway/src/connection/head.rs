//! Waiting for a request and reading its head.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rialto_http1::{Framing, PREFACE, Refusal, head_may_be_complete, parse_request, slots, write};

use super::{After, Connection, poll_read};
use crate::call::{Call, Incoming};
use crate::limits::READ_MAX_BYTES;
use crate::prepare::{Refused, prepare};
use crate::reply::Reply;
use crate::worker::{HEADROOM, Worker};

/// What the client wants.
pub(super) enum Next {
    /// Nothing more.
    Close,
    /// HTTP/2.
    Preface,
    /// Something that goes nowhere.
    Refused(Box<Refused>, After),
    /// A request that turned out to be wrong; it is in the connection's `call`.
    Wrong(Box<Reply>),
    /// A request; it is in the connection's `call`.
    Call,
}

impl Connection {
    /// Sets the deadline for the next request.
    pub(super) fn await_request(&mut self) {
        let limits = &self.worker.shared.limits;
        let first = self.requests == 0;
        let wait_ms = if first { limits.head_timeout_ms } else { limits.idle_timeout_ms };
        self.slot.set(self.worker.recent_ms() + wait_ms);
        self.slot.set_idle(true);
        self.seen = 0;
    }

    pub(super) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        let worker = Rc::clone(&self.worker);
        let mut scratch = worker.scratch.borrow_mut();
        loop {
            if self.slot.expired() {
                return Poll::Ready(self.too_late(&worker));
            }
            let kept = self.leftover.len();
            let room = &mut scratch[HEADROOM..HEADROOM + READ_MAX_BYTES];
            room[..kept].copy_from_slice(&self.leftover);
            let mut total = kept;
            if kept == self.seen {
                if self.ended {
                    return Poll::Ready(Next::Close);
                }
                match ready!(poll_read(&mut self.io, context, &mut room[kept..])) {
                    Ok(0) | Err(_) => return Poll::Ready(Next::Close),
                    Ok(read) => total += read,
                }
            }
            if let Some(next) = self.look(&worker, &mut scratch, total) {
                self.slot.set_idle(false);
                return Poll::Ready(next);
            }
        }
    }

    /// A client that is slow to send its head gets an answer, one that is idle does not.
    fn too_late(&mut self, worker: &Rc<Worker>) -> Next {
        if self.leftover.is_empty() {
            return Next::Close;
        }
        let reply = Reply::new(408, "HT", "the request's head took too long");
        self.refused_unread(worker, reply)
    }

    /// Looks at `total` bytes of the worker's buffer; None asks for more.
    fn look(&mut self, worker: &Rc<Worker>, scratch: &mut [u8], total: usize) -> Option<Next> {
        let input = &scratch[HEADROOM..HEADROOM + total];
        if self.requests == 0 && input.starts_with(&PREFACE[..total.min(3)]) {
            if total < PREFACE.len() && PREFACE.starts_with(input) {
                return self.keep_looking(worker, input);
            }
            if input.starts_with(PREFACE) {
                self.leftover = input.to_vec();
                return Some(Next::Preface);
            }
        }
        if self.seen > 0 && !head_may_be_complete(input, self.seen) {
            return self.keep_looking(worker, input);
        }
        let mut slots = slots();
        let (request, used) = match parse_request(input, &mut slots) {
            Ok(Some(read)) => read,
            Ok(None) => return self.keep_looking(worker, input),
            Err(refusal) => return Some(self.malformed(worker, refusal)),
        };
        self.requests += 1;
        let incoming = Incoming {
            method: request.method,
            path: request.target.path,
            query: request.target.query,
            plain: request.target.plain,
            host: request.host,
            minor: request.minor,
            fields: &request.fields,
            framing: request.framing,
            keep_alive: request.keep_alive,
            upgrade: request.upgrade.filter(|protocol| {
                // HTTP/2 is begun by its preface; an instance must not begin it behind our back.
                request.framing == Framing::None && !protocol.eq_ignore_ascii_case(b"h2c")
            }),
        };
        let prepared = prepare(worker, &self.peer, &incoming, &mut self.out, &mut self.notes);
        let (framing, keep_alive) = (request.framing, request.keep_alive);
        let expects = request.expects_continue;
        let strange = request.fields.first(rialto_http1::Kind::Expect).is_some() && !expects;
        let rest = HEADROOM + used..HEADROOM + total;
        match prepared {
            Ok(call) if strange && request.minor == 1 => {
                self.call = Some(call);
                let reply = Reply::new(417, "BR", "only '100-continue' can be expected");
                Some(Next::Wrong(Box::new(reply)))
            }
            Ok(call) => Some(self.take_body(call, expects, &mut scratch[rest])),
            Err(refused) => {
                let bodiless = matches!(framing, Framing::None | Framing::Length(0));
                let after = match (bodiless, keep_alive && !worker.is_draining()) {
                    (false, _) => After::Linger,
                    (true, false) => After::Close,
                    (true, true) => After::Next,
                };
                self.set_leftover(&scratch[rest]);
                Some(Next::Refused(refused, after))
            }
        }
    }

    fn keep_looking(&mut self, worker: &Worker, input: &[u8]) -> Option<Next> {
        if self.seen == 0 {
            // The clock of the head runs from its first byte; a longer wait for it is no excuse.
            self.slot.set(worker.now_ms() + worker.shared.limits.head_timeout_ms);
            self.slot.set_idle(false);
        }
        let kept = self.leftover.len();
        self.leftover.extend_from_slice(&input[kept..]);
        self.seen = input.len();
        None
    }

    fn set_leftover(&mut self, rest: &[u8]) {
        self.leftover.clear();
        self.leftover.extend_from_slice(rest);
        self.seen = 0;
    }

    /// Uses what has already come of the body.
    fn take_body(&mut self, mut call: Box<Call>, expects: bool, rest: &mut [u8]) -> Next {
        if call.body.is_done() {
            self.set_leftover(rest);
            self.call = Some(call);
            return Next::Call;
        }
        let taken = self.take_piece(&mut call, rest);
        let waits = expects && !call.body.is_done();
        self.call = Some(call);
        match taken {
            Ok(used) => self.set_leftover(&rest[used..]),
            Err(reply) => return Next::Wrong(Box::new(reply)),
        }
        if waits {
            self.pending.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        Next::Call
    }

    /// Appends the next bytes of the request's body to what goes to the instance, framed anew.
    pub(super) fn take_piece(&mut self, call: &mut Call, input: &mut [u8]) -> Result<usize, Reply> {
        let refuse = |refusal: Refusal| Reply::new(400, "BR", refusal.to_string());
        let piece = call.body.decode(input).map_err(refuse)?;
        call.body_bytes += piece.data.len() as u64;
        let max_bytes = call.body_max_bytes();
        if call.body_bytes > max_bytes {
            let message = format!("the body is larger than {max_bytes} bytes");
            return Err(Reply::new(413, "SZ", message));
        }
        let data = &input[piece.data];
        if call.chunked {
            write::chunk(&mut self.out, data);
            if call.body.is_done() {
                write::last_chunk(&mut self.out);
            }
        } else {
            self.out.extend_from_slice(data);
        }
        Ok(piece.consumed)
    }

    fn malformed(&mut self, worker: &Rc<Worker>, refusal: Refusal) -> Next {
        let reply = Reply::new(refusal.status(), "BR", refusal.to_string());
        self.refused_unread(worker, reply)
    }

    /// Refuses something of which not even the head could be read.
    fn refused_unread(&mut self, worker: &Rc<Worker>, reply: Reply) -> Next {
        self.notes.take(worker, &self.peer, "-", "-", "-");
        self.leftover.clear();
        Next::Refused(Box::new(Refused::unread(worker, reply)), After::Linger)
    }
}
