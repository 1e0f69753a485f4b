//! Which instances of a service a client gets to see, and what of them: the real server's
//! `ServiceUtil`, with its order of steps.

use std::collections::HashSet;
use std::sync::Arc;

use rialto_catalog::{Instance, Promise, Protocol, Status};

use super::settings::Settings;
use crate::map::{Payload, cluster_of};

/// An instance as Nacos's clients see it, whatever protocol it came by.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) instance: &'a Instance,
    pub(super) cluster: &'a str,
    pub(super) port: u16,
    pub(super) healthy: bool,
    pub(super) enabled: bool,
    pub(super) ephemeral: bool,
    /// Identifier, when the client makes its own.
    pub(super) own_id: Option<String>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Comma-separated; blank is all.
    pub(super) clusters: &'a str,
    pub(super) healthy_only: bool,
    /// Whether what wants no traffic is left out.
    pub(super) enabled_only: bool,
}

/// The chosen instances, and whether all are given as healthy because too few are.
pub(super) fn select<'a>(
    instances: &'a [Arc<Instance>],
    wanted: Wanted<'_>,
    settings: Option<&Settings>,
) -> (Vec<Seen<'a>>, bool) {
    let twins = twins(instances);
    let clusters: Vec<&str> = wanted.clusters.split(',').collect();
    let every = wanted.clusters.trim().is_empty();
    let mut chosen = Vec::with_capacity(instances.len());
    let mut healthy = 0_usize;
    for instance in instances {
        if instance.protocol() != Protocol::Nacos && twins.contains(&address(instance)) {
            continue;
        }
        let seen = see(instance);
        let asked = every || clusters.contains(&seen.cluster);
        if !asked || (wanted.enabled_only && !seen.enabled) {
            continue;
        }
        healthy += usize::from(seen.healthy);
        if seen.healthy || !wanted.healthy_only {
            chosen.push(seen);
        }
    }
    // Services that nobody configured have no protection at all, not even one of 0. The share is
    // of those that are left, as it is there: 0 of 0 is no number and never small enough.
    let threshold = settings.map(|settings| settings.protect_threshold.max(0.0));
    let protects = threshold.is_some_and(|most| healthy as f32 / chosen.len() as f32 <= most);
    if protects {
        chosen.iter_mut().for_each(|seen| seen.healthy = true);
    }
    (chosen, protects)
}

/// How an instance is seen.
pub(super) fn see(instance: &Instance) -> Seen<'_> {
    let seen = Seen {
        instance,
        cluster: cluster_of(instance),
        port: address(instance).1,
        healthy: matches!(instance.status(), Status::Up | Status::OutOfService),
        enabled: instance.status() != Status::OutOfService,
        ephemeral: true,
        own_id: None,
    };
    if instance.protocol() != Protocol::Nacos {
        return seen;
    }
    let payload = Payload::of(instance);
    let ephemeral = instance.promise() == Promise::Ephemeral;
    if instance.overridden() {
        return Seen { ephemeral, own_id: payload.instance_id, ..seen };
    }
    Seen {
        healthy: payload.healthy && !instance.lapsed(),
        enabled: payload.enabled,
        ephemeral,
        own_id: payload.instance_id,
        ..seen
    }
}

fn address(instance: &Instance) -> (&str, u16) {
    let port = match (instance.port(), instance.secure_port()) {
        (0, Some(secure)) => secure,
        (port, _) => port,
    };
    (instance.host(), port)
}

/// Addresses that came by Nacos, when some came by other protocols: a process that registers by two
/// protocols is one instance, and what it says here counts.
fn twins(instances: &[Arc<Instance>]) -> HashSet<(&str, u16)> {
    let of_nacos = |one: &&Arc<Instance>| one.protocol() == Protocol::Nacos;
    if instances.iter().filter(of_nacos).count() == instances.len() {
        return HashSet::new();
    }
    instances.iter().filter(of_nacos).map(|one| address(one)).collect()
}

#[cfg(test)]
mod tests {
    use rialto_catalog::{Command, InstanceSpec, Millis, Policy, ServiceKey, State, Timestamp};

