//! Moving one request to an instance and its answer back, both at the same time.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rialto_http1::Refusal;
use tokio::io::AsyncWrite;

use super::answer::Answer;
use super::{Connection, poll_read};
use crate::call::Call;
use crate::limits::{
    BODY_RATE_GRACE_MS, BODY_RATE_MIN_BYTES, HALF_CLOSE_WAIT_MS, READ_AHEAD_MAX_BYTES,
    READ_MAX_BYTES, REPLAY_MAX_BYTES,
};
use crate::pool::Link;
use crate::reply::Reply;
use crate::worker::HEADROOM;

/// One try to get an answer.
#[derive(Debug)]
pub(super) struct Exchange {
    /// How much of the connection's `out` is sent.
    sent: usize,
    /// Something of the request is still to be sent.
    pub(super) sending: bool,
    /// The instance takes no more of the request; it may have answered before.
    send_failed: bool,
    /// `out` holds the request from its first byte.
    pub(super) replayable: bool,
    /// The instance has sent something.
    pub(super) received: bool,
    /// The beginning of a head that is not whole yet.
    pub(super) partial: Vec<u8>,
    /// Set once the head is passed on.
    pub(super) answer: Option<Answer>,
    upload_ms: u64,
}

/// How a try ended.
#[derive(Debug)]
pub(super) enum End {
    /// The answer was passed on whole.
    Done,
    /// The client is gone.
    ClientGone,
    /// The client sent something that cannot be passed on, or nothing for too long.
    ClientWrong(Reply),
    /// The connection to the instance broke before its answer.
    Reset,
    /// The instance did not answer in time.
    Timeout,
    /// The instance's answer makes no sense.
    Invalid(Refusal),
    /// The instance's answer calls for another try; nothing of it was passed on.
    Retry(u16),
    /// The answer was cut off after its head was passed on.
    Cut,
    /// The instance changed the protocol as the client asked; its head is passed on.
    Upgraded,
}

impl Exchange {
    pub(super) fn new(replayable: bool) -> Self {
        Self {
            sent: 0,
            sending: true,
            send_failed: false,
            replayable,
            received: false,
            partial: Vec::new(),
            answer: None,
            upload_ms: 0,
        }
    }
}

impl Connection {
    pub(super) fn poll_exchange(
        &mut self,
        context: &mut Context<'_>,
        call: &mut Call,
        link: &mut Link,
        exchange: &mut Exchange,
    ) -> Poll<End> {
        if self.slot.expired() {
            return Poll::Ready(self.expire(call, exchange));
        }
        if exchange.sending
            && let Poll::Ready(Some(end)) = self.poll_send(context, call, link, exchange)
        {
            return Poll::Ready(end);
        }
        if let Poll::Ready(end) = self.poll_receive(context, call, link, exchange) {
            return Poll::Ready(end);
        }
        if !exchange.sending {
            return self.poll_client(context, exchange);
        }
        Poll::Pending
    }

    /// Who is to blame for the deadline that has passed.
    fn expire(&mut self, call: &Call, exchange: &Exchange) -> End {
        if exchange.answer.is_some() {
            return if self.pending.is_empty() { End::Cut } else { End::ClientGone };
        }
        if self.ended {
            return End::ClientGone;
        }
        let client_is_slow = exchange.sending && exchange.sent == self.out.len();
        if client_is_slow && !call.body.is_done() {
            return End::ClientWrong(Reply::new(408, "HT", "the request's body took too long"));
        }
        End::Timeout
    }

