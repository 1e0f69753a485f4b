//! Adding, changing and removing routes.

use http::StatusCode;
use rialto_api::route::{FilterSpec, RouteSpec};
use rialto_catalog::{DocumentKey, DocumentKind};

use crate::setup::Browser;

fn stored(browser: &Browser, id: &str) -> Option<RouteSpec> {
    let key = DocumentKey::new(DocumentKind::Route, id).unwrap();
    browser.engine.read(|state| {
        state.document(&key).map(|document| serde_json::from_slice(&document.body).unwrap())
    })
}

async fn add(browser: &mut Browser, fields: &[(&str, &str)]) -> (StatusCode, String) {
    let answer = browser.submit("/gateway/add", "/gateway/add", fields).await;
    let said = if answer.location().is_empty() { &answer.body } else { answer.location() };
    (answer.status, said.to_owned())
}

#[tokio::test]
async fn a_route_is_added_changed_and_removed() {
    let mut browser = Browser::signed_in().await;
    let more = r#"{"filters": [{"name": "StripPrefix", "parts": 1}]}"#;
    let fields = [
        ("id", "shop"),
        ("uri", "lb://storefront"),
        ("paths", "/shop/**\n/s/**"),
        ("methods", "get post"),
        ("order", "-5"),
        ("more", more),
        ("enabled", "on"),
    ];
    assert_eq!(add(&mut browser, &fields).await.1, "/gateway?notice=route_saved");
    let route = stored(&browser, "shop").unwrap();
    assert_eq!(route.paths, ["/shop/**", "/s/**"]);
    assert_eq!(route.methods, ["GET", "POST"]);
    assert_eq!((route.order, route.enabled), (-5, None));
    assert_eq!(route.filters, [FilterSpec::StripPrefix { parts: 1 }]);
    let page = browser.get("/gateway").await.body;
    assert!(page.contains("added at run time") && page.contains("lb://storefront"));

    let edit = "/gateway/routes/shop/edit";
    let fields = [("id", "other"), ("uri", "lb://shop"), ("paths", "/shop/**")];
    assert_eq!(browser.submit(edit, edit, &fields).await.status, StatusCode::SEE_OTHER);
    let route = stored(&browser, "shop").unwrap();
    assert_eq!((route.uri.as_str(), route.enabled), ("lb://shop", Some(false)));
    assert!(stored(&browser, "other").is_none(), "the identifier does not change");

    let (page, remove) = ("/gateway/routes/shop", "/gateway/routes/shop/remove");
    let answer = browser.submit(page, remove, &[("reason", "")]).await;
    assert_eq!(answer.location(), "/gateway/routes/shop?notice=reason");
    let answer = browser.submit(page, remove, &[("reason", "replaced")]).await;
    assert_eq!(answer.location(), "/gateway?notice=route_removed");
    assert!(stored(&browser, "shop").is_none());
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_written_is_kept() {
    let mut browser = Browser::signed_in().await;
    let good = [("id", "a"), ("uri", "lb://a"), ("paths", "/a/**"), ("enabled", "on")];
    let with = |name: &'static str, value: &'static str| -> Vec<(&str, &str)> {
        good.iter().copied().filter(|(key, _)| *key != name).chain([(name, value)]).collect()
    };
    for (name, value, said) in [
        ("id", "a/b", "The identifier needs"),
        ("id", "..", "The identifier needs"),
        ("id", "fixed", "already"),
        ("uri", "http://x", "the gateway &#60;refuses&#62; it"),
        ("order", "first", "whole number"),
        ("more", "{", "The JSON cannot be read"),
        ("more", r#"{"pathz": []}"#, "unknown field"),
    ] {
        let (status, body) = add(&mut browser, &with(name, value)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{name} {value}");
        assert!(body.contains(said), "{name} {value}: {body}");
        assert!(body.contains("/a/**"), "what was written is kept");
    }
    assert!(stored(&browser, "a").is_none());
}

#[tokio::test]
async fn a_route_of_the_configuration_is_left_to_it() {
    let mut browser = Browser::signed_in().await;
    let page = browser.get("/gateway/routes/fixed").await.body;
    assert!(page.contains("comes from the configuration") && !page.contains("Remove route"));
    let edit = "/gateway/routes/fixed/edit";
    let answer = browser.submit(edit, edit, &[("id", "fixed"), ("uri", "lb://evil")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stored(&browser, "fixed").is_none());
}

#[tokio::test]
async fn a_signing_secret_is_not_shown_and_survives_an_edit() {
    let mut browser = Browser::signed_in().await;
    let more = r#"{"auth": {"jwt": {"algorithm": "HS256", "key": "top secret key"}}}"#;
    let fields = [("id", "a"), ("uri", "lb://a"), ("more", more), ("enabled", "on")];
    add(&mut browser, &fields).await;
    let edit = "/gateway/routes/a/edit";
    for page in ["/gateway/routes/a", edit] {
        let body = browser.get(page).await.body;
        assert!(body.contains("(not shown)") && !body.contains("top secret"), "{page}");
    }
    let more = r#"{"auth": {"jwt": {"algorithm": "HS256", "key": "(not shown)"}}}"#;
    let fields = [("id", "a"), ("uri", "lb://b"), ("more", more), ("enabled", "on")];
    browser.submit(edit, edit, &fields).await;
    let route = stored(&browser, "a").unwrap();
    assert_eq!(route.uri, "lb://b");
    assert_eq!(route.auth.unwrap().jwt.unwrap().key, "top secret key");
}
