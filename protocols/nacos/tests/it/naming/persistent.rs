//! Persistent instances and the kind of a service.

use std::time::{Duration, Instant};

use rialto_nacos::naming::{ClusterForm, ServiceForm};
use tokio::net::TcpListener;

use super::*;

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

fn target(port: u16) -> Target<'static> {
    Target { ip: "10.0.0.1", port, cluster: "" }
}

#[test]
fn the_first_instance_decides_the_kind_of_a_service() {
    let lab = Lab::new();
    let words = |problem: Problem| (problem.status, problem.message);
    lab.register(Owner::Beat, form(1)).unwrap();
    assert_eq!(
        words(run(lab.naming.register_persistent(&gold(), form(2))).unwrap_err()),
        (
            400,
            "Current service DEFAULT_GROUP@@gold is ephemeral service, can't register persistent \
         instance."
                .to_owned()
        )
    );
    lab.deregister(Owner::Beat, 1);
    run(lab.naming.register_persistent(&gold(), form(2))).unwrap();
    for owner in [Owner::Beat, Owner::Connection(ONE)] {
        assert_eq!(words(lab.register(owner, form(1)).unwrap_err()), (400,
            "Current service DEFAULT_GROUP@@gold is persistent service, can't register ephemeral \
             instance.".to_owned()));
    }
    assert_eq!(lab.seen()["hosts"][0]["ephemeral"], false);
    assert!(!lab.naming.service(&gold()).unwrap().ephemeral);
    run(lab.naming.deregister_persistent(&gold(), target(2))).unwrap();
    run(lab.naming.deregister_persistent(&gold(), target(2))).unwrap();
    lab.register(Owner::Connection(ONE), form(1)).unwrap();
    assert_eq!(lab.ports(), [1]);
}

#[test]
fn a_service_made_by_hand_has_the_kind_that_it_was_made_with() {
    let lab = Lab::new();
    run(lab.naming.create_service(&gold(), ServiceForm::default())).unwrap();
    assert_eq!(lab.register(Owner::Beat, form(1)).unwrap_err().status, 400);
    run(lab.naming.register_persistent(&gold(), form(1))).unwrap();
    let silver = map::key("", "", "silver").unwrap();
    let ephemeral = ServiceForm { ephemeral: true, ..ServiceForm::default() };
    run(lab.naming.create_service(&silver, ephemeral)).unwrap();
    lab.naming.register(Owner::Beat, &silver, form(1)).unwrap();
    assert!(run(lab.naming.register_persistent(&silver, form(2))).is_err());
}

#[test]
fn persistent_instances_stay_whatever_time_passes() {
    let lab = Lab::new();
    run(lab.naming.register_persistent(&gold(), form(1))).unwrap();
    lab.pass(120_000);
    assert_eq!(lab.ports(), [1]);
    let moved = InstanceForm { cluster: "c1".into(), ..form(1) };
    run(lab.naming.register_persistent(&gold(), moved)).unwrap();
    assert_eq!(lab.seen()["hosts"].as_array().unwrap().len(), 1, "one address, one instance");
    assert_eq!(lab.seen()["hosts"][0]["clusterName"], "c1");
    assert_eq!(lab.naming.clients(), ["10.0.0.1:1#false", "100_192.0.2.2_1", "100_192.0.2.2_2"]);
}

#[test]
fn health_is_set_by_hand_only_where_nothing_checks_it() {
    let lab = Lab::new();
    run(lab.naming.register_persistent(&gold(), form(1))).unwrap();
    let refused = run(lab.naming.set_health(&gold(), target(1), false)).unwrap_err();
    assert_eq!(
        refused.message,
        "health check is still working, service: DEFAULT_GROUP@@gold, cluster: DEFAULT"
    );
    let unchecked = ClusterForm {
        cluster: "DEFAULT".into(),
        check_port: 80,
        use_instance_port: true,
        checker: "{\"type\":\"NONE\"}".into(),
        metadata: vec![pair("k", "v")],
    };
    run(lab.naming.update_cluster(&gold(), unchecked)).unwrap();
    run(lab.naming.set_health(&gold(), target(1), false)).unwrap();
    assert_eq!(lab.ports(), [1], "a service with settings protects: none is healthy, so all are");
    assert_eq!(lab.seen()["reachProtectionThreshold"], true);
    assert!(!lab.naming.instance(&gold(), target(1)).unwrap().healthy);
    run(lab.naming.set_health(&gold(), target(9), false)).unwrap();
    let service = lab.naming.service(&gold()).unwrap();
    assert_eq!(service.clusters[0].health_checker, serde_json::json!({"type": "NONE"}));
    assert_eq!(service.clusters[0].metadata, [pair("k", "v")]);
}

/// With the real clock, because checks really connect.
#[test]
fn health_is_found_out() {
    let clock: Arc<dyn rialto_engine::Clock> = Arc::new(rialto_engine::SystemClock::new());
    let engine = Engine::in_memory(clock, Telemetry::new());
    let naming = Naming::new(engine, Arc::new(Record::default()), &Telemetry::new());
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let form = InstanceForm { ip: "127.0.0.1".into(), ..form(port) };
        naming.register_persistent(&gold(), form).await.unwrap();
        let healthy = || naming.instances(&gold(), "")[0].healthy;
        let until = async |wanted: bool| {
            let end = Instant::now() + Duration::from_secs(30);
            while healthy() != wanted {
                assert!(Instant::now() < end, "healthy never became {wanted}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let work = async {
            assert!(healthy());
            drop(listener);
            until(false).await;
            let _listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
            until(true).await;
        };
        naming.run(work).await;
    });
}
