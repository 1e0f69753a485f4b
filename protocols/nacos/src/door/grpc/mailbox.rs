//! What others may do to a connection: put pushes in its box, ask it for something, see how it is.
//! Everything else of a connection belongs to its own task.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use rialto_security::{Grant, Identity};

use super::request::Setup;
use crate::limits::{
    GRPC_CALLERS_MAX, GRPC_DETECT_AFTER_MS, GRPC_PUSH_BYTES_MAX, GRPC_PUSHES_WAITING_MAX,
    GRPC_SETUP_MS, GRPC_STALL_MS,
};
use crate::naming::{ConnectionId, Outcome, PushRequest};

/// The part of a connection that is shared.
pub(super) struct Mailbox {
    /// `<ms>_<ip>_<port>`
    pub(super) name: Arc<str>,
    pub(super) remote: SocketAddr,
    pub(super) connected_ms: u64,
    pub(super) waker: AtomicWaker,
    setup: Mutex<Option<Arc<Setup>>>,
    outbox: Mutex<Outbox>,
    id: AtomicU64,
    asked: AtomicU8,
    active_ms: AtomicU64,
    due_ms: AtomicU64,
    written: AtomicU64,
    is_blocked: AtomicBool,
    is_starved: AtomicBool,
    is_calmed: AtomicBool,
    seen: Mutex<Seen>,
    /// Who has called, with what they were granted then: what the client has subscribed to rests
    /// on it.
    callers: Mutex<Vec<(Identity, Arc<[Grant]>)>>,
}

#[derive(Default)]
struct Outbox {
    is_open: bool,
    waiting: VecDeque<PushRequest>,
    bytes: usize,
    reset_to: Option<(String, String)>,
}

/// What the last look found.
struct Seen {
    written: u64,
    moved_ms: u64,
    is_detecting: bool,
}

/// What a connection is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Ask {
    /// To send a detection.
    Detect = 1,
    /// To tell the client to go elsewhere.
    Reset = 2,
    /// To end in good order, since the door closes.
    Stop = 4,
    /// To end at once.
    Cut = 8,
}

impl Mailbox {
    pub(super) fn new(id: ConnectionId, remote: SocketAddr, now_ms: u64) -> Self {
        let name = format!("{now_ms}_{}_{}", remote.ip(), remote.port()).into();
        Mailbox {
            name,
            remote,
            connected_ms: now_ms,
            waker: AtomicWaker::new(),
            setup: Mutex::default(),
            outbox: Mutex::default(),
            id: AtomicU64::new(id.0),
            asked: AtomicU8::new(0),
            active_ms: AtomicU64::new(now_ms),
            due_ms: AtomicU64::new(u64::MAX),
            written: AtomicU64::new(0),
            is_blocked: AtomicBool::new(false),
            is_starved: AtomicBool::new(false),
            is_calmed: AtomicBool::new(false),
            seen: Mutex::new(Seen { written: 0, moved_ms: now_ms, is_detecting: false }),
            callers: Mutex::default(),
        }
    }

    /// Remembers somebody who calls. Whether there was room: no client is so many.
    pub(super) fn remember(&self, caller: &Identity) -> bool {
        let mut callers = self.callers.lock();
        if callers.iter().any(|(known, _)| known.shares(caller)) {
            return true;
        }
        let fits = callers.len() < GRPC_CALLERS_MAX;
        if fits {
            callers.push((caller.clone(), caller.grants()));
        }
        fits
    }

    /// Whether a right was taken from one of the callers.
    fn has_lost_rights(&self) -> bool {
        self.callers.lock().iter().any(|(caller, before)| caller.has_lost_any_of(before))
    }

    pub(super) fn id(&self) -> ConnectionId {
        ConnectionId(self.id.load(Relaxed))
    }

    /// Gives the connection another number, for a client that sets itself up again.
    pub(super) fn renumber(&self, id: ConnectionId) {
        self.id.store(id.0, Relaxed);
    }

    /// What the client said of itself; `None` before it did.
    pub(super) fn setup(&self) -> Option<Arc<Setup>> {
        self.setup.lock().clone()
    }

