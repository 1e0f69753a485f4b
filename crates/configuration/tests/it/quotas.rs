//! Quotas: off unless enabled, defaults, and exceptions.

use rialto_configuration::{
    Capacity, Command, ConfigKey, Policy, Publish, QuotaKind, Quotas, Refused, Scope,
};

use crate::support::{Rig, beta, publish};

fn rig(quotas: Quotas) -> Rig {
    Rig::with(Policy { hash_seed: 7, quotas })
}

fn enabled() -> Quotas {
    Quotas { enabled: true, cluster_max: 5, namespace_max: 2, group_max: 2, bytes_max: 4 }
}

fn in_namespace(namespace: &str, group: &str, data_id: &str) -> Publish {
    Publish { key: ConfigKey::new(namespace, group, data_id).unwrap(), ..publish("a", "x") }
}

fn over(kind: QuotaKind, max: u64) -> Result<rialto_configuration::Outcome, Refused> {
    Err(Refused::Quota { kind, max })
}

#[test]
fn without_being_enabled_nothing_is_refused() {
    let mut rig = rig(Quotas { enabled: false, ..enabled() });
    for number in 0..10 {
        assert!(rig.publish(publish(&number.to_string(), "longer than four")).is_ok());
    }
}

#[test]
fn groups_of_the_public_namespace_and_other_namespaces_have_their_own() {
    let mut rig = rig(enabled());
    assert_eq!(rig.publish(publish("a", "12345")), over(QuotaKind::Size, 4));
    for data_id in ["a", "b"] {
        rig.publish(publish(data_id, "1")).unwrap();
    }
    assert_eq!(rig.publish(publish("c", "1")), over(QuotaKind::Group, 2));
    assert!(rig.publish(publish("a", "2")).is_ok(), "what is there may change");
    assert!(rig.publish(beta("b", "2", "10.0.0.1")).is_ok(), "gray versions are not counted");
    rig.publish(in_namespace("ns", "G", "a")).unwrap();
    rig.publish(in_namespace("ns", "H", "a")).unwrap();
    assert_eq!(rig.publish(in_namespace("ns", "I", "a")), over(QuotaKind::Namespace, 2));
    rig.publish(in_namespace("other", "G", "a")).unwrap();
    assert_eq!(rig.publish(in_namespace("other", "G", "b")), over(QuotaKind::Cluster, 5));
}

#[test]
fn commands_of_one_batch_count_each_other() {
    let rig = rig(enabled());
    let mut batch = rig.state.batch();
    let mut put = |data_id: &str| batch.apply(1, Command::Publish(Box::new(publish(data_id, "1"))));
    assert!(put("a").is_ok() && put("b").is_ok());
    assert_eq!(put("c"), over(QuotaKind::Group, 2));
}

#[test]
fn exceptions_replace_the_defaults_until_they_are_removed() {
    let mut rig = rig(enabled());
    let scope = Scope::Group("G".to_owned());
    let set = |rig: &mut Rig, capacity| {
        rig.run(Command::SetCapacity { scope: Scope::Group("G".to_owned()), capacity }).unwrap();
    };
    set(&mut rig, Some(Capacity { configs_max: 3, bytes_max: 0 }));
    for data_id in ["a", "b", "c"] {
        rig.publish(publish(data_id, "1")).unwrap();
    }
    assert_eq!(rig.publish(publish("d", "1")), over(QuotaKind::Group, 3));
    let usage = rig.state.usage(&scope);
    assert_eq!((usage.used, usage.capacity), (3, Capacity { configs_max: 3, bytes_max: 4 }));
    set(&mut rig, None);
    assert_eq!(rig.publish(publish("d", "1")), over(QuotaKind::Group, 2));
    assert_eq!(rig.state.exception(&scope), None);
}
