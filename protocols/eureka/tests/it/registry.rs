//! What clients see of one another: through listings, deltas and other doors.

use rialto_catalog::{
    Command, ExpiryMode, InstanceSpec, Millis, NetflixPolicy, Policy, Protocol, ServiceKey, Status,
};

use crate::client::call;
use crate::server::{NOW_MS, Server, instance};

fn ids(listing: &serde_json::Value) -> Vec<String> {
    let apps = listing["applications"]["application"].as_array().expect("an array");
    apps.iter()
        .flat_map(|app| app["instance"].as_array().expect("an array"))
        .map(|it| format!("{} {} {}", it["instanceId"], it["status"], it["actionType"]))
        .map(|text| text.replace('"', ""))
        .collect()
}

#[test]
fn a_delta_holds_each_change_once_and_for_three_minutes() {
    let (server, clock) = Server::held(Policy::default());
    server.register("A", "one");
    server.register("A", "two");
    server.call("DELETE", "/eureka/apps/A/one");
    server.register("B", "three");
    let delta = server.get_json("/eureka/apps/delta");
    assert_eq!(ids(&delta), ["two UP ADDED", "one UP DELETED", "three UP ADDED"]);
    assert_eq!(delta["applications"]["apps__hashcode"], "UP_2_");
    clock.advance(Millis(100_000));
    server.call("PUT", "/eureka/apps/A/two/status?value=OUT_OF_SERVICE");
    clock.advance(Millis(79_999));
    assert_eq!(ids(&server.get_json("/eureka/apps/delta")).len(), 3);
    clock.advance(Millis(1));
    let delta = server.get_json("/eureka/apps/delta");
    assert_eq!(ids(&delta), ["two OUT_OF_SERVICE MODIFIED"]);
    assert_eq!(delta["applications"]["apps__hashcode"], "OUT_OF_SERVICE_1_UP_1_");
    clock.advance(Millis(100_000));
    assert_eq!(ids(&server.get_json("/eureka/apps/delta")).len(), 0);
}

#[test]
fn a_delta_has_a_new_version_whenever_something_changed() {
    let server = Server::start();
    let version = || {
        let delta = server.get_json("/eureka/apps/delta");
        let text = delta["applications"]["versions__delta"].as_str().expect("a text").to_owned();
        text.parse::<u64>().expect("a number")
    };
    server.register("A", "one");
    let mut before = version();
    assert_eq!(version(), before, "nothing changed");
    for _ in 0..3 {
        // One goes and another comes, so the hash is the same.
        server.call("DELETE", "/eureka/apps/A/one");
        server.register("A", "one");
        let after = version();
        assert!(after > before, "{after} after {before}");
        before = after;
    }
    server.call("PUT", "/eureka/apps/A/one");
    assert_eq!(version(), before, "a heartbeat is no change");
}

#[test]
fn an_expired_instance_leaves_the_listing_and_is_deleted_in_the_delta() {
    let (server, clock) = Server::held(Policy::default());
    server.post("A", &instance("A", "short", ",\"leaseInfo\":{\"durationInSecs\":3}"));
    server.register("A", "long");
    clock.advance(Millis(2_000));
    assert_eq!(server.call("PUT", "/eureka/apps/A/short").status, 200);
    clock.advance(Millis(2_900));
    server.engine.tick();
    assert_eq!(server.get("/eureka/apps/A/short").status, 200, "renewed in time");
    clock.advance(Millis(200));
    server.engine.tick();
    assert_eq!(server.get("/eureka/apps/A/short").status, 404);
    assert_eq!(server.call("PUT", "/eureka/apps/A/short").status, 404, "it has to register");
    let delta = server.get_json("/eureka/apps/delta");
    assert_eq!(ids(&delta), ["long UP ADDED", "short UP DELETED"]);
    assert_eq!(ids(&server.get_json("/eureka/apps")), ["long UP ADDED"]);
}

#[test]
fn instances_of_other_doors_are_shown_but_cannot_be_touched() {
    let server = Server::start();
    let service = ServiceKey::named("Stock").unwrap();
    let mut spec =
        InstanceSpec::new("sdk-1", Protocol::Sdk, "10.1.2.3", 9000, Millis::from_secs(10));
    spec.metadata = vec![("version".to_owned(), "7".to_owned())];
    spec.zone = "z1".to_owned();
    server
        .engine
        .apply(Command::Register { service: service.clone(), spec: spec.clone() })
        .unwrap();
    let shown = server.get_json("/eureka/apps/STOCK/10.1.2.3:Stock:9000");
    let shown = &shown["instance"];
    assert_eq!(shown["app"], "STOCK");
    assert_eq!(shown["vipAddress"], "Stock");
    assert_eq!(shown["port"]["$"], 9000);
    assert_eq!(shown["metadata"]["registered-by"], "sdk");
    assert_eq!(shown["metadata"]["version"], "7");
    assert_eq!(shown["metadata"]["zone"], "z1");
    assert_eq!(ids(&server.get_json("/eureka/apps")), ["10.1.2.3:Stock:9000 UP ADDED"]);
    assert_eq!(ids(&server.get_json("/eureka/vips/Stock")).len(), 1);
    assert_eq!(server.get("/eureka/instances/10.1.2.3:Stock:9000").status, 200);
    for (method, path) in [
        ("PUT", "/eureka/apps/STOCK/10.1.2.3:Stock:9000"),
        ("PUT", "/eureka/apps/STOCK/sdk-1"),
        ("DELETE", "/eureka/apps/STOCK/sdk-1"),
        ("PUT", "/eureka/apps/STOCK/sdk-1/status?value=DOWN"),
        ("PUT", "/eureka/apps/STOCK/sdk-1/metadata?a=b"),
    ] {
        assert_eq!(server.call(method, path).status, 404, "{method} {path}");
    }
    spec.status = Status::Down;
    server.engine.apply(Command::Update { service, spec }).unwrap();
    let delta = server.get_json("/eureka/apps/delta");
    assert_eq!(ids(&delta), ["10.1.2.3:Stock:9000 DOWN MODIFIED"]);
    assert_eq!(delta["applications"]["apps__hashcode"], "DOWN_1_");
}

