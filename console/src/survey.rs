//! One look at the whole catalog, at most once a second, for everybody: totals, what is wrong, and
//! what is about to expire. Read in pieces, so that no lock is held for long.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use rialto_catalog::{ServiceKey, ServiceRef, State};
use rialto_engine::Engine;

use crate::limits::{INSTANCES_SCANNED_MAX, SCAN_CHUNK, SURVEY_AGE_MAX_MS};
use crate::view::Mark;

/// Troubles and leases kept for the overview.
const KEPT_MAX: usize = 6;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    taken_ms: u64,
    pub(crate) services: usize,
    /// Services by namespace.
    pub(crate) namespaces: BTreeMap<String, usize>,
    pub(crate) instances: usize,
    pub(crate) available: usize,
    /// The worst first, then by name.
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) troubles_len: usize,
    /// The next to expire first.
    pub(crate) expiring: Vec<Expiring>,
}

/// A service that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) service: ServiceKey,
    pub(crate) health: Health,
    pub(crate) since_ms: Option<u64>,
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    Ok,
    Empty,
    Part { available: usize, instances: usize },
    Protected { reason: String },
    Bad { instances: usize },
}

/// A lease that was not renewed when it should have been.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expiring {
    pub(crate) expires_ms: u64,
    pub(crate) service: ServiceKey,
    pub(crate) id: String,
}

/// Keeps the last look.
#[derive(Debug, Default)]
pub(crate) struct Surveyor {
    last: Option<Arc<Survey>>,
}

impl Surveyor {
    /// A look that is not older than a second.
    pub(crate) fn look(&mut self, engine: &Engine) -> Arc<Survey> {
        let now_ms = engine.now().0;
        let fresh =
            |survey: &&Arc<Survey>| now_ms.saturating_sub(survey.taken_ms) < SURVEY_AGE_MAX_MS;
        if let Some(survey) = self.last.as_ref().filter(fresh) {
            return Arc::clone(survey);
        }
        let survey = Arc::new(take(engine, now_ms));
        self.last = Some(Arc::clone(&survey));
        survey
    }
}

