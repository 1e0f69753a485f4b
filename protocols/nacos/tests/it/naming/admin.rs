//! What operators change and look at.

use rialto_nacos::Code;
use rialto_nacos::naming::{InstanceChange, ServiceForm};
use serde_json::json;

use super::*;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn target() -> Target<'static> {
    Target { ip: "10.0.0.1", port: 1, cluster: "" }
}

fn weighing(weight: f64) -> InstanceChange {
    InstanceChange { weight: Some(weight), ..InstanceChange::default() }
}

/// Sweeps, which looks no more often than every minute.
fn sweep(lab: &Lab) {
    lab.pass(61_000);
    run(lab.naming.sweep());
}

#[test]
fn an_operators_change_outlives_the_connection() {
    let lab = Lab::new();
    let own = InstanceForm { metadata: vec![pair("zone", "a"), pair("v", "1")], ..form(1) };
    lab.register(Owner::Connection(ONE), own.clone()).unwrap();
    let change = InstanceChange {
        weight: Some(5.0),
        enabled: Some(true),
        metadata: Some(vec![pair("zone", "b"), pair("by", "hand")]),
    };
    run(lab.naming.update_instance(&gold(), target(), change)).unwrap();
    let host = |lab: &Lab| {
        let host = &lab.seen()["hosts"][0];
        (host["weight"].clone(), host["metadata"].clone())
    };
    let changed = (json!(5.0), json!({"zone":"b","v":"1","by":"hand"}));
    assert_eq!(host(&lab), changed);
    lab.naming.end(ONE);
    lab.register(Owner::Connection(TWO), own.clone()).unwrap();
    assert_eq!(host(&lab), changed, "whoever registers it");
    run(lab.naming.patch_instance(&gold(), target(), weighing(7.0))).unwrap();
    assert_eq!(host(&lab), (json!(7.0), changed.1), "what is absent stays");
    run(lab.naming.update_instance(&gold(), target(), weighing(8.0))).unwrap();
    assert_eq!(host(&lab), (json!(8.0), json!({"zone":"a","v":"1"})), "and here it does not");
    sweep(&lab);
    sweep(&lab);
    assert_eq!(host(&lab).0, json!(8.0), "while it is there, so is the change");
    lab.naming.end(TWO);
    sweep(&lab);
    lab.begin(ONE);
    lab.register(Owner::Connection(ONE), own.clone()).unwrap();
    assert_eq!(host(&lab).0, json!(8.0), "and for a minute after it");
    lab.naming.end(ONE);
    sweep(&lab);
    sweep(&lab);
    lab.begin(ONE);
    lab.register(Owner::Connection(ONE), own).unwrap();
    assert_eq!(host(&lab).0, json!(1.0));
}

#[test]
fn nothing_is_kept_of_a_service_that_is_gone() {
    let lab = Lab::new();
    lab.register(Owner::Connection(ONE), form(1)).unwrap();
    assert_eq!(lab.ports(), [1]);
    sweep(&lab);
    assert_eq!(lab.naming.views_len(), 1, "it is there");
    lab.naming.end(ONE);
    sweep(&lab);
    assert_eq!(lab.naming.views_len(), 0);
}

#[test]
fn taking_out_of_traffic_and_back() {
    let lab = Lab::new();
    lab.register(Owner::Beat, form(1)).unwrap();
    let enabled = |enabled| InstanceChange { enabled: Some(enabled), ..InstanceChange::default() };
    run(lab.naming.patch_instance(&gold(), target(), enabled(false))).unwrap();
    assert!(lab.ports().is_empty());
    assert!(!lab.naming.instance(&gold(), target()).unwrap().enabled);
    run(lab.naming.patch_instance(&gold(), target(), enabled(true))).unwrap();
    assert_eq!(lab.ports(), [1]);
}

