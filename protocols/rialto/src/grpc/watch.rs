//! One watch: a snapshot or the changes since a revision, then every change.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use rialto_api::proto::watch_reply::Kind;
use rialto_api::proto::{
    self, Delta, Removal, Snapshot, WatchReply, WatchRequest, change::Kind as ChangeKind,
};
use rialto_catalog::{Change, Event, Revision, Selector, ServiceKey, fold};
use rialto_engine::{Engine, Watch, WatchBatch};
use rialto_security::Action;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tonic::Status;

use super::{map, status};
use crate::Shared;
use crate::access::Caller;
use crate::limits::{INSTANCES_PER_MESSAGE, WATCH_IDLE};

/// The service watched: names are compared without regard to case, so that instances of every
/// protocol are found.
struct Wanted {
    namespace: String,
    group: String,
    folded: String,
}

struct Follower {
    engine: Engine,
    caller: Caller,
    key: ServiceKey,
    wanted: Wanted,
    watch: Watch,
    ready: VecDeque<Kind>,
    _permit: OwnedSemaphorePermit,
}

/// The replies to a watch, until the server stops.
pub(crate) fn replies(
    shared: &Arc<Shared>,
    caller: &Caller,
    request: &WatchRequest,
    permit: OwnedSemaphorePermit,
) -> Result<impl Stream<Item = Result<WatchReply, Status>> + Send + use<>, Status> {
    let key = map::service_key(request.service.as_ref()).map_err(|error| status(error.into()))?;
    caller.may_service(Action::Read, &key).map_err(status)?;
    let (namespace, group, name) = key.parts();
    let wanted =
        Wanted { namespace: namespace.to_owned(), group: group.to_owned(), folded: fold(name) };
    let engine = shared.context.engine.clone();
    let after = request.after.map(Revision).filter(|after| can_resume(&engine, *after));
    let compacted = request.after.is_some() && after.is_none();
    let mut ready = VecDeque::new();
    let after = after.unwrap_or_else(|| snapshot(&engine, &wanted, compacted, &mut ready));
    let watch = engine.watch(Selector::All, Some(after));
    let caller = caller.clone();
    let follower = Follower { engine, caller, key, wanted, watch, ready, _permit: permit };
    let replies = futures_util::stream::unfold(Some(follower), |follower| {
        Box::pin(async move {
            let mut follower = follower?;
            let kind = follower.next().await;
            // A right that was taken away meanwhile ends the watch.
            match follower.caller.may_service(Action::Read, &follower.key) {
                Ok(()) => Some((Ok(WatchReply { kind: Some(kind) }), Some(follower))),
                Err(problem) => Some((Err(status(problem)), None)),
            }
        })
    });
    Ok(replies.take_until(shared.context.shutdown.begun()))
}

impl Follower {
    async fn next(&mut self) -> Kind {
        loop {
            if let Some(kind) = self.ready.pop_front() {
                return kind;
            }
            match timeout(WATCH_IDLE, self.watch.next()).await {
                Ok(WatchBatch::Changes(events, revision)) => {
                    let changes: Vec<_> =
                        events.iter().filter_map(|event| self.wanted.change(event)).collect();
                    if !changes.is_empty() {
                        return Kind::Delta(Delta { revision: revision.0, changes });
                    }
                }
                Ok(WatchBatch::Snapshot(_)) => {
                    let after = snapshot(&self.engine, &self.wanted, true, &mut self.ready);
                    self.watch = self.engine.watch(Selector::All, Some(after));
                }
                Err(_) => {
                    let revision = self.watch.revision().map_or(0, |revision| revision.0);
                    return Kind::Delta(Delta { revision, changes: Vec::new() });
                }
            }
        }
    }
}

impl Wanted {
    fn matches(&self, key: &ServiceKey) -> bool {
        let (namespace, group, name) = key.parts();
        namespace == self.namespace && group == self.group && fold(name) == self.folded
    }

    fn change(&self, event: &Event) -> Option<proto::Change> {
        let kind = match &event.change {
            Change::Registered { service, instance }
            | Change::Updated { service, instance, .. }
                if self.matches(service) =>
            {
                ChangeKind::Put(map::instance(instance))
            }
            Change::Deregistered { service, instance } | Change::Expired { service, instance }
                if self.matches(service) =>
            {
                ChangeKind::Removed(Removal {
                    protocol: instance.protocol().as_str().to_owned(),
                    id: instance.id().to_owned(),
                })
            }
            _ => return None,
        };
        Some(proto::Change { kind: Some(kind) })
    }
}

fn can_resume(engine: &Engine, after: Revision) -> bool {
    engine
        .read(|state| after <= state.revision() && state.changes(&Selector::All, after, 1).is_ok())
}

/// Queues everything there is and returns the revision of it. A long list takes several messages,
/// of which only the last tells the revision: a client that has not read them all cannot resume as
/// if it had.
fn snapshot(
    engine: &Engine,
    wanted: &Wanted,
    compacted: bool,
    ready: &mut VecDeque<Kind>,
) -> Revision {
    let Wanted { namespace, group, folded } = wanted;
    let (revision, instances) = engine.read(|state| {
        let instances: Vec<proto::Instance> = state
            .services_folded(namespace, group, folded)
            .flat_map(|service| service.instances().iter())
            .map(|instance| map::instance(instance))
            .collect();
        (state.revision(), instances)
    });
    let messages = instances.len().div_ceil(INSTANCES_PER_MESSAGE).max(1);
    let told = |message: usize| if message + 1 == messages { revision.0 } else { 0 };
    let mut instances = instances.into_iter();
    let first = instances.by_ref().take(INSTANCES_PER_MESSAGE).collect();
    ready.push_back(Kind::Snapshot(Snapshot { revision: told(0), instances: first, compacted }));
    for message in 1..messages {
        let part = instances.by_ref().take(INSTANCES_PER_MESSAGE);
        let changes = part.map(|one| proto::Change { kind: Some(ChangeKind::Put(one)) }).collect();
        ready.push_back(Kind::Delta(Delta { revision: told(message), changes }));
    }
    revision
}
