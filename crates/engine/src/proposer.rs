//! Agreed changes of the catalog: checked together, made durable in one commit, then carried out.

use std::sync::Arc;

use rialto_catalog::{Command, Outcome};
use rialto_storage::{CommitError, Directory, Store, Write};

use crate::core::Core;
use crate::error::ProposeError;
use crate::group::{Group, Locked, Proposal};
use crate::record::{truth_of, writes_of};

type Answer = Result<Outcome, ProposeError>;
type Pending = Proposal<Command, Answer>;

/// The way to the thread that stores the catalog.
#[derive(Debug)]
pub(crate) struct Proposer(Group<Command, Answer>);

impl Proposer {
    /// Starts the thread, which keeps the directory until it ends.
    pub(crate) fn start(core: Arc<Core>, store: Store, directory: Arc<Directory>) -> Self {
        let mut locked = Locked::new(store, Some(directory));
        let store_all = move |batch| store_batch(&core, locked.store(), batch);
        Self(Group::start("rialto-store", store_all))
    }

    pub(crate) async fn propose(&self, command: Command) -> Answer {
        self.0.propose(command).await?
    }

    /// Stores what has been proposed and gives the directory free.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

fn store_batch(core: &Core, store: &mut Store, batch: Vec<Pending>) {
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
                Err(refused) => proposal.answer.give(Err(refused.into())),
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
            proposal.answer.give(Err(error.clone().into()));
        }
        return;
    }
    carry_out(core, store, accepted);
}

/// Makes durable changes visible, in order. What cannot be carried out after all, because ephemeral
/// changes came in between, is taken back on disk before it is refused.
fn carry_out(core: &Core, store: &mut Store, accepted: Vec<Pending>) {
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
        sender.give(Ok(outcome));
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
        proposal.answer.give(result);
    }
}

#[cfg(test)]
mod tests;
