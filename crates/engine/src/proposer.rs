//! Agreed changes, made durable by a thread of their own: what arrives while one commit is under
//! way shares the next.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rialto_catalog::{Command, Outcome};
use rialto_storage::{CommitError, Directory, Store, Write};
use tokio::sync::oneshot;

use crate::core::Core;
use crate::error::ProposeError;
use crate::limits::{PROPOSALS_MAX, PROPOSALS_PER_COMMIT_MAX};
use crate::record::{truth_of, writes_of};

type Answer = Result<Outcome, ProposeError>;

/// The way to the storing thread.
#[derive(Debug)]
pub(crate) struct Proposer {
    /// Absent once closed.
    sender: Mutex<Option<SyncSender<Proposal>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Proposal {
    command: Command,
    answer: oneshot::Sender<Answer>,
}

impl Proposer {
    /// Starts the thread, which keeps the directory until it ends.
    pub(crate) fn start(core: Arc<Core>, store: Store, directory: Arc<Directory>) -> Self {
        let (sender, receiver) = sync_channel(PROPOSALS_MAX);
        let thread = std::thread::Builder::new()
            .name("rialto-store".to_owned())
            .spawn(move || {
                store_all(&core, store, &receiver);
                drop(directory);
            })
            .map_err(|error| tracing::error!(%error, "cannot start the storing thread"))
            .ok();
        Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(thread) }
    }

    pub(crate) async fn propose(&self, command: Command) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.send(Proposal { command, answer })?;
        answered.await.unwrap_or_else(|_| {
            let reason = "the storing thread ended".to_owned();
            Err(ProposeError::Indeterminate { reason })
        })
    }

    /// Stores what has been proposed and gives the directory free.
    pub(crate) fn close(&self) {
        drop(self.sender.lock().take());
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the storing thread has failed");
        }
    }

    fn send(&self, proposal: Proposal) -> Result<(), ProposeError> {
        let closed = || ProposeError::Unavailable { reason: "it is closed".to_owned() };
        let sender = self.sender.lock();
        match sender.as_ref().ok_or_else(closed)?.try_send(proposal) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(ProposeError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(closed()),
        }
    }
}

impl Drop for Proposer {
    fn drop(&mut self) {
        self.close();
    }
}

fn store_all(core: &Core, mut store: Store, receiver: &Receiver<Proposal>) {
    while let Ok(first) = receiver.recv() {
        let rest = receiver.try_iter().take(PROPOSALS_PER_COMMIT_MAX - 1);
        store_batch(core, &mut store, std::iter::once(first).chain(rest).collect());
    }
}

fn store_batch(core: &Core, store: &mut Store, batch: Vec<Proposal>) {
    let mut accepted = Vec::with_capacity(batch.len());
    let mut writes = Vec::new();
    core.read(|state| {
        for proposal in batch {
            // Proposals of one batch are under way at the same time, so each may be judged as if it
            // came before the others.
            match state.check(&proposal.command) {
                Ok(()) => {
                    writes.extend(writes_of(state, &proposal.command));
                    accepted.push(proposal);
                }
                Err(refused) => answer(proposal.answer, Err(refused.into())),
            }
        }
    });
    if accepted.is_empty() {
        return;
    }
    if !writes.is_empty()
        && let Err(error) = store.commit(&writes)
    {
        if !matches!(error, CommitError::Poisoned { .. }) {
            core.warn("storage", &error.to_string());
        }
        for proposal in accepted {
            answer(proposal.answer, Err(error.clone().into()));
        }
        return;
    }
    carry_out(core, store, accepted);
}

/// Makes durable changes visible, in order. What cannot be carried out after all, because ephemeral
/// changes came in between, is taken back on disk before it is refused.
fn carry_out(core: &Core, store: &mut Store, accepted: Vec<Proposal>) {
    let mut corrections: Vec<Write> = Vec::new();
    let mut refused = Vec::new();
    let mut done = Vec::with_capacity(accepted.len());
    core.change(|state, now| {
        for proposal in accepted {
            match state.apply(now, proposal.command.clone()) {
                Ok(outcome) => done.push((proposal.answer, outcome)),
                Err(error) => refused.push((proposal, error)),
            }
        }
        corrections.extend(refused.iter().map(|(one, _)| truth_of(state, &one.command)));
    });
    for (sender, outcome) in done {
        answer(sender, Ok(outcome));
    }
    if refused.is_empty() {
        return;
    }
    let corrected = store.commit(&corrections);
    for (proposal, error) in refused {
        let result = match &corrected {
            Ok(_) => Err(error.into()),
            Err(failed) => Err(ProposeError::Indeterminate { reason: failed.to_string() }),
        };
        answer(proposal.answer, result);
    }
}

/// Whoever proposed may have stopped waiting; the change holds nevertheless.
fn answer(sender: oneshot::Sender<Answer>, answer: Answer) {
    drop(sender.send(answer));
}

impl From<CommitError> for ProposeError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::DiskFull => Self::DiskFull,
            CommitError::Failed { reason } | CommitError::Poisoned { reason } => {
                Self::Unavailable { reason }
            }
            CommitError::Indeterminate { reason } => Self::Indeterminate { reason },
        }
    }
}

#[cfg(test)]
mod tests;
