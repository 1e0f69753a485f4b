//! One batch of changes: decided together, made durable in one commit, then shown.

use rialto_configuration::Change;
use rialto_storage::{CommitError, Store, Write};

use super::{Answer, Core, Done, Work, history, record};
use crate::group::Proposal;

type Pending = Proposal<Work, Answer>;

pub(super) fn store_batch(core: &Core, store: &mut Store, batch: Vec<Pending>) {
    let now_ms = core.clock.now().0;
    let mut answers = Vec::with_capacity(batch.len());
    let mut prunes = Vec::new();
    let plan = {
        // Only this thread changes the state, so that what is decided here still holds when it is
        // installed after the commit.
        let state = core.state.read();
        let mut deciding = state.batch();
        for proposal in batch {
            match proposal.command {
                Work::Apply(command) => match deciding.apply(now_ms, command) {
                    Ok(outcome) => answers.push((proposal.answer, Ok(Done::Applied(outcome)))),
                    Err(refused) => proposal.answer.give(Err(refused.into())),
                },
                Work::Prune => prunes.push(proposal.answer),
            }
        }
        deciding.finish()
    };
    let mut writes: Vec<Write> = Vec::with_capacity(plan.writes().len() * 2);
    for write in plan.writes() {
        record::write(write, &core.vault, &mut writes);
    }
    for answer in prunes {
        match history::due(core, now_ms, &mut writes) {
            Ok(count) => answers.push((answer, Ok(Done::Pruned(count)))),
            Err(error) => {
                let reason = error.to_string();
                answer.give(Err(CommitError::Failed { reason }.into()));
            }
        }
    }
    if !writes.is_empty()
        && let Err(error) = store.commit(&writes)
    {
        if !matches!(error, CommitError::Poisoned { .. }) {
            tracing::error!(%error, "configurations were not stored");
        }
        for (answer, _) in answers {
            answer.give(Err(error.clone().into()));
        }
        return;
    }
    let changes = core.state.write().install(plan);
    for (answer, done) in answers {
        answer.give(done);
    }
    tell(core, &changes);
}

/// Everybody reads the new state by now.
fn tell(core: &Core, changes: &[Change]) {
    let Some(last) = changes.last() else { return };
    for observer in core.observers.read().iter() {
        observer.changed(changes);
    }
    core.revision.send_replace(last.revision);
}