    /// Sends the request. `Ready(None)` when all of it is sent, or no more of it can be.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        call: &mut Call,
        link: &mut Link,
        exchange: &mut Exchange,
    ) -> Poll<Option<End>> {
        loop {
            while exchange.sent < self.out.len() {
                let rest = &self.out[exchange.sent..];
                match ready!(Pin::new(&mut link.io).poll_write(context, rest)) {
                    Ok(sent) if sent > 0 => exchange.sent += sent,
                    _ => {
                        // It may have answered and closed before it read everything.
                        exchange.send_failed = true;
                        exchange.sending = false;
                        self.slot.set(call.deadline_ms);
                        return Poll::Ready(None);
                    }
                }
            }
            if call.body.is_done() {
                exchange.sending = false;
                self.request_is_sent(call, exchange);
                return Poll::Ready(None);
            }
            if !exchange.replayable || self.out.len() > REPLAY_MAX_BYTES {
                exchange.replayable = false;
                self.out.clear();
                exchange.sent = 0;
            }
            if let Some(end) = ready!(self.poll_body(context, call, exchange)) {
                return Poll::Ready(Some(end));
            }
        }
    }

    fn request_is_sent(&self, call: &Call, exchange: &Exchange) {
        // The time that the body took is the client's, unless it gave a deadline for everything.
        let restarts = exchange.upload_ms > 0;
        let own_ms = call.response_timeout_ms.filter(|_| restarts);
        let at_ms = own_ms.map_or(call.deadline_ms, |own_ms| self.worker.now_ms() + own_ms);
        if exchange.answer.is_none() {
            self.slot.set(at_ms);
        }
    }

    /// Reads more of the request's body.
    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        call: &mut Call,
        exchange: &mut Exchange,
    ) -> Poll<Option<End>> {
        let worker = Rc::clone(&self.worker);
        let mut scratch = worker.scratch.borrow_mut();
        // The buffer may hold nothing of the instance now: everything in it is dealt with at once.
        let room = &mut scratch[HEADROOM..HEADROOM + READ_MAX_BYTES];
        if self.pending_at < self.pending.len() && exchange.answer.is_none() {
            // `100 Continue`, if it could not be sent at once.
            if ready!(self.poll_flush(context)).is_err() {
                return Poll::Ready(Some(End::ClientGone));
            }
        }
        let now_ms = worker.now_ms();
        if exchange.upload_ms == 0 {
            exchange.upload_ms = now_ms.max(1);
        }
        let read = match poll_read(&mut self.io, context, room) {
            Poll::Pending => {
                if exchange.answer.is_none() {
                    self.slot.set(now_ms + worker.shared.limits.body_timeout_ms);
                }
                return Poll::Pending;
            }
            Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Some(End::ClientGone)),
            Poll::Ready(Ok(read)) => read,
        };
        let taken = self.take_piece(call, &mut room[..read]);
        let used = match taken {
            Ok(used) => used,
            Err(reply) => return Poll::Ready(Some(End::ClientWrong(reply))),
        };
        self.leftover.extend_from_slice(&room[used..read]);
        let elapsed_ms = now_ms.saturating_sub(exchange.upload_ms);
        let least_bytes = elapsed_ms * BODY_RATE_MIN_BYTES / 1_000;
        if elapsed_ms > BODY_RATE_GRACE_MS && call.body_bytes < least_bytes {
            let reply = Reply::new(408, "HT", "the request's body comes too slowly");
            return Poll::Ready(Some(End::ClientWrong(reply)));
        }
        Poll::Ready(None)
    }

    /// Receives the answer and passes it on as long as the client takes it.
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        call: &mut Call,
        link: &mut Link,
        exchange: &mut Exchange,
    ) -> Poll<End> {
        let worker = Rc::clone(&self.worker);
        let mut scratch = worker.scratch.borrow_mut();
        loop {
            if !self.pending.is_empty() && ready!(self.poll_flush(context)).is_err() {
                return Poll::Ready(End::ClientGone);
            }
            if exchange.answer.as_ref().is_some_and(Answer::is_done) {
                return Poll::Ready(End::Done);
            }
            let kept = exchange.partial.len();
            let room = &mut scratch[HEADROOM..HEADROOM + READ_MAX_BYTES];
            room[..kept].copy_from_slice(&exchange.partial);
            match ready!(poll_read(&mut link.io, context, &mut room[kept..])) {
                Ok(read) if read > 0 => {
                    exchange.received = true;
                    exchange.partial.clear();
                    let total = kept + read;
                    if let Some(end) = self.pass_on(context, call, exchange, &mut scratch, total) {
                        return Poll::Ready(end);
                    }
                }
                ended => return Poll::Ready(self.instance_ended(context, exchange, &ended)),
            }
        }
    }

    /// The instance closed its connection, or it broke.
    fn instance_ended(
        &mut self,
        context: &mut Context<'_>,
        exchange: &mut Exchange,
        ended: &io::Result<usize>,
    ) -> End {
        let Some(answer) = &mut exchange.answer else { return End::Reset };
        if ended.is_err() || !answer.may_end() {
            return End::Cut;
        }
        let last = answer.end();
        match self.emit(context, last) {
            // What is still pending is flushed before the connection is closed.
            Ok(()) => End::Done,
            Err(_) => End::ClientGone,
        }
    }

    /// Whether the client leaves before its request has gone anywhere. Who sends its last byte
    /// while it waits in a queue is taken to have given up: nearly all have, and the queue is for
    /// others.
    pub(super) fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let nothing = Exchange::new(false);
        match self.poll_client(context, &nothing) {
            Poll::Pending if !self.ended => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    /// Notices a client that leaves, and keeps what one sends ahead.
    fn poll_client(&mut self, context: &mut Context<'_>, exchange: &Exchange) -> Poll<End> {
        while !self.ended && self.leftover.len() < READ_AHEAD_MAX_BYTES {
            let worker = Rc::clone(&self.worker);
            let mut scratch = worker.scratch.borrow_mut();
            let most = READ_AHEAD_MAX_BYTES - self.leftover.len();
            let room = &mut scratch[HEADROOM..HEADROOM + most.min(READ_MAX_BYTES)];
            match ready!(poll_read(&mut self.io, context, room)) {
                Ok(0) => {
                    // It has sent its last byte; it may still read, or be gone for good.
                    self.ended = true;
                    if exchange.answer.is_none() {
                        self.slot.set_earlier(worker.now_ms() + HALF_CLOSE_WAIT_MS);
                    }
                }
                Ok(read) => self.leftover.extend_from_slice(&room[..read]),
                Err(_) => return Poll::Ready(End::ClientGone),
            }
        }
        Poll::Pending
    }
}