    /// The client has set itself up: pushes may come.
    pub(super) fn open(&self, setup: Arc<Setup>) {
        *self.setup.lock() = Some(setup);
        self.outbox.lock().is_open = true;
    }

    /// No more pushes; gives back those that wait.
    pub(super) fn close(&self) -> VecDeque<PushRequest> {
        *self.setup.lock() = None;
        std::mem::take(&mut *self.outbox.lock()).waiting
    }

    /// Puts a push in the box, or gives it back with what became of it.
    pub(super) fn put(&self, push: PushRequest) -> Result<(), (PushRequest, Outcome)> {
        let mut outbox = self.outbox.lock();
        if !outbox.is_open {
            return Err((push, Outcome::Gone));
        }
        let bytes = outbox.bytes + push.shared.len();
        let is_first = outbox.waiting.is_empty();
        if outbox.waiting.len() >= GRPC_PUSHES_WAITING_MAX
            || bytes > GRPC_PUSH_BYTES_MAX && !is_first
        {
            return Err((push, Outcome::TimedOut));
        }
        outbox.bytes = bytes;
        outbox.waiting.push_back(push);
        drop(outbox);
        if is_first {
            self.waker.wake();
        }
        Ok(())
    }

    /// The push that has waited longest.
    pub(super) fn take(&self) -> Option<PushRequest> {
        let mut outbox = self.outbox.lock();
        let push = outbox.waiting.pop_front()?;
        outbox.bytes -= push.shared.len();
        Some(push)
    }

    /// Asks the connection to send its client elsewhere: to an address, or with two empty texts to
    /// whichever the client likes.
    pub(super) fn reset(&self, to: (String, String)) {
        self.outbox.lock().reset_to = Some(to);
        self.ask(Ask::Reset);
    }

    /// Where the client is to go.
    pub(super) fn reset_to(&self) -> (String, String) {
        self.outbox.lock().reset_to.take().unwrap_or_default()
    }

    pub(super) fn ask(&self, ask: Ask) {
        self.asked.fetch_or(ask as u8, Relaxed);
        self.waker.wake();
    }

    /// Takes what was asked.
    pub(super) fn asked(&self) -> u8 {
        if self.asked.load(Relaxed) == 0 { 0 } else { self.asked.swap(0, Relaxed) }
    }

    /// The client has shown that it is there.
    pub(super) fn active(&self, now_ms: u64) {
        self.active_ms.store(now_ms, Relaxed);
    }

    pub(super) fn active_ms(&self) -> u64 {
        self.active_ms.load(Relaxed)
    }

    /// When the connection wants to be woken.
    pub(super) fn due(&self, ms: u64) {
        self.due_ms.store(ms, Relaxed);
    }

    /// A detection was answered, or is of no use any more.
    pub(super) fn detected(&self) {
        self.seen.lock().is_detecting = false;
    }

    pub(super) fn wrote(&self, bytes: usize) {
        // Only the connection's own task writes.
        self.written.store(self.written.load(Relaxed) + bytes as u64, Relaxed);
        self.is_blocked.store(false, Relaxed);
    }