#[test]
fn changes_that_cannot_be() {
    let lab = Lab::new();
    let update = |change| run(lab.naming.update_instance(&gold(), target(), change));
    let patch = |change| run(lab.naming.patch_instance(&gold(), target(), change));
    assert_eq!(update(weighing(2.0)).unwrap_err().status, 400, "there is no such service");
    assert_eq!(patch(weighing(2.0)).unwrap_err().status, 404);
    lab.register(Owner::Beat, form(2)).unwrap();
    assert_eq!(update(weighing(2.0)), Ok(()), "an instance may come later");
    lab.register(Owner::Beat, form(1)).unwrap();
    assert_eq!(lab.naming.instance(&gold(), target()).unwrap().weight, 2.0);
    assert_eq!(patch(weighing(-1.0)).unwrap_err().code, Code::Weight);
    let long = InstanceChange {
        metadata: Some(vec![pair("k", &"v".repeat(2_000))]),
        ..InstanceChange::default()
    };
    assert_eq!(patch(long).unwrap_err().code, Code::ParameterInvalid);
}

#[test]
fn metadata_of_many_at_once() {
    let lab = Lab::new();
    lab.naming.register_batch(ONE, &gold(), vec![form(1), form(2)]).unwrap();
    let change = |targets: &[Target<'_>], metadata: &[(String, String)], remove| {
        run(lab.naming.change_metadata(&gold(), targets, None, metadata, remove)).unwrap()
    };
    let all = change(&[], &[pair("k", "v")], false);
    assert_eq!(
        all,
        ["10.0.0.1:1:unknown:DEFAULT:ephemeral", "10.0.0.1:2:unknown:DEFAULT:ephemeral"]
    );
    assert_eq!(change(&[target()], &[pair("k", "")], true).len(), 1);
    let nobody = Target { port: 9, ..target() };
    assert!(change(&[nobody], &[pair("k", "x")], false).is_empty());
    let metadata: Vec<_> =
        lab.naming.instances(&gold(), "").into_iter().map(|one| one.metadata).collect();
    assert_eq!(metadata, [vec![], vec![pair("k", "v")]]);
    let none = run(lab.naming.change_metadata(&gold(), &[], Some(false), &[], false)).unwrap();
    assert!(none.is_empty(), "there are no persistent ones");
}

#[test]
fn services_are_made_changed_and_removed() {
    let lab = Lab::new();
    let form = |threshold| ServiceForm {
        protect_threshold: threshold,
        metadata: vec![pair("o", "x")],
        ephemeral: true,
        ..ServiceForm::default()
    };
    let words = |problem: Problem| (problem.code, problem.message);
    assert_eq!(words(lab.naming.service(&gold()).unwrap_err()).0, Code::ServiceNotFound);
    assert!(run(lab.naming.update_service(&gold(), form(0.5))).is_err());
    assert!(run(lab.naming.remove_service(&gold())).is_err());
    run(lab.naming.create_service(&gold(), form(0.5))).unwrap();
    assert_eq!(
        words(run(lab.naming.create_service(&gold(), form(0.5))).unwrap_err()),
        (Code::ServiceExists, "specified service DEFAULT_GROUP@@gold already exists!".to_owned())
    );
    lab.register(Owner::Beat, super::form(1)).unwrap();
    let sick = InstanceForm { healthy: false, ..super::form(2) };
    lab.register(Owner::Beat, sick).unwrap();
    assert_eq!(lab.ports(), [1, 2], "half of them is few enough");
    assert_eq!(lab.seen()["reachProtectionThreshold"], true);
    run(lab.naming.update_service(&gold(), form(0.4))).unwrap();
    assert_eq!(lab.ports(), [1, -2], "a change of settings is seen at once");
    let service = lab.naming.service(&gold()).unwrap();
    assert_eq!((service.protect_threshold, &*service.metadata), (0.4, &[pair("o", "x")][..]));
    assert_eq!(run(lab.naming.remove_service(&gold())).unwrap_err().code, Code::ServiceNotEmpty);
    lab.deregister(Owner::Beat, 1);
    lab.deregister(Owner::Beat, 2);
    assert!(lab.naming.service(&gold()).is_ok(), "it was made, so it stays without instances");
    run(lab.naming.remove_service(&gold())).unwrap();
    assert!(lab.naming.service(&gold()).is_err());
}

