//! The answer: its head put together anew, its body framed anew.

use std::task::Context;

use rialto_http1::{Body, Framing, Kind, Response, parse_response, slots, write};

use super::Connection;
use super::exchange::{End, Exchange};
use crate::call::Call;
use crate::reach::may_retry;
use crate::table::edits::Variables;
use crate::worker::HEADROOM;

/// An answer whose head is passed on.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    /// The client gets chunks.
    chunked: bool,
    /// The instance will take another request on its connection.
    keeps: bool,
    /// It sent more than its answer.
    excess: bool,
    done: bool,
    /// The client's connection ends with this answer.
    pub(super) closes: bool,
    pub(super) retry_after_s: Option<u64>,
}

impl Answer {
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the end of the connection ends the body as it should.
    pub(super) fn may_end(&self) -> bool {
        self.body.may_end()
    }

    /// What the client still gets when the instance's close has ended the body.
    pub(super) fn end(&mut self) -> &'static [u8] {
        self.done = true;
        self.keeps = false;
        if self.chunked { b"0\r\n\r\n" } else { b"" }
    }

    pub(super) fn may_reuse(&self) -> bool {
        self.keeps && !self.excess && self.body.is_done()
    }
}

impl Connection {
    /// Passes on `total` bytes that the instance sent; they stand in `scratch` from [`HEADROOM`].
    pub(super) fn pass_on(
        &mut self,
        context: &mut Context<'_>,
        call: &mut Call,
        exchange: &mut Exchange,
        scratch: &mut [u8],
        total: usize,
    ) -> Option<End> {
        let mut begin = HEADROOM;
        let end = HEADROOM + total;
        let worker = std::rc::Rc::clone(&self.worker);
        let mut head = worker.head.borrow_mut();
        head.clear();
        if exchange.answer.is_none() {
            match self.read_answer(call, exchange, &scratch[begin..end], &mut head) {
                Ok(Some(used)) => begin += used,
                Ok(None) => return None,
                Err(End::Upgraded) => return Some(self.upgrade(context, exchange, &head)),
                Err(end) => return Some(end),
            }
        }
        let answer = exchange.answer.as_mut()?;
        let Ok(piece) = answer.body.decode(&mut scratch[begin..end]) else { return Some(End::Cut) };
        answer.done = answer.body.is_done();
        answer.excess = answer.done && begin + piece.consumed < end;
        call.bytes += piece.data.len() as u64;
        let (mut from, mut to) = (begin + piece.data.start, begin + piece.data.end);
        if answer.chunked {
            (from, to) = frame(scratch, from, to, answer.done);
        }
        let done = answer.done;
        if head.len() <= from {
            // Before the body, so that one call sends both.
            scratch[from - head.len()..from].copy_from_slice(&head);
            from -= head.len();
        } else if self.emit(context, &head).is_err() {
            return Some(End::ClientGone);
        }
        if !done {
            self.slot.set(worker.recent_ms() + worker.shared.limits.stream_idle_ms);
        }
        self.emit(context, &scratch[from..to]).is_err().then_some(End::ClientGone)
    }

    /// Reads the answer's head and writes the one for the client. Returns how many bytes it took,
    /// or nothing when it is not whole yet.
    fn read_answer(
        &mut self,
        call: &mut Call,
        exchange: &mut Exchange,
        input: &[u8],
        head: &mut Vec<u8>,
    ) -> Result<Option<usize>, End> {
        let mut used = 0;
        loop {
            let mut slots = slots();
            let read = parse_response(&input[used..], call.to_head, &mut slots);
            let Some((response, length)) = read.map_err(End::Invalid)? else {
                exchange.partial.extend_from_slice(&input[used..]);
                return Ok(None);
            };
            used += length;
            match response.status {
                101 if call.upgrade => {
                    call.status = 101;
                    write_upgrade(head, &response, call);
                    exchange.partial.extend_from_slice(&input[used..]);
                    return Err(End::Upgraded);
                }
                101 => return Err(End::Invalid(rialto_http1::Refusal::Syntax)),
                // Other interim answers are for this hop; the client gets the final one.
                100..=199 => continue,
                status => {
                    if self.calls_for_retry(call, exchange, status) {
                        return Err(End::Retry(status));
                    }
                }
            }
            call.status = response.status;
            let closes = self.is_last(call) || exchange.sending;
            exchange.answer = Some(write_head(head, &response, call, closes));
            return Ok(Some(used));
        }
    }

