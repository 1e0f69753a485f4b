//! A connection whose protocol was changed: bytes go both ways and are nobody's business.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::{Connection, poll_read};
use crate::call::Call;
use crate::limits::READ_MAX_BYTES;
use crate::pool::Link;
use crate::worker::{HEADROOM, Worker};

/// One direction.
#[derive(Debug, Default)]
struct Flow {
    pending: Vec<u8>,
    at: usize,
    /// The source has sent its last byte, and the destination was told.
    ended: bool,
}

impl Connection {
    /// Copies both ways until both sides have ended, one fails, or nothing moves for too long.
    pub(super) async fn tunnel(&mut self, call: &mut Call, mut link: Link) {
        let worker = Rc::clone(&self.worker);
        let mut up = Flow { pending: std::mem::take(&mut self.leftover), ..Flow::default() };
        let mut down =
            Flow { pending: std::mem::take(&mut self.pending), at: self.pending_at, ended: false };
        self.pending_at = 0;
        let idle_ms = worker.shared.limits.stream_idle_ms;
        self.slot.set(worker.now_ms() + idle_ms);
        poll_fn(|context| {
            if self.slot.expired() {
                return Poll::Ready(());
            }
            let mut moved = 0;
            let one = up.poll(context, &worker, &mut self.io, &mut link.io, &mut moved);
            let mut received = 0;
            let other = down.poll(context, &worker, &mut link.io, &mut self.io, &mut received);
            call.bytes += received;
            if moved + received > 0 {
                self.slot.set(worker.now_ms() + idle_ms);
            }
            match (one, other) {
                (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => Poll::Ready(()),
                (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
    }
}

impl Flow {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        worker: &Worker,
        from: &mut TcpStream,
        to: &mut TcpStream,
        moved: &mut u64,
    ) -> Poll<io::Result<()>> {
        let mut scratch = worker.scratch.borrow_mut();
        let room = &mut scratch[HEADROOM..HEADROOM + READ_MAX_BYTES];
        loop {
            while self.at < self.pending.len() {
                self.at +=
                    ready!(Pin::new(&mut *to).poll_write(context, &self.pending[self.at..]))?;
            }
            self.pending.clear();
            self.at = 0;
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            let read = ready!(poll_read(from, context, room))?;
            *moved += read as u64;
            if read == 0 {
                self.ended = true;
                // The other direction may go on: this is how protocols half-close.
                let _ = ready!(Pin::new(&mut *to).poll_shutdown(context));
                continue;
            }
            let mut at = 0;
            while at < read {
                match Pin::new(&mut *to).poll_write(context, &room[at..read]) {
                    Poll::Ready(sent) => at += sent?,
                    Poll::Pending => break,
                }
            }
            self.pending.extend_from_slice(&room[at..read]);
        }
    }
}
