//! Messages as they come on a stream: cut out of its data, each within its size and time.

use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use h2::RecvStream;

use super::wire::Status;
use crate::codec::payload::{Frame, FrameError, PREFIX_BYTES, frame};
use crate::limits::{GRPC_MESSAGE_MS, GRPC_PARTIAL_BYTES_MAX};

/// The reading side of a stream.
pub(super) struct Incoming {
    body: RecvStream,
    /// A message of which the end has not come yet.
    partial: BytesMut,
    /// When it has to be whole, in milliseconds since 1970.
    due_ms: u64,
}

/// What the messages of one connection take while their ends have not come yet.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: usize,
}

/// Why a stream brings no further message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client gave the stream up, or the connection is gone.
    Reset,
    /// What it sends cannot be read.
    Unreadable(FrameError),
    /// It ended in the middle of a message, or without one.
    Short,
    /// There is a second message where one is due.
    Extra,
    /// A message took too long.
    Slow,
    /// There is no room for what it sends.
    Full,
}

impl Incoming {
    pub(super) fn new(body: RecvStream) -> Self {
        Incoming { body, partial: BytesMut::new(), due_ms: u64::MAX }
    }

    /// When a message that has begun must have come, in milliseconds since 1970.
    pub(super) fn due_ms(&self) -> u64 {
        if self.partial.is_empty() { u64::MAX } else { self.due_ms }
    }

    /// Whether it is known that nothing follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.partial.is_empty() && self.body.is_end_stream()
    }

    /// The next message, without its prefix; `None` at the end.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        now_ms: u64,
        held: &mut Held,
    ) -> Poll<Result<Option<Bytes>, Ended>> {
        loop {
            match frame(&self.partial) {
                Ok(Frame::Whole(message)) => {
                    let bytes = PREFIX_BYTES + message.len();
                    let mut message = self.partial.split_to(bytes).freeze();
                    message.advance(PREFIX_BYTES);
                    held.bytes -= bytes;
                    if self.partial.is_empty() {
                        self.partial = BytesMut::new();
                    }
                    self.due_ms = now_ms + GRPC_MESSAGE_MS;
                    return Poll::Ready(Ok(Some(message)));
                }
                Ok(Frame::Partial(_)) => {}
                Err(error) => return Poll::Ready(Err(Ended::Unreadable(error))),
            }
            let mut chunk = match self.body.poll_data(context) {
                Poll::Ready(Some(Ok(chunk))) => chunk,
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Ended::Reset)),
                Poll::Ready(None) if self.partial.is_empty() => return Poll::Ready(Ok(None)),
                Poll::Ready(None) => return Poll::Ready(Err(Ended::Short)),
                Poll::Pending if now_ms >= self.due_ms() => {
                    return Poll::Ready(Err(Ended::Slow));
                }
                Poll::Pending => return Poll::Pending,
            };
            // Data that came was within the window, so this much can be given back.
            let _ = self.body.flow_control().release_capacity(chunk.len());
            if self.partial.is_empty() {
                // The usual message comes in one piece, and is read where it lies.
                if let Ok(Frame::Whole(message)) = frame(&chunk)
                    && message.len() + PREFIX_BYTES == chunk.len()
                {
                    chunk.advance(PREFIX_BYTES);
                    return Poll::Ready(Ok(Some(chunk)));
                }
                self.due_ms = now_ms + GRPC_MESSAGE_MS;
            }
            if held.bytes + chunk.len() > GRPC_PARTIAL_BYTES_MAX {
                return Poll::Ready(Err(Ended::Full));
            }
            held.bytes += chunk.len();
            self.partial.extend_from_slice(&chunk);
        }
    }

    /// Gives back what the stream held.
    pub(super) fn release(&mut self, held: &mut Held) {
        held.bytes -= self.partial.len();
        self.partial = BytesMut::new();
    }
}

impl Ended {
    /// The status and sentence for the client, unless it is gone.
    pub(super) fn words(&self) -> Option<(Status, String)> {
        let text = |status, text: &str| Some((status, text.to_owned()));
        match self {
            Ended::Reset => None,
            Ended::Unreadable(error) => {
                let status = match error {
                    FrameError::Compressed => Status::Unimplemented,
                    FrameError::TooLarge(_) => Status::ResourceExhausted,
                    FrameError::Flag(_) => Status::InvalidArgument,
                };
                Some((status, error.to_string()))
            }
            Ended::Short => text(Status::InvalidArgument, "the message is missing or cut short"),
            Ended::Extra => text(Status::InvalidArgument, "there is more than one message"),
            Ended::Slow => text(Status::DeadlineExceeded, "the message took too long"),
            Ended::Full => {
                text(Status::ResourceExhausted, "too many large messages at one time; try again")
            }
        }
    }
}