#[test]
fn a_service_that_stays_empty_is_forgotten() {
    let lab = Lab::new();
    run(lab.naming.create_service(&gold(), ServiceForm::default())).unwrap();
    sweep(&lab);
    assert!(lab.naming.service(&gold()).is_ok(), "not at once");
    sweep(&lab);
    assert!(lab.naming.service(&gold()).is_err());
    lab.register(Owner::Beat, form(1)).unwrap();
    assert!(lab.naming.service(&gold()).unwrap().ephemeral, "nor is its kind remembered");
}

#[test]
fn lists_of_services() {
    let lab = Lab::new();
    let key = |group: &str, name: &str| map::key("public", group, name).unwrap();
    for name in ["a1", "a2", "a3", "b1"] {
        lab.naming.register(Owner::Beat, &key("", name), form(1)).unwrap();
    }
    lab.naming.register(Owner::Beat, &key("G", "a1"), form(1)).unwrap();
    let names = |page, size| lab.naming.service_names("public", "DEFAULT_GROUP", page, size);
    assert_eq!(
        (names(1, 3).count, names(1, 3).items),
        (4, vec!["a1".into(), "a2".into(), "a3".into()])
    );
    assert_eq!(names(2, 3).items, ["b1"]);
    assert!(names(3, 3).items.is_empty());
    assert_eq!(lab.naming.service_names("", "", 0, 9).count, 4);
    let rows = lab.naming.services("public", ("", "a"), true, 1, 10);
    assert_eq!(rows.count, 4);
    assert_eq!(lab.naming.services("public", ("G", ""), false, 1, 10).count, 5);
    assert_eq!(lab.naming.services("public", ("_GR", "b"), false, 1, 10).items[0].name, "b1");
    assert_eq!((rows.items[0].ip_count, rows.items[0].healthy_instance_count), (1, 1));
    assert_eq!(lab.naming.grouped_names(Some("public")).len(), 5);
}

#[test]
fn lists_of_clients() {
    let lab = Lab::new();
    lab.register(Owner::Connection(ONE), form(1)).unwrap();
    lab.register(Owner::Beat, form(2)).unwrap();
    lab.naming.subscribe(TWO, &gold(), "c1").unwrap();
    let connection = "100_192.0.2.2_1";
    assert_eq!(lab.naming.clients(), ["10.0.0.1:2#true", connection, "100_192.0.2.2_2"]);
    let client = lab.naming.client(connection).unwrap();
    assert_eq!((&*client.version, client.client_port), ("Nacos-Java-Client:v3.0.3", 1));
    let beating = lab.naming.client("10.0.0.1:2#true").unwrap();
    assert_eq!(
        (beating.ephemeral, &*beating.client_ip, beating.client_port),
        (true, "10.0.0.1", 2)
    );
    assert!(lab.naming.client("nobody").is_none());
    let ports = |rows: Option<Vec<rialto_nacos::naming::PublisherRow>>| {
        rows.map(|rows| rows.iter().map(|row| row.port).collect::<Vec<_>>())
    };
    assert_eq!(ports(lab.naming.published_by(connection)), Some(vec![1]));
    assert_eq!(ports(lab.naming.published_by("10.0.0.1:2#true")), Some(vec![2]));
    assert_eq!(ports(lab.naming.published_by("nobody")), None);
    let subscribed = lab.naming.subscribed_by("100_192.0.2.2_2").unwrap();
    assert_eq!((&*subscribed[0].service_name, &*subscribed[0].cluster), ("gold", "c1"));
    assert_eq!(lab.naming.publishers(&gold()).len(), 2);
    let subscribers = lab.naming.subscribers(&gold(), false);
    assert_eq!(subscribers.len(), 1);
    assert_eq!(
        (&*subscribers[0].app, &*subscribers[0].service_name),
        ("shop", "DEFAULT_GROUP@@gold")
    );
    let similar = map::key("", "DEFAULT_G", "ol").unwrap();
    assert_eq!(lab.naming.subscribers(&similar, true).len(), 1);
    let metrics = lab.naming.metrics();
    assert_eq!((metrics.instance_count, metrics.subscribe_count, metrics.client_count), (2, 1, 3));
}
