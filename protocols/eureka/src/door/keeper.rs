//! What has to be done while nobody calls.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rialto_catalog::{Command, DocumentKey, DocumentKind, Protocol, State, Timestamp};
use rialto_door::Shutdown;
use rialto_engine::Engine;

use super::fetch::Fetch;
use crate::limits::OVERRIDE_ORPHAN_MS;

/// How often the view follows the catalog while nobody fetches.
const FOLLOW: Duration = Duration::from_secs(1);
/// How many times of those until overrides are looked through.
const SWEEP_EVERY: u32 = 60;

/// Keeps the view near the catalog, and forgets overrides of instances that were lost and did not
/// come back.
pub(super) async fn keep(engine: Engine, fetch: Arc<Fetch>, shutdown: Shutdown) {
    let mut stop = std::pin::pin!(shutdown.begun());
    let mut orphans = HashMap::new();
    let mut ticks = tokio::time::interval(FOLLOW);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut count = 0;
    loop {
        tokio::select! {
            () = &mut stop => return,
            _ = ticks.tick() => {}
        }
        fetch.keep();
        count += 1;
        if count % SWEEP_EVERY == 0 {
            let now = engine.now();
            let lost = engine.read(|state| sweep(state, now, &mut orphans));
            for key in lost {
                if let Err(error) = engine.propose(Command::RemoveDocument { key }).await {
                    tracing::warn!(%error, "an override of a lost instance could not be removed");
                }
            }
        }
    }
}

/// The overrides whose instances have been away too long. `orphans` keeps since when they are.
fn sweep(
    state: &State,
    now: Timestamp,
    orphans: &mut HashMap<String, Timestamp>,
) -> Vec<DocumentKey> {
    let mut lost = Vec::new();
    let mut away = HashMap::new();
    for (key, _) in state.documents(DocumentKind::StatusOverride) {
        let known =
            state.instances_by_id(&key.name).any(|(_, it)| it.protocol() == Protocol::Eureka);
        if known {
            continue;
        }
        let since = orphans.get(&key.name).copied().unwrap_or(now);
        if now.since(since).0 >= OVERRIDE_ORPHAN_MS {
            lost.push(key.clone());
        } else {
            away.insert(key.name.clone(), since);
        }
    }
    *orphans = away;
    lost
}

#[cfg(test)]
mod tests {
    use rialto_catalog::{InstanceSpec, Millis, Policy, ServiceKey};

    use super::*;

    #[test]
    fn an_override_outlives_its_instance_for_an_hour() {
        let mut state = State::new(Policy::default());
        let begin = Timestamp(1_000);
        for id in ["here", "lost"] {
            let key = DocumentKey::new(DocumentKind::StatusOverride, id).unwrap();
            let body = "DOWN".into();
            state.apply(begin, Command::PutDocument { key, body }).unwrap();
        }
        let service = ServiceKey::named("a").unwrap();
        let spec = InstanceSpec::new("here", Protocol::Eureka, "h", 1, Millis::from_secs(86_400));
        state.apply(begin, Command::Register { service, spec }).unwrap();
        let mut orphans = HashMap::new();
        let mut at = |ms: u64| {
            let lost = sweep(&state, begin.plus(Millis(ms)), &mut orphans);
            lost.into_iter().map(|key| key.name).collect::<Vec<_>>()
        };
        assert!(at(0).is_empty());
        assert!(at(OVERRIDE_ORPHAN_MS - 1).is_empty());
        assert_eq!(at(OVERRIDE_ORPHAN_MS), ["lost"]);
    }
}
