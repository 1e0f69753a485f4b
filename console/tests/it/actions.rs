//! What operators do to instances.

use http::StatusCode;
use rialto_catalog::{
    Command, DocumentKey, DocumentKind, InstanceSpec, Promise, Protocol, ServiceKey, Status,
};
use rialto_console::{Cluster, InstanceChange, ServiceFacts, Subscriber};

use crate::setup::Browser;

const PAGE: &str = "/services/public/default/stock";
const INSTANCE: [(&str, &str); 2] = [("protocol", "sdk"), ("id", "127.0.0.1:9001")];

async fn act(browser: &mut Browser, action: &str, reason: &str) -> String {
    let fields = [INSTANCE[0], INSTANCE[1], ("action", action), ("reason", reason)];
    let answer = browser.submit(PAGE, PAGE, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    answer.location().to_owned()
}

fn status(browser: &Browser, service: &ServiceKey) -> Option<(Status, bool)> {
    browser.engine.read(|state| {
        let instance = state.instance(service, Protocol::Sdk, "127.0.0.1:9001")?;
        Some((instance.status(), instance.overridden()))
    })
}

#[tokio::test]
async fn an_instance_is_taken_out_of_service_and_brought_back() {
    let mut browser = Browser::signed_in().await;
    let service = browser.register("stock", 9001);
    let to = act(&mut browser, "out_of_service", "  disk swap  ").await;
    assert_eq!(to, format!("{PAGE}?notice=out_of_service"));
    assert_eq!(status(&browser, &service), Some((Status::OutOfService, true)));
    let page = browser.get(&to).await.body;
    assert!(page.contains("Taken out of service") && page.contains("End override"));
    let event = &browser.telemetry.events().recent(1, None)[0];
    assert_eq!(event.detail, "out of service by admin: disk swap");

    let to = act(&mut browser, "end_override", "").await;
    assert_eq!(to, format!("{PAGE}?notice=end_override"));
    assert_eq!(status(&browser, &service), Some((Status::Up, false)));
}

#[tokio::test]
async fn deregistering_needs_a_reason_and_an_instance() {
    let mut browser = Browser::signed_in().await;
    let service = browser.register("stock", 9001);
    browser.register("stock", 9002);
    assert_eq!(act(&mut browser, "deregister", " ").await, format!("{PAGE}?notice=reason"));
    assert!(status(&browser, &service).is_some());
    assert_eq!(act(&mut browser, "deregister", "gone").await, format!("{PAGE}?notice=deregister"));
    assert!(status(&browser, &service).is_none());
    assert_eq!(act(&mut browser, "deregister", "gone").await, format!("{PAGE}?notice=gone"));
}

#[tokio::test]
async fn agreed_instances_are_changed_by_agreement() {
    let mut browser = Browser::signed_in().await;
    let service = browser.register("stock", 9002);
    let ttl = rialto_catalog::Millis(1);
    let mut spec = InstanceSpec::new("127.0.0.1:9001", Protocol::Sdk, "127.0.0.1", 9001, ttl);
    (spec.promise, spec.ttl) = (Promise::Agreed, None);
    let command = Command::Register { service: service.clone(), spec };
    browser.engine.propose(command).await.unwrap();
    act(&mut browser, "out_of_service", "test").await;
    assert_eq!(status(&browser, &service), Some((Status::OutOfService, true)));
}

#[tokio::test]
async fn an_override_of_a_eureka_instance_outlives_its_next_registration() {
    let mut browser = Browser::signed_in().await;
    let service = ServiceKey::named("stock").unwrap();
    let ttl = rialto_catalog::Millis(30_000);
    let spec = InstanceSpec::new("host:stock:1", Protocol::Eureka, "host", 1, ttl);
    let command = Command::Register { service, spec };
    browser.engine.own(|_, _| ([command], ())).unwrap();
    let key = DocumentKey::new(DocumentKind::StatusOverride, "host:stock:1").unwrap();
    for (action, stored) in [("out_of_service", Some("OUT_OF_SERVICE")), ("end_override", None)] {
        let fields = [
            ("protocol", "eureka"),
            ("id", "host:stock:1"),
            ("action", action),
            ("reason", "test"),
        ];
        browser.submit(PAGE, PAGE, &fields).await;
        let body = browser.engine.read(|state| state.document(&key).map(|one| one.body.clone()));
        assert_eq!(body.as_deref(), stored.map(str::as_bytes));
    }
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let mut browser = Browser::signed_in().await;
    let service = browser.register("stock", 9001);
    for csrf in ["", "x", &"x".repeat(43)] {
        let fields =
            [INSTANCE[0], INSTANCE[1], ("action", "deregister"), ("reason", "x"), ("csrf", csrf)];
        assert_eq!(browser.post(PAGE, &fields).await.status, StatusCode::CONFLICT);
    }
    let missing = browser.post(PAGE, &[("action", "deregister")]).await;
    assert!(missing.status.is_client_error());
    assert!(status(&browser, &service).is_some());
}

#[tokio::test]
async fn a_weight_is_set_where_it_can_be() {
    let mut browser = Browser::signed_in().await;
    let service = browser.register("stock", 9001);
    let set =
        |weight: &'static str| [INSTANCE[0], INSTANCE[1], ("action", "weight"), ("weight", weight)];
    for weight in ["", "x", "-1", "NaN", "100000"] {
        let answer = browser.submit(PAGE, PAGE, &set(weight)).await;
        assert_eq!(answer.location(), format!("{PAGE}?notice=weight"), "{weight}");
    }
    let answer = browser.submit(PAGE, PAGE, &set("0.5")).await;
    assert_eq!(answer.location(), format!("{PAGE}?notice=weight_set"));
    let weight = browser.engine.read(|state| {
        state.instance(&service, Protocol::Sdk, "127.0.0.1:9001").map(|one| one.weight())
    });
    assert_eq!(weight, Some(0.5));
    let event = &browser.telemetry.events().recent(1, None)[0];
    assert_eq!(event.detail, "weight 0.5 by admin");
}

#[tokio::test]
async fn what_is_decided_about_a_nacos_instance_is_told_its_door() {
    let mut browser = Browser::signed_in().await;
    let service = ServiceKey::named("stock").unwrap();
    let ttl = rialto_catalog::Millis(30_000);
    let spec = InstanceSpec::new("10.0.0.1#80#DEFAULT", Protocol::Nacos, "10.0.0.1", 80, ttl);
    browser.engine.own(|_, _| ([Command::Register { service, spec }], ())).unwrap();
    for (action, more, notice) in [
        ("weight", ("weight", "2"), "weight_set"),
        ("out_of_service", ("reason", "disk"), "out_of_service"),
        ("end_override", ("reason", ""), "end_override"),
    ] {
        let id = ("id", "10.0.0.1#80#DEFAULT");
        let fields = [("protocol", "nacos"), id, ("action", action), more];
        let answer = browser.submit(PAGE, PAGE, &fields).await;
        assert_eq!(answer.location(), format!("{PAGE}?notice={notice}"));
    }
    let told: Vec<_> = browser.door.lock().changes.iter().map(|(_, change)| *change).collect();
    let change = |weight, enabled| InstanceChange { weight, enabled };
    let expected = [change(Some(2.0), None), change(None, Some(false)), change(None, Some(true))];
    assert_eq!(told, expected);
    let gone = [("protocol", "nacos"), ("id", "gone"), ("action", "weight"), ("weight", "1")];
    let answer = browser.submit(PAGE, PAGE, &gone).await;
    assert_eq!(answer.location(), format!("{PAGE}?notice=gone"));
}

#[tokio::test]
async fn a_service_shows_its_subscribers_clusters_and_threshold() {
    let mut browser = Browser::signed_in().await;
    browser.register("stock", 9001);
    assert!(browser.get(PAGE).await.body.contains("Nobody is told of its changes"));
    {
        let mut door = browser.door.lock();
        door.subscribers = vec![Subscriber {
            protocol: Protocol::Nacos,
            address: "10.0.0.7:5001".to_owned(),
            client: "Nacos-Go-Client:<v2>".to_owned(),
            app: "shop".to_owned(),
            clusters: String::new(),
        }];
        let check_port = Some(9_100);
        let cluster =
            Cluster { name: "BLUE".to_owned(), checker: "HTTP /health".to_owned(), check_port };
        let clusters = vec![cluster];
        door.facts =
            Some(ServiceFacts { protect_threshold: 0.4, selector: "a=b".to_owned(), clusters });
    }
    let page = browser.get(PAGE).await.body;
    for text in
        ["10.0.0.7:5001", "Nacos-Go-Client:&#60;v2&#62;", "HTTP /health", "9100", "0.4", "a=b"]
    {
        assert!(page.contains(text), "{text}");
    }
}

#[tokio::test]
async fn unknown_actions_and_protocols_are_refused() {
    let mut browser = Browser::signed_in().await;
    browser.register("stock", 9001);
    let fields = [INSTANCE[0], INSTANCE[1], ("action", "explode"), ("reason", "x")];
    assert_eq!(browser.submit(PAGE, PAGE, &fields).await.status, StatusCode::NOT_FOUND);
    let fields = [("protocol", "x"), INSTANCE[1], ("action", "deregister"), ("reason", "x")];
    assert_eq!(browser.submit(PAGE, PAGE, &fields).await.status, StatusCode::NOT_FOUND);
}