    use super::*;
    use crate::map::{InstanceForm, Life, spec_of};

    fn instances(forms: Vec<InstanceForm>, more: Vec<InstanceSpec>) -> Arc<[Arc<Instance>]> {
        let (mut state, service) = (State::new(Policy::default()), ServiceKey::named("s").unwrap());
        let own = forms.into_iter().map(|form| spec_of(form, Life::Connection(1), None));
        for spec in own.chain(more) {
            let command = Command::Register { service: service.clone(), spec };
            state.apply(Timestamp(1), command).unwrap();
        }
        Arc::clone(state.service(&service).unwrap().instances())
    }

    fn form(port: u16, healthy: bool) -> InstanceForm {
        InstanceForm { ip: "10.0.0.1".into(), port, healthy, ..InstanceForm::default() }
    }

    fn all() -> Wanted<'static> {
        Wanted { clusters: "", healthy_only: false, enabled_only: true }
    }

    #[track_caller]
    fn check(
        instances: &[Arc<Instance>],
        wanted: Wanted<'_>,
        threshold: Option<f32>,
        expected: (&[u16], bool),
    ) {
        let settings = threshold
            .map(|protect_threshold| Settings { protect_threshold, ..Settings::default() });
        let (seen, protects) = select(instances, wanted, settings.as_ref());
        let ports: Vec<u16> = seen.iter().map(|seen| seen.port).collect();
        assert_eq!((&*ports, protects), expected);
        assert!(!protects || seen.iter().all(|seen| seen.healthy));
    }

    #[test]
    fn clusters_and_enabled() {
        let other = InstanceForm { cluster: "c1".into(), ..form(2, true) };
        let off = InstanceForm { enabled: false, ..form(3, true) };
        let instances = instances(vec![form(1, true), other, off], vec![]);
        check(&instances, all(), None, (&[1, 2], false));
        check(&instances, Wanted { clusters: "c1", ..all() }, None, (&[2], false));
        check(&instances, Wanted { clusters: "c1,DEFAULT", ..all() }, None, (&[1, 2], false));
        check(&instances, Wanted { clusters: "c2", ..all() }, None, (&[], false));
        check(&instances, Wanted { enabled_only: false, ..all() }, None, (&[1, 2, 3], false));
    }

    #[test]
    fn protection_gives_all_as_healthy() {
        let instances = instances(vec![form(1, true), form(2, false), form(3, false)], vec![]);
        check(&instances, all(), None, (&[1, 2, 3], false));
        check(&instances, all(), Some(0.3), (&[1, 2, 3], false));
        check(&instances, all(), Some(0.34), (&[1, 2, 3], true));
        let healthy = Wanted { healthy_only: true, ..all() };
        check(&instances, healthy, Some(0.3), (&[1], false));
        check(&instances, healthy, None, (&[1], false));
    }

    #[test]
    fn a_threshold_of_zero_protects_when_none_is_healthy() {
        let sick = instances(vec![form(1, false), form(2, false)], vec![]);
        check(&sick, all(), None, (&[1, 2], false));
        check(&sick, all(), Some(0.0), (&[1, 2], true));
        check(&sick, all(), Some(-1.0), (&[1, 2], true));
        check(&[], all(), Some(1.0), (&[], false));
    }

    #[test]
    fn other_protocols_are_seen_unless_twins() {
        let eureka = |id: &str, host: &str, status| InstanceSpec {
            status,
            ..InstanceSpec::new(id, Protocol::Eureka, host, 1, Millis(30_000))
        };
        let more = vec![
            eureka("a", "10.0.0.1", Status::Up),
            eureka("b", "10.0.0.2", Status::Down),
            eureka("c", "10.0.0.3", Status::OutOfService),
        ];
        let instances = instances(vec![form(1, true)], more);
        let (seen, _) = select(&instances, all(), None);
        let found: Vec<_> =
            seen.iter().map(|seen| (seen.instance.host(), seen.healthy, seen.ephemeral)).collect();
        assert_eq!(found, [("10.0.0.1", true, true), ("10.0.0.2", false, true)]);
    }
}
