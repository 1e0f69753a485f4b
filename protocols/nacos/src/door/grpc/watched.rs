//! A connection's bytes, watched on their way: frames that cost us work and carry nothing are
//! counted, and writes that do not get on are noticed.
//!
//! `h2` itself bounds resets of streams that nobody accepted, and errors that make it reset
//! streams; pings, settings and resets of accepted streams it answers without end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::mailbox::Mailbox;
use crate::limits::{GRPC_IDLE_FRAMES_MAX, GRPC_IDLE_FRAMES_MS};

/// Bytes of the preface, which is no frame.
const PREFACE_BYTES: usize = 24;
/// Bytes before each frame.
const HEAD_BYTES: usize = 9;

/// A watched connection.
pub(super) struct Watched<S> {
    inner: S,
    mailbox: Arc<Mailbox>,
    scan: Scan,
    counted: u32,
    since: Option<Instant>,
}

/// Where in the stream of frames the reader is.
#[derive(Debug)]
struct Scan {
    /// Bytes until the next frame begins.
    skip: usize,
    head: [u8; HEAD_BYTES],
    have: usize,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, mailbox: Arc<Mailbox>) -> Self {
        Watched { inner, mailbox, scan: Scan::new(), counted: 0, since: None }
    }

    /// Counts idle frames; whether there were too many in a short time.
    fn count(&mut self, bytes: &[u8]) -> bool {
        let idle = self.scan.idle_frames(bytes);
        if idle == 0 {
            return false;
        }
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since).as_millis() >= u128::from(GRPC_IDLE_FRAMES_MS) {
            (self.counted, self.since) = (0, Some(now));
        }
        self.counted += idle;
        self.counted > GRPC_IDLE_FRAMES_MAX
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.mailbox.is_calmed() {
            // The connection is about to be ended; nothing more is read.
            return Poll::Pending;
        }
        let before = into.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(context, into);
        if self.count(&into.filled()[before..]) {
            self.mailbox.calm();
        }
        done
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => self.mailbox.wrote(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.mailbox.blocked(),
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl Scan {
    fn new() -> Self {
        Scan { skip: PREFACE_BYTES, head: [0; HEAD_BYTES], have: 0 }
    }

    /// How many frames that carry nothing begin in these bytes.
    fn idle_frames(&mut self, mut bytes: &[u8]) -> u32 {
        let mut idle = 0;
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let count = (HEAD_BYTES - self.have).min(bytes.len());
            self.head[self.have..self.have + count].copy_from_slice(&bytes[..count]);
            self.have += count;
            bytes = &bytes[count..];
            if self.have == HEAD_BYTES {
                let [a, b, c, kind, flags, ..] = self.head;
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                self.have = 0;
                idle += u32::from(is_idle(kind, flags, self.skip));
            }
        }
        idle
    }
}

/// Whether a frame carries nothing for a request: PRIORITY, RST_STREAM, SETTINGS, PING, or DATA
/// without data that doesn't end its stream.
fn is_idle(kind: u8, flags: u8, bytes: usize) -> bool {
    match kind {
        0 => bytes == 0 && flags & 1 == 0,
        2..=4 | 6 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, bytes: usize) -> Vec<u8> {
        let length = (bytes as u32).to_be_bytes();
        let mut out = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        out.resize(HEAD_BYTES + bytes, 0xff);
        out
    }

    #[test]
    fn frames_that_carry_nothing_are_counted() {
        let stream = [
            vec![b'P'; PREFACE_BYTES],
            frame(4, 0, 18),
            frame(1, 4, 90),
            frame(0, 1, 300),
            frame(6, 0, 8),
            frame(0, 0, 0),
            frame(0, 1, 0),
            frame(3, 0, 4),
            frame(8, 0, 4),
        ]
        .concat();
        assert_eq!(Scan::new().idle_frames(&stream), 4);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_are_cut(
            frames in prop::collection::vec((0..10u8, 0..2u8, 0..40usize), 0..20),
            cut in 1..30usize,
        ) {
            let mut stream = vec![b'P'; PREFACE_BYTES];
            for (kind, flags, bytes) in frames {
                stream.extend(frame(kind, flags, bytes));
            }
            let whole = Scan::new().idle_frames(&stream);
            let mut scan = Scan::new();
            let pieces: u32 = stream.chunks(cut).map(|piece| scan.idle_frames(piece)).sum();
            prop_assert_eq!(whole, pieces);
        }
    }
}