impl Health {
    pub(crate) fn of(service: &ServiceRef<'_>) -> Self {
        let (instances, available) = (service.len(), service.available());
        if instances == 0 {
            Self::Empty
        } else if available == 0 {
            Self::Bad { instances }
        } else if let Some(protection) = service.protection() {
            Self::Protected { reason: protection.reason.to_string() }
        } else if available < instances {
            Self::Part { available, instances }
        } else {
            Self::Ok
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        match self {
            Self::Ok => Mark::Ok,
            Self::Empty => Mark::Off,
            Self::Part { .. } | Self::Protected { .. } => Mark::Warn,
            Self::Bad { .. } => Mark::Bad,
        }
    }

    pub(crate) fn is_trouble(&self) -> bool {
        self.mark() >= Mark::Warn
    }
}

/// Since when a service is as it is: the last change of an instance that is not available.
pub(crate) fn since_ms(service: &ServiceRef<'_>, health: &Health) -> Option<u64> {
    match health {
        Health::Ok | Health::Empty => None,
        Health::Protected { .. } => service.protection().map(|protection| protection.since.0),
        Health::Part { .. } | Health::Bad { .. } => {
            let unavailable = service.instances().iter().filter(|one| !one.available());
            unavailable.take(INSTANCES_SCANNED_MAX).map(|instance| instance.changed().0).max()
        }
    }
}

/// Visits every service in order, letting others in after each piece, until `visit` says stop.
pub(crate) fn each_service(
    engine: &Engine,
    start: Option<(ServiceKey, bool)>,
    mut visit: impl FnMut(&ServiceRef<'_>) -> bool,
) {
    let (mut cursor, backwards) = start.map_or((None, false), |(key, back)| (Some(key), back));
    loop {
        let next = engine.read(|state: &State| {
            let mut services: Box<dyn Iterator<Item = ServiceRef<'_>>> = match &cursor {
                Some(key) => Box::new(state.services_beyond(key, backwards)),
                None => Box::new(state.services()),
            };
            let mut last = None;
            for service in services.by_ref().take(SCAN_CHUNK) {
                if !visit(&service) {
                    return None;
                }
                last = Some(service.key().clone());
            }
            services.next().and(last)
        });
        match next {
            Some(key) => cursor = Some(key),
            None => return,
        }
    }
}

fn take(engine: &Engine, now_ms: u64) -> Survey {
    let mut survey = Survey { taken_ms: now_ms, ..Survey::default() };
    let mut scanned = 0;
    let mut expiring: BinaryHeap<Expiring> = BinaryHeap::new();
    let mut troubles: BinaryHeap<(Reverse<Mark>, ServiceKey)> = BinaryHeap::new();
    each_service(engine, None, |service| {
        survey.services += 1;
        let namespace = service.key().namespace();
        match survey.namespaces.get_mut(namespace) {
            Some(services) => *services += 1,
            None => drop(survey.namespaces.insert(namespace.to_owned(), 1)),
        }
        survey.instances += service.len();
        survey.available += service.available();
        let health = Health::of(service);
        if health.is_trouble() {
            survey.troubles_len += 1;
            troubles.push((Reverse(health.mark()), service.key().clone()));
            if troubles.len() > KEPT_MAX {
                troubles.pop();
            }
        }
        if scanned < INSTANCES_SCANNED_MAX {
            scanned += service.len();
            late(service, now_ms, &mut expiring);
        }
        true
    });
    survey.expiring = expiring.into_sorted_vec();
    survey.troubles = engine.read(|state| {
        let kept = troubles.into_sorted_vec();
        let now = |(_, key): (Reverse<Mark>, ServiceKey)| {
            let service = state.service(&key)?;
            let health = Health::of(&service);
            let since_ms = since_ms(&service, &health);
            health.is_trouble().then_some(Trouble { service: key, health, since_ms })
        };
        kept.into_iter().filter_map(now).collect()
    });
    survey
}

/// Keeps leases of which two thirds passed without a renewal: clients renew at half or earlier.
fn late(service: &ServiceRef<'_>, now_ms: u64, into: &mut BinaryHeap<Expiring>) {
    for instance in service.instances().iter().take(INSTANCES_SCANNED_MAX) {
        let Some(lease) = service.lease(instance) else { continue };
        let left_ms = lease.expires.0.saturating_sub(now_ms);
        if left_ms * 3 >= lease.ttl.0 {
            continue;
        }
        let (service, id) = (service.key().clone(), instance.id().to_owned());
        into.push(Expiring { expires_ms: lease.expires.0, service, id });
        if into.len() > KEPT_MAX {
            into.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use rialto_catalog::{Command, InstanceSpec, Millis, Protocol, Status, Timestamp};
    use rialto_engine::ManualClock;
    use rialto_telemetry::Telemetry;

    use super::*;

    fn engine() -> (Engine, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
        (Engine::in_memory(Arc::clone(&clock) as _, Telemetry::new()), clock)
    }

    fn register(engine: &Engine, name: &str, status: Status) {
        let ttl = Millis(30_000);
        let mut spec = InstanceSpec::new("a:1", Protocol::Sdk, "a", 1, ttl);
        spec.status = status;
        let service = ServiceKey::named(name).unwrap();
        engine.own(|_, _| ([Command::Register { service, spec }], ())).unwrap();
    }

    #[test]
    fn counts_everything_across_pieces_and_keeps_the_worst() {
        let (engine, clock) = engine();
        for at in 0..SCAN_CHUNK * 2 + 3 {
            let status = if at % 100 == 99 { Status::Down } else { Status::Up };
            register(&engine, &format!("s{at:05}"), status);
        }
        let mut surveyor = Surveyor::default();
        let survey = surveyor.look(&engine);
        assert_eq!(survey.services, SCAN_CHUNK * 2 + 3);
        assert_eq!(survey.troubles_len, 10);
        let names: Vec<_> = survey.troubles.iter().map(|trouble| trouble.service.name()).collect();
        assert_eq!(names, ["s00099", "s00199", "s00299", "s00399", "s00499", "s00599"]);
        assert!(survey.expiring.is_empty());

        clock.advance(Millis(SURVEY_AGE_MAX_MS - 1));
        assert!(Arc::ptr_eq(&survey, &surveyor.look(&engine)));
        clock.advance(Millis(21_000));
        assert_eq!(surveyor.look(&engine).expiring.len(), KEPT_MAX);
    }

    #[test]
    fn a_visit_can_stop_and_begin_anywhere() {
        let (engine, _) = engine();
        ["a", "b", "c"].iter().for_each(|name| register(&engine, name, Status::Up));
        let mut seen = Vec::new();
        let start = Some((ServiceKey::named("c").unwrap(), true));
        each_service(&engine, start, |service| {
            seen.push(service.key().name().to_owned());
            seen.len() < 5
        });
        assert_eq!(seen, ["b", "a"]);
    }
}
