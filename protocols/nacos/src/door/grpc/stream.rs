//! The stream for pushes: the client sets itself up on it, is told what changed, and acknowledges.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use serde::Deserialize;

use super::incoming::{Held, Incoming};
use super::mailbox::Mailbox;
use super::request::Setup;
use super::wire::{Outgoing, Status, trailers};
use crate::codec::payload::decode;
use crate::limits::{GRPC_DETECT_ANSWER_MS, GRPC_PUSHES_UNACKED_MAX, GRPC_RESET_ANSWER_MS};
use crate::naming::{ConnectionId, Outcome, PushOutcome};

/// An open stream for pushes.
pub(super) struct Stream {
    incoming: Incoming,
    stream: SendStream<Bytes>,
    /// What is being sent.
    outgoing: Outgoing,
    /// What goes before pushes.
    first: VecDeque<Outgoing>,
    /// In the order of their numbers.
    unacked: VecDeque<Unacked>,
    number: u64,
}

/// A request that waits for its acknowledgement.
struct Unacked {
    number: u64,
    due_ms: u64,
    what: What,
}

enum What {
    Push { token: u64, outcome: Arc<dyn PushOutcome> },
    Detection { asked_ms: u64 },
    Reset,
}

/// What came on the stream.
pub(super) enum Came {
    /// The client says what it is, and whether it wants an acknowledgement.
    Setup(Setup, bool),
    /// An acknowledgement, or something else that shows that the client is there.
    Sign,
    /// The client has closed the stream, or what it sends makes no sense.
    End(Option<(Status, String)>),
}

/// Why a stream ends without the client having asked for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dead;

impl Stream {
    pub(super) fn new(body: RecvStream, stream: SendStream<Bytes>) -> Self {
        Stream {
            incoming: Incoming::new(body),
            stream,
            outgoing: Outgoing::default(),
            first: VecDeque::new(),
            unacked: VecDeque::new(),
            number: 0,
        }
    }

