//! One unary call, from its first bytes to its last.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use serde::Deserialize;

use super::incoming::{Ended, Held, Incoming};
use super::request::{Answer, PARSE_FAILED, Response};
use super::wire::{Outgoing, Status, head, refusal, trailers};
use crate::codec::payload::{Payload, decode};

/// A call under way.
pub(super) struct Call {
    state: State,
    /// What the request called itself, if anything.
    request_id: Option<String>,
}

enum State {
    /// The message is coming.
    Reading { incoming: Incoming, message: Option<Bytes>, respond: SendResponse<Bytes> },
    /// The answer is being worked on.
    Waiting { answer: Work, respond: SendResponse<Bytes> },
    /// The answer waits for the client to take what was sent before.
    Sending { stream: SendStream<Bytes>, outgoing: Outgoing },
    /// Nothing is left to do.
    Over,
}

type Work = Pin<Box<dyn Future<Output = Response> + Send>>;

/// What a call needs of its connection.
pub(super) struct Host<'h, F> {
    /// Answers a message.
    pub(super) answer: F,
    pub(super) now_ms: u64,
    pub(super) held: &'h mut Held,
    /// Bytes that were handed over to be sent.
    pub(super) handed: &'h mut usize,
}

/// Longest request in which an identifier is looked for, in bytes: only small ones have any.
const IDENTIFIED_BYTES_MAX: usize = 64 * 1024;

impl Call {
    pub(super) fn new(body: RecvStream, respond: SendResponse<Bytes>) -> Self {
        let incoming = Incoming::new(body);
        let state = State::Reading { incoming, message: None, respond };
        Call { state, request_id: None }
    }

    /// Whether the answer is being worked on.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Bytes of the answer that wait for the client.
    pub(super) fn unsent_bytes(&self) -> usize {
        match &self.state {
            State::Sending { outgoing, .. } => outgoing.bytes(),
            _ => 0,
        }
    }

    /// When something has to be done about it even if nothing comes.
    pub(super) fn due_ms(&self) -> u64 {
        match &self.state {
            State::Reading { incoming, .. } => incoming.due_ms(),
            _ => u64::MAX,
        }
    }

    /// Gets on as far as possible; ready when the call is over.
    pub(super) fn poll<F>(&mut self, context: &mut Context<'_>, host: &mut Host<'_, F>) -> Poll<()>
    where
        F: FnMut(&Payload<'_>) -> Answer,
    {
        loop {
            let next = match &mut self.state {
                State::Reading { incoming, message, .. } => {
                    let read = read(incoming, message, context, host);
                    let Poll::Ready(read) = read else { return Poll::Pending };
                    incoming.release(host.held);
                    let State::Reading { respond, .. } =
                        std::mem::replace(&mut self.state, State::Over)
                    else {
                        return Poll::Ready(());
                    };
                    match read {
                        Ok(message) => self.begin(&message, respond, host),
                        Err(ended) => refuse(&ended, respond),
                    }
                }
                State::Waiting { answer, .. } => {
                    let Poll::Ready(response) = answer.as_mut().poll(context) else {
                        return Poll::Pending;
                    };
                    let State::Waiting { respond, .. } =
                        std::mem::replace(&mut self.state, State::Over)
                    else {
                        return Poll::Ready(());
                    };
                    self.send(&response, respond)
                }
                State::Sending { stream, outgoing } => {
                    let Poll::Ready(sent) = outgoing.pump(stream, context, host.handed) else {
                        return Poll::Pending;
                    };
                    // The client may have given the call up; then nobody misses the rest.
                    let _ = sent.and_then(|()| stream.send_trailers(trailers(Status::Ok)));
                    State::Over
                }
                State::Over => return Poll::Ready(()),
            };
            self.state = next;
        }
    }

    fn begin<F>(
        &mut self,
        message: &[u8],
        respond: SendResponse<Bytes>,
        host: &mut Host<'_, F>,
    ) -> State
    where
        F: FnMut(&Payload<'_>) -> Answer,
    {
        let answer = match decode(message) {
            Ok(payload) => {
                self.request_id = identifier(payload.body);
                (host.answer)(&payload)
            }
            Err(error) => Response::error(PARSE_FAILED, format!("Invalid request: {error}")).into(),
        };
        match answer {
            Answer::Now(response) => self.send(&response, respond),
            Answer::Later(answer) => State::Waiting { answer, respond },
        }
    }

    fn send(&self, response: &Response, mut respond: SendResponse<Bytes>) -> State {
        match respond.send_response(head(), false) {
            Ok(stream) => {
                let outgoing = Outgoing::response(response, self.request_id.as_deref());
                State::Sending { stream, outgoing }
            }
            Err(_) => State::Over,
        }
    }
}

/// The one message of a call, once it is known that nothing follows it.
fn read<F>(
    incoming: &mut Incoming,
    message: &mut Option<Bytes>,
    context: &mut Context<'_>,
    host: &mut Host<'_, F>,
) -> Poll<Result<Bytes, Ended>> {
    loop {
        if message.is_some() && incoming.is_at_end() {
            return Poll::Ready(message.take().ok_or(Ended::Short));
        }
        let Poll::Ready(next) = incoming.poll(context, host.now_ms, host.held) else {
            return Poll::Pending;
        };
        match next {
            Ok(Some(_)) if message.is_some() => return Poll::Ready(Err(Ended::Extra)),
            Ok(Some(next)) => *message = Some(next),
            Ok(None) => return Poll::Ready(message.take().ok_or(Ended::Short)),
            Err(ended) => return Poll::Ready(Err(ended)),
        }
    }
}

fn refuse(ended: &Ended, mut respond: SendResponse<Bytes>) -> State {
    if let Some((status, message)) = ended.words()
        && respond.send_response(refusal(status, &message), true).is_err()
    {
        respond.send_reset(Reason::CANCEL);
    }
    State::Over
}

/// The `requestId` of a request, which its answer repeats.
fn identifier(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Identified {
        request_id: Option<String>,
    }
    if body.len() > IDENTIFIED_BYTES_MAX || !is_identified(body) {
        return None;
    }
    let found: Identified = serde_json::from_slice(body).ok()?;
    found.request_id.filter(|id| !id.is_empty())
}

/// Whether there is an identifier with something in it. Most clients send none or an empty one,
/// and then the body is not parsed once more.
fn is_identified(body: &[u8]) -> bool {
    const NAME: &[u8] = b"\"requestId\"";
    memchr::memmem::find_iter(body, NAME).any(|at| {
        let mut rest = body[at + NAME.len()..].iter().filter(|byte| !b" :".contains(byte));
        rest.next() == Some(&b'"') && rest.next() != Some(&b'"')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_repeated_when_there_are_any() {
        let of = |body: &str| identifier(body.as_bytes());
        assert_eq!(of("{}"), None);
        assert_eq!(of("{\"requestId\":\"\",\"module\":\"naming\"}"), None);
        assert_eq!(of("{\"requestId\": null}"), None);
        assert_eq!(of("{\"requestId\": \"7\"}"), Some("7".to_owned()));
        assert_eq!(of("{\"metadata\":{\"requestId\":\"7\"}}"), None);
        assert_eq!(of("{\"requestId\":\"7"), None);
    }
}
