//! Group commit: a thread of its own stores what is proposed, and what arrives while one commit is
//! under way shares the next.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rialto_storage::{Directory, Store};
use tokio::sync::oneshot;

use crate::limits::{GATHER_US, PROPOSALS_MAX, PROPOSALS_PER_COMMIT_MAX};

/// The way to a storing thread, which takes commands `C` and answers each with an `A`.
#[derive(Debug)]
pub(crate) struct Group<C, A> {
    /// Absent once closed.
    sender: Mutex<Option<SyncSender<Proposal<C, A>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A command with somebody who waits for what becomes of it.
#[derive(Debug)]
pub(crate) struct Proposal<C, A> {
    pub(crate) command: C,
    pub(crate) answer: Answer<A>,
}

/// Takes one answer to whoever waits for it.
#[derive(Debug)]
pub(crate) struct Answer<A>(oneshot::Sender<A>);

/// A store in a directory that stays locked as long as the store may write into it.
#[derive(Debug)]
pub(crate) struct Locked {
    // Fields are dropped in this order: the directory last.
    store: Store,
    _directory: Option<Arc<Directory>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Too many wait; nothing changed.
    Busy,
    /// Closed; nothing changed.
    Closed,
    /// The thread ended; something may have changed.
    Ended,
}

impl<C: Send + 'static, A: Send + 'static> Group<C, A> {
    /// Starts the thread. It hands over batches to `store` until it is closed, and drops `store`.
    pub(crate) fn start(
        name: &str,
        mut store: impl FnMut(Vec<Proposal<C, A>>) + Send + 'static,
    ) -> Self {
        let (sender, receiver) = sync_channel::<Proposal<C, A>>(PROPOSALS_MAX);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut answered = 0;
                while let Some(batch) = gather(&receiver, answered) {
                    answered = batch.len();
                    store(batch);
                }
            })
            .map_err(|error| tracing::error!(%error, "cannot start the storing thread"))
            .ok();
        Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(thread) }
    }

    /// Hands a command over and waits for what becomes of it.
    pub(crate) async fn propose(&self, command: C) -> Result<A, Unanswered> {
        let (proposal, answered) = Proposal::new(command);
        self.send(proposal)?;
        answered.await.map_err(|_| Unanswered::Ended)
    }

    fn send(&self, proposal: Proposal<C, A>) -> Result<(), Unanswered> {
        match self.sender.lock().as_ref().ok_or(Unanswered::Closed)?.try_send(proposal) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Unanswered::Busy),
            Err(TrySendError::Disconnected(_)) => Err(Unanswered::Closed),
        }
    }
}

/// Waits for proposals, and for a moment longer when many were answered just now: whoever had an
/// answer is about to come back. Without that, a few of them would begin a commit that all others
/// have to wait for, and half of the syncs would be for next to nothing.
fn gather<T>(receiver: &Receiver<T>, answered: usize) -> Option<Vec<T>> {
    let mut batch: Vec<T> = receiver.try_iter().take(PROPOSALS_PER_COMMIT_MAX).collect();
    let expected = (batch.len() + answered).min(PROPOSALS_PER_COMMIT_MAX);
    if batch.is_empty() {
        batch.push(receiver.recv().ok()?);
    }
    let until = Instant::now() + Duration::from_micros(GATHER_US);
    while batch.len() < expected {
        let left = until.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(proposal) => batch.push(proposal),
            Err(_) => break,
        }
    }
    Some(batch)
}

impl<C, A> Group<C, A> {
    /// Stores what has been proposed, and waits until the thread has given everything free.
    pub(crate) fn close(&self) {
        drop(self.sender.lock().take());
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the storing thread has failed");
        }
    }
}

impl<C, A> Drop for Group<C, A> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<C, A> Proposal<C, A> {
    /// A proposal, and where its answer will be.
    pub(crate) fn new(command: C) -> (Self, oneshot::Receiver<A>) {
        let (answer, answered) = oneshot::channel();
        (Self { command, answer: Answer(answer) }, answered)
    }
}

impl<A> Answer<A> {
    /// Whoever proposed may have stopped waiting; the change holds nevertheless.
    pub(crate) fn give(self, answer: A) {
        drop(self.0.send(answer));
    }
}

impl Locked {
    pub(crate) const fn new(store: Store, directory: Option<Arc<Directory>>) -> Self {
        Self { store, _directory: directory }
    }

    pub(crate) const fn store(&mut self) -> &mut Store {
        &mut self.store
    }
}