    /// Bytes that wait for the client.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.outgoing.bytes() + self.first.iter().map(Outgoing::bytes).sum::<usize>()
    }

    /// When something has to be done about it even if nothing comes.
    pub(super) fn due_ms(&self) -> u64 {
        let unacked = self.unacked.iter().map(|it| it.due_ms).min();
        unacked.unwrap_or(u64::MAX).min(self.incoming.due_ms())
    }

    /// What came next; pending when nothing did.
    pub(super) fn came(
        &mut self,
        context: &mut Context<'_>,
        id: ConnectionId,
        now_ms: u64,
        held: &mut Held,
    ) -> Poll<Came> {
        let message = match self.incoming.poll(context, now_ms, held) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(Some(message))) => message,
            Poll::Ready(Ok(None)) => return Poll::Ready(Came::End(None)),
            Poll::Ready(Err(ended)) => {
                self.incoming.release(held);
                return Poll::Ready(Came::End(ended.words()));
            }
        };
        Poll::Ready(match decode(&message) {
            Err(error) => Came::End(Some((Status::InvalidArgument, error.to_string()))),
            Ok(payload) if payload.kind == "ConnectionSetupRequest" => {
                match Setup::read(payload.body, payload.client_ip) {
                    Some((setup, wants_ack)) => Came::Setup(setup, wants_ack),
                    None => {
                        let message = "ConnectionSetupRequest cannot be read".to_owned();
                        Came::End(Some((Status::InvalidArgument, message)))
                    }
                }
            }
            Ok(payload) => {
                self.acknowledge(payload.body, id);
                Came::Sign
            }
        })
    }

    /// Tells the client which abilities the server has.
    pub(super) fn send_setup_ack(&mut self) {
        const ABILITIES: &str = "{\"headers\":{},\"abilityTable\":{\
            \"supportPersistentInstanceByGrpc\":true,\"fuzzyWatch\":true},\"module\":\"internal\"}";
        self.first.push_back(Outgoing::own("SetupAckRequest", ABILITIES.as_bytes()));
    }

    /// Asks the client whether it is there.
    pub(super) fn send_detection(&mut self, now_ms: u64) {
        let number =
            self.next(now_ms + GRPC_DETECT_ANSWER_MS, What::Detection { asked_ms: now_ms });
        let body =
            format!("{{\"headers\":{{}},\"requestId\":\"{number}\",\"module\":\"internal\"}}");
        self.first.push_back(Outgoing::own("ClientDetectionRequest", body.as_bytes()));
    }

    /// Sends the client elsewhere.
    pub(super) fn send_reset(&mut self, name: &str, to: &(String, String), now_ms: u64) {
        let number = self.next(now_ms + GRPC_RESET_ANSWER_MS, What::Reset);
        let (ip, port) = to;
        let body = format!(
            "{{\"headers\":{{}},\"requestId\":\"{number}\",\"serverIp\":\"{ip}\",\
             \"serverPort\":\"{port}\",\"connectionId\":\"{name}\",\"module\":\"internal\"}}"
        );
        self.first.push_back(Outgoing::own("ConnectResetRequest", body.as_bytes()));
    }

    /// Sends what the client has room for.
    pub(super) fn send(
        &mut self,
        context: &mut Context<'_>,
        mailbox: &Mailbox,
        now_ms: u64,
        handed: &mut usize,
    ) -> Result<(), Dead> {
        loop {
            match self.outgoing.pump(&mut self.stream, context, handed) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(Dead),
                Poll::Pending => return Ok(()),
            }
            if let Some(first) = self.first.pop_front() {
                self.outgoing = first;
                continue;
            }
            if self.unacked.len() >= GRPC_PUSHES_UNACKED_MAX {
                return Ok(());
            }
            let Some(push) = mailbox.take() else { return Ok(()) };
            let what = What::Push { token: push.token, outcome: Arc::clone(&push.outcome) };
            let number = self.next(now_ms + push.ack_timeout_ms, what);
            self.outgoing = Outgoing::request(&push, number);
        }
    }

    /// Gives up what was not acknowledged in time. A client that did not even answer whether it is
    /// there is dead, unless it was heard of since.
    pub(super) fn expire(&mut self, mailbox: &Mailbox, now_ms: u64) -> Result<(), Dead> {
        if self.unacked.iter().all(|it| it.due_ms > now_ms) {
            return Ok(());
        }
        let mut left = VecDeque::with_capacity(self.unacked.len());
        let mut is_dead = false;
        for unacked in self.unacked.drain(..) {
            if unacked.due_ms > now_ms {
                left.push_back(unacked);
                continue;
            }
            if let What::Detection { asked_ms } = unacked.what {
                mailbox.detected();
                is_dead |= mailbox.active_ms() <= asked_ms;
            }
            unacked.tell(mailbox.id(), Outcome::TimedOut);
        }
        self.unacked = left;
        if is_dead { Err(Dead) } else { Ok(()) }
    }

    /// Ends the stream with a status.
    pub(super) fn end(&mut self, status: Status) {
        // One that the client has given up needs no end.
        let _ = self.stream.send_trailers(trailers(status));
    }

    /// The connection is gone, and with it whatever was to be acknowledged.
    pub(super) fn abandon(&mut self, id: ConnectionId, held: &mut Held) {
        self.incoming.release(held);
        for unacked in self.unacked.drain(..) {
            unacked.tell(id, Outcome::Gone);
        }
    }

    fn next(&mut self, due_ms: u64, what: What) -> u64 {
        self.number += 1;
        self.unacked.push_back(Unacked { number: self.number, due_ms, what });
        self.number
    }

    fn acknowledge(&mut self, body: &[u8], id: ConnectionId) {
        let Ok(ack) = serde_json::from_slice::<Ack<'_>>(body) else { return };
        let number = ack.request_id.and_then(|it| it.parse::<u64>().ok());
        let Some(number) = number else { return };
        let Ok(at) = self.unacked.binary_search_by_key(&number, |it| it.number) else { return };
        let Some(unacked) = self.unacked.remove(at) else { return };
        let is_refused = ack.result_code.is_some_and(|code| code != 200);
        let outcome = if is_refused { Outcome::Refused } else { Outcome::Acked };
        unacked.tell(id, outcome);
    }
}

impl Unacked {
    fn tell(self, id: ConnectionId, outcome: Outcome) {
        if let What::Push { token, outcome: whom } = self.what {
            whom.done(id, token, outcome);
        }
    }
}

/// What every acknowledgement has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ack<'a> {
    #[serde(borrow)]
    request_id: Option<std::borrow::Cow<'a, str>>,
    result_code: Option<i64>,
}