    pub(super) fn blocked(&self) {
        self.is_blocked.store(true, Relaxed);
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Relaxed)
    }

    /// Whether something waits for the client to take what was sent before.
    pub(super) fn starved(&self, is_starved: bool) {
        self.is_starved.store(is_starved, Relaxed);
    }

    pub(super) fn calm(&self) {
        self.is_calmed.store(true, Relaxed);
    }

    pub(super) fn is_calmed(&self) -> bool {
        self.is_calmed.load(Relaxed)
    }

    /// Looks after the connection: wakes it when something is due, detects whether a silent client
    /// is there, and cuts one that takes nothing.
    pub(super) fn look(&self, now_ms: u64, is_set_up: bool) {
        if self.has_lost_rights() {
            return self.ask(Ask::Cut);
        }
        let mut seen = self.seen.lock();
        let written = self.written.load(Relaxed);
        let waits = self.is_blocked() || self.is_starved.load(Relaxed);
        if !waits || written != seen.written {
            (seen.written, seen.moved_ms) = (written, now_ms);
        } else if now_ms.saturating_sub(seen.moved_ms) >= GRPC_STALL_MS {
            return self.ask(Ask::Cut);
        }
        let silent_ms = now_ms.saturating_sub(self.active_ms());
        if !is_set_up {
            if silent_ms >= GRPC_SETUP_MS {
                self.ask(Ask::Cut);
            }
        } else if silent_ms >= GRPC_DETECT_AFTER_MS && !seen.is_detecting {
            seen.is_detecting = true;
            self.ask(Ask::Detect);
        }
        if self.due_ms.load(Relaxed) <= now_ms {
            self.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::PushOutcome;

    #[derive(Debug)]
    struct Nobody;

    impl PushOutcome for Nobody {
        fn done(&self, _: ConnectionId, _: u64, _: Outcome) {}
    }

    fn mailbox() -> Mailbox {
        Mailbox::new(ConnectionId(7), SocketAddr::from(([127, 0, 0, 1], 9)), 1_000)
    }

    fn push(bytes: usize) -> PushRequest {
        PushRequest {
            kind: "NotifySubscriberRequest",
            shared: vec![b'x'; bytes].into(),
            ack_timeout_ms: 5_000,
            token: 0,
            outcome: Arc::new(Nobody),
        }
    }

    #[test]
    fn a_box_takes_so_much_and_no_more() {
        let mailbox = mailbox();
        assert!(matches!(mailbox.put(push(1)), Err((_, Outcome::Gone))));
        mailbox.open(Arc::default());
        // The first one is taken whatever its size, so that a large service can be pushed at all.
        assert!(mailbox.put(push(GRPC_PUSH_BYTES_MAX + 1)).is_ok());
        assert!(matches!(mailbox.put(push(1)), Err((_, Outcome::TimedOut))));
        assert!(mailbox.take().is_some());
        for _ in 0..GRPC_PUSHES_WAITING_MAX {
            assert!(mailbox.put(push(1)).is_ok());
        }
        assert!(matches!(mailbox.put(push(1)), Err((_, Outcome::TimedOut))));
        assert_eq!(mailbox.close().len(), GRPC_PUSHES_WAITING_MAX);
        assert!(matches!(mailbox.put(push(1)), Err((_, Outcome::Gone))));
    }

    #[test]
    fn silence_is_looked_into_once() {
        let mailbox = mailbox();
        mailbox.look(1_000 + GRPC_DETECT_AFTER_MS - 1, true);
        assert_eq!(mailbox.asked(), 0);
        mailbox.look(1_000 + GRPC_DETECT_AFTER_MS, true);
        assert_eq!(mailbox.asked(), Ask::Detect as u8);
        mailbox.look(1_000 + GRPC_DETECT_AFTER_MS + 1, true);
        assert_eq!(mailbox.asked(), 0);
        mailbox.detected();
        mailbox.look(1_000 + GRPC_DETECT_AFTER_MS + 1, true);
        assert_eq!(mailbox.asked(), Ask::Detect as u8);
    }

    #[test]
    fn who_takes_nothing_or_says_nothing_is_cut() {
        let mailbox = mailbox();
        mailbox.active(100_000);
        mailbox.look(100_000, true);
        mailbox.blocked();
        mailbox.look(100_000 + GRPC_STALL_MS - 1, true);
        assert_eq!(mailbox.asked() & Ask::Cut as u8, 0);
        mailbox.look(100_000 + GRPC_STALL_MS, true);
        assert_eq!(mailbox.asked(), Ask::Cut as u8);
        mailbox.wrote(1);
        mailbox.look(100_000 + GRPC_STALL_MS, true);
        assert_eq!(mailbox.asked() & Ask::Cut as u8, 0);
        mailbox.look(100_000 + GRPC_SETUP_MS, false);
        assert_eq!(mailbox.asked() & Ask::Cut as u8, Ask::Cut as u8);
    }
}
