//! Naming, renaming and forgetting namespaces, and lists of one of them.

use http::StatusCode;
use rialto_catalog::{Command, InstanceSpec, Millis, Protocol, ServiceKey};
use rialto_configuration::ConfigKey;

use crate::setup::Browser;

const PAGE: &str = "/namespaces";

async fn act(browser: &mut Browser, action: &str, id: &str, name: &str) -> (StatusCode, String) {
    let fields = [("action", action), ("id", id), ("name", name), ("description", "of <tests>")];
    let answer = browser.submit(PAGE, PAGE, &fields).await;
    let said = if answer.location().is_empty() { &answer.body } else { answer.location() };
    (answer.status, said.to_owned())
}

#[tokio::test]
async fn a_namespace_is_created_renamed_and_removed() {
    let mut browser = Browser::signed_in().await;
    let created = act(&mut browser, "create", "team-a", "Team A").await;
    assert_eq!(created.1, "/namespaces?notice=namespace_created");
    let page = browser.get(&created.1).await.body;
    assert!(page.contains("Team A") && page.contains("Namespace created."));
    assert!(page.contains("of &#60;tests&#62;") && !page.contains("<tests>"));
    let renamed = act(&mut browser, "rename", "team-a", "The A team").await;
    assert_eq!(renamed.1, "/namespaces?notice=namespace_renamed");
    assert!(browser.get(PAGE).await.body.contains("The A team"));
    let removed = act(&mut browser, "remove", "team-a", "").await;
    assert_eq!(removed.1, "/namespaces?notice=namespace_removed");
    assert!(!browser.get(PAGE).await.body.contains("team-a"));
    let events = browser.telemetry.events().recent(3, None);
    let details: Vec<&str> = events.iter().map(|event| event.detail.as_str()).collect();
    assert_eq!(
        details,
        ["namespace removed by admin", "namespace renamed by admin", "namespace created by admin"]
    );
}

#[tokio::test]
async fn a_namespace_that_holds_something_stays() {
    let mut browser = Browser::signed_in().await;
    for id in ["with-services", "with-configurations"] {
        act(&mut browser, "create", id, id).await;
    }
    let service = ServiceKey::new("with-services", "g", "s").unwrap();
    let spec = InstanceSpec::new("a", Protocol::Sdk, "a", 1, Millis(30_000));
    browser.engine.own(|_, _| ([Command::Register { service, spec }], ())).unwrap();
    let key = ConfigKey::new("with-configurations", "G", "a").unwrap();
    browser.publish_with("a", "a: 1", |publish| publish.key = key).await;
    for id in ["with-services", "with-configurations"] {
        let (status, said) = act(&mut browser, "remove", id, "").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(said.contains("cannot be removed while"), "{id}");
        assert!(browser.engine.namespace(id).is_some());
    }
}

#[tokio::test]
async fn what_cannot_be_is_said_and_what_was_written_is_kept() {
    let mut browser = Browser::signed_in().await;
    for (id, name, said) in [
        ("a b", "A", "letters, digits"),
        ("public", "A", "always there"),
        ("a", "  ", "1 to 256 characters"),
    ] {
        let (status, body) = act(&mut browser, "create", id, name).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
        assert!(body.contains(said) && body.contains("value=\"of &#60;tests&#62;\""), "{id}");
    }
    act(&mut browser, "create", "a", "A").await;
    assert!(act(&mut browser, "create", "a", "A").await.1.contains("already"));
    assert!(act(&mut browser, "remove", "b", "").await.1.contains("removed meanwhile"));
    assert_eq!(act(&mut browser, "explode", "a", "A").await.0, StatusCode::NOT_FOUND);
    let unproven = browser.post(PAGE, &[("action", "remove"), ("id", "a"), ("csrf", "x")]).await;
    assert_eq!(unproven.status, StatusCode::CONFLICT);
    assert!(browser.engine.namespace("a").is_some());
}

#[tokio::test]
async fn what_is_in_use_without_a_name_is_listed_and_can_be_named() {
    let mut browser = Browser::signed_in().await;
    let key = ConfigKey::new("wild", "G", "a").unwrap();
    browser.publish_with("a", "a: 1", |publish| publish.key = key).await;
    let page = browser.get(PAGE).await.body;
    assert!(page.contains("in use, not named yet") && page.contains("/configuration?ns=wild"));
    let named = act(&mut browser, "rename", "wild", "Wild").await;
    assert_eq!(named.1, "/namespaces?notice=namespace_renamed");
    assert_eq!(browser.engine.namespace("wild").unwrap().name, "Wild");
}

#[tokio::test]
async fn services_of_one_namespace_are_listed_alone_and_the_address_says_so() {
    let mut browser = Browser::signed_in().await;
    for namespace in ["a", "b", "public"] {
        for at in 0..60 {
            let service = ServiceKey::new(namespace, "g", &format!("{namespace}{at:02}")).unwrap();
            let spec = InstanceSpec::new("a", Protocol::Nacos, "a", 1, Millis(30_000));
            browser.engine.own(|_, _| ([Command::Register { service, spec }], ())).unwrap();
        }
    }
    let rows = |page: &str| page.matches("<tr data-key").count();
    let page = browser.get("/services?ns=b&protocol=nacos").await.body;
    assert!(rows(&page) == 50 && page.contains(">b00<") && !page.contains(">a59<"));
    assert!(page.contains("<option value=\"b\" selected>"));
    let next = page.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let next = crate::setup::unescape(next);
    assert!(next.contains("ns=b"));
    let page = browser.get(&next).await.body;
    assert!(rows(&page) == 10 && !page.contains(">public00<"));
    assert_eq!(rows(&browser.get("/services?ns=none").await.body), 0);
    assert_eq!(rows(&browser.get("/services?ns=%00").await.body), 0);
}
