//! The request of an HTTP/2 client while it is sent to an instance.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming as Frames;
use rialto_http1::write;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::WriteHalf;

use super::job::Failure;
use crate::call::Call;
use crate::limits::REPLAY_MAX_BYTES;
use crate::reply::Reply;

/// How far the request is sent.
#[derive(Debug)]
pub(super) struct Upload {
    sent: usize,
    /// The client has sent everything.
    ended: bool,
    /// Nothing more is to be sent, or can be.
    pub(super) done: bool,
    failed: bool,
    /// The buffer holds the request from its first byte.
    pub(super) replayable: bool,
}

impl Default for Upload {
    fn default() -> Self {
        Self { sent: 0, ended: false, done: false, failed: false, replayable: true }
    }
}

impl Upload {
    /// Begins again for another try.
    pub(super) fn restart(&mut self) {
        (self.sent, self.done, self.failed) = (0, false, false);
    }

    /// Stops sending; the instance has not got everything.
    pub(super) fn give_up(&mut self) {
        (self.done, self.failed) = (true, true);
    }

    /// Whether the instance has got all of the request.
    pub(super) fn is_whole(&self) -> bool {
        self.done && !self.failed
    }

    /// Sends or receives a little. Nothing is lost when the future is dropped.
    pub(super) async fn step(
        &mut self,
        call: &mut Call,
        out: &mut Vec<u8>,
        frames: &mut Frames,
        instance: &mut WriteHalf<'_>,
    ) -> Result<(), Failure> {
        if self.sent < out.len() {
            match instance.write(&out[self.sent..]).await {
                Ok(sent) if sent > 0 => self.sent += sent,
                // It may have answered before it read everything.
                _ => self.give_up(),
            }
            return Ok(());
        }
        if self.ended || call.bodiless {
            self.done = true;
            return Ok(());
        }
        let pause = Duration::from_millis(call.body_timeout_ms());
        let frame = match tokio::time::timeout(pause, frames.frame()).await {
            Ok(Some(Ok(frame))) => Some(frame),
            Ok(None) => None,
            Ok(Some(Err(_))) => {
                return Err(Failure::Client(Reply::new(400, "DC", "the request was cut off")));
            }
            Err(_) => {
                let reply = Reply::new(408, "HT", "the request's body took too long");
                return Err(Failure::Client(reply));
            }
        };
        if !self.replayable || out.len() > REPLAY_MAX_BYTES {
            self.replayable = false;
            out.clear();
            self.sent = 0;
        }
        let Some(frame) = frame else {
            self.ended = true;
            if call.chunked {
                write::last_chunk(out);
            }
            return Ok(());
        };
        // Trailers are for HTTP/2; the instance is not asked whether it would like them.
        let Ok(data) = frame.into_data() else { return Ok(()) };
        call.body_bytes += data.len() as u64;
        let max_bytes = call.body_max_bytes();
        if call.body_bytes > max_bytes {
            let message = format!("the body is larger than {max_bytes} bytes");
            return Err(Failure::Client(Reply::new(413, "SZ", message)));
        }
        if call.chunked {
            write::chunk(out, &data)
        } else {
            out.extend_from_slice(&data)
        }
        Ok(())
    }
}