    fn calls_for_retry(&self, call: &Call, exchange: &Exchange, status: u16) -> bool {
        call.retry_plan().statuses.contains(&status)
            && call.repeatable
            && exchange.replayable
            && !exchange.sending
            && !self.ended
            && (call.instance.as_ref())
                .is_some_and(|present| may_retry(&self.worker, call, present.id))
    }

    /// Sends the head of a changed protocol and what the instance sent behind it.
    fn upgrade(&mut self, context: &mut Context<'_>, exchange: &mut Exchange, head: &[u8]) -> End {
        let behind = std::mem::take(&mut exchange.partial);
        let sent = self.emit(context, head).and_then(|()| self.emit(context, &behind));
        if sent.is_err() { End::ClientGone } else { End::Upgraded }
    }
}

/// Puts chunk framing around the data at `from..to`; there is room on both sides.
fn frame(scratch: &mut [u8], mut from: usize, mut to: usize, done: bool) -> (usize, usize) {
    if from < to {
        let (line, length) = write::chunk_line(to - from);
        scratch[from - length..from].copy_from_slice(&line[..length]);
        from -= length;
        scratch[to..to + 2].copy_from_slice(b"\r\n");
        to += 2;
    }
    if done {
        scratch[to..to + 5].copy_from_slice(b"0\r\n\r\n");
        to += 5;
    }
    (from, to)
}

/// Whether a line of an instance's answer is for the client, rather than about this hop.
pub(crate) fn passes(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::ContentLength
            | Kind::TransferEncoding
            | Kind::Connection
            | Kind::Upgrade
            | Kind::HopByHop
            | Kind::RequestId
    )
}

/// Writes the head for the client.
fn write_head(
    out: &mut Vec<u8>,
    response: &Response<'_, '_>,
    call: &Call,
    mut closes: bool,
) -> Answer {
    let plan = &call.local.route.plan;
    let edits = &plan.response;
    let old = call.minor == 0;
    write::status_line(out, response.status, response.reason.as_bytes());
    let selective = edits.drops_any();
    response.fields.write(out, |line, kind| passes(kind) && !(selective && edits.drops(line.name)));
    let retry_after_s = match response.status {
        429 | 503 => response.fields.get("retry-after"),
        _ => None,
    };
    let retry_after_s = retry_after_s.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    edits.write(out, &Variables { patterns: &[], path: "" });
    let mut chunked = false;
    match response.framing {
        Framing::None => {
            if let Some(bytes) = response.length.filter(|_| call.to_head || response.status == 304)
            {
                write::content_length(out, bytes);
            }
        }
        Framing::Length(bytes) => write::content_length(out, bytes),
        Framing::Chunked | Framing::UntilClose if old => closes = true,
        Framing::Chunked | Framing::UntilClose => {
            chunked = true;
            write::transfer_chunked(out);
        }
    }
    out.extend_from_slice(b"x-request-id: ");
    out.extend_from_slice(&call.request_id);
    match (closes, old) {
        (true, _) => out.extend_from_slice(b"\r\nconnection: close\r\n\r\n"),
        (false, true) => out.extend_from_slice(b"\r\nconnection: keep-alive\r\n\r\n"),
        (false, false) => out.extend_from_slice(b"\r\n\r\n"),
    }
    Answer {
        body: Body::new(response.framing),
        chunked,
        keeps: response.keep_alive && response.framing != Framing::UntilClose,
        excess: false,
        done: false,
        closes,
        retry_after_s,
    }
}

/// Writes the head that tells the client of the changed protocol.
fn write_upgrade(out: &mut Vec<u8>, response: &Response<'_, '_>, call: &Call) {
    let edits = &call.local.route.plan.response;
    write::status_line(out, response.status, response.reason.as_bytes());
    response.fields.write(out, |line, kind| {
        matches!(kind, Kind::Ordinary | Kind::Upgrade) && !edits.drops(line.name)
    });
    edits.write(out, &Variables { patterns: &[], path: "" });
    out.extend_from_slice(b"connection: upgrade\r\n\r\n");
}