#[test]
fn a_eureka_instance_is_an_ordinary_one_for_other_doors() {
    let server = Server::start();
    let more = ",\"metadata\":{\"zone\":\"z9\",\"weight\":\"2.5\"},\"status\":\"UP\"";
    assert_eq!(server.post("Pay-Roll", &instance("PAY-ROLL", "i", more)).status, 204);
    let service = ServiceKey::named("pay-roll").unwrap();
    server.engine.read(|state| {
        let instance = state.instance(&service, Protocol::Eureka, "i").expect("it is registered");
        assert_eq!((instance.host(), instance.port()), ("10.0.0.1", 8080));
        assert_eq!((instance.zone(), instance.weight()), ("z9", 2.5));
        assert!(instance.available());
    });
    server.call("PUT", "/eureka/apps/PAY-ROLL/i/status?value=OUT_OF_SERVICE");
    server.engine.read(|state| {
        let instance = state.instance(&service, Protocol::Eureka, "i").expect("it is registered");
        assert!(!instance.available() && instance.overridden());
    });
}

#[test]
fn a_change_is_in_the_very_next_fetch_in_every_form() {
    let server = Server::start();
    let forms = [
        ("application/json", "full", "identity"),
        ("application/json", "full", "gzip"),
        ("application/json", "compact", "gzip"),
        ("application/xml", "full", "gzip"),
        ("application/xml", "compact", "identity"),
    ];
    for number in 0..300 {
        let id = format!("id-{number}");
        let app = format!("APP{}", number % 7);
        assert_eq!(server.register(&app, &id), 204);
        let (accept, style, encoding) = forms[number % forms.len()];
        let headers =
            [("Accept", accept), ("X-Eureka-Accept", style), ("Accept-Encoding", encoding)];
        let path = if number % 2 == 0 { "/eureka/apps" } else { "/eureka/apps/delta" };
        let text = call(server.address, "GET", path, &headers, None).text();
        assert!(text.contains(&id), "{id} is not in {accept} {style} {encoding}");
    }
    let listing = server.get_json("/eureka/apps/");
    assert_eq!(ids(&listing).len(), 300);
    assert_eq!(listing["applications"]["apps__hashcode"], "UP_300_");
    let compact = call(
        server.address,
        "GET",
        "/eureka/apps",
        &[("Accept", "application/json"), ("X-Eureka-Accept", "compact")],
        None,
    );
    let compact: serde_json::Value = serde_json::from_slice(&compact.body).unwrap();
    assert_eq!(ids(&compact), ids(&listing));
}

#[test]
fn netflix_mode_tells_netflix_times_and_says_so() {
    for (expiry, word, lie) in [
        (ExpiryMode::Exact, "exact", 0),
        (ExpiryMode::Netflix(NetflixPolicy::default()), "netflix", 90_000),
    ] {
        let (server, clock) = Server::held(Policy { expiry, ..Policy::default() });
        server.register("A", "i");
        clock.advance(Millis(5_000));
        server.call("PUT", "/eureka/apps/A/i");
        let lease = server.get_json("/eureka/apps/A/i")["instance"]["leaseInfo"].clone();
        assert_eq!(lease["registrationTimestamp"], NOW_MS);
        assert_eq!(lease["lastRenewalTimestamp"], NOW_MS + 5_000 + lie);
        let status = server.get_json("/eureka/status");
        assert_eq!(status["generalStats"]["lease-expiry"], word);
        assert_eq!(status["generalStats"]["instances-by-status"], "UP_1_");
        assert_eq!(status["instanceInfo"]["app"], "EUREKA");
    }
}

#[test]
fn lease_times_of_a_listing_are_at_most_three_minutes_old() {
    let (server, clock) = Server::held(Policy::default());
    server.post("A", &instance("A", "i", ",\"leaseInfo\":{\"durationInSecs\":900}"));
    let renewed = |path: &str| {
        let listing = server.get_json(path);
        let instance = &listing["applications"]["application"][0]["instance"][0];
        instance["leaseInfo"]["lastRenewalTimestamp"].as_u64().expect("a number") - NOW_MS
    };
    assert_eq!(renewed("/eureka/apps"), 0);
    clock.advance(Millis(100_000));
    server.call("PUT", "/eureka/apps/A/i");
    assert_eq!(renewed("/eureka/apps"), 0, "nothing changed, so nothing is written again");
    clock.advance(Millis(80_000));
    assert_eq!(renewed("/eureka/apps"), 100_000);
    assert_eq!(renewed("/eureka/vips/vip-A"), 100_000);
}
