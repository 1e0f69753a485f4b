//! Secrets: hidden until somebody with the right asks, and asking is noted.

use http::StatusCode;

use crate::setup::Browser;

const ITEM: &str = "/configuration/public/G/db.yaml";

async fn with_secret() -> Browser {
    let browser = Browser::signed_in().await;
    for content in ["password: treasure-one\n", "password: treasure-two\n"] {
        browser.publish_with("db.yaml", content, |publish| publish.secret = Some(true)).await;
    }
    browser
}

#[tokio::test]
async fn a_secret_is_shown_only_when_asked_for() {
    let mut browser = with_secret().await;
    for page in [
        "/configuration".to_owned(),
        "/configuration?text=password".to_owned(),
        ITEM.to_owned(),
        format!("{ITEM}/history"),
        format!("{ITEM}/history/1"),
        format!("{ITEM}/history?old=1&new=2"),
        format!("/live{ITEM}").replace("/live", ""),
    ] {
        let body = browser.get(&page).await.body;
        assert!(!body.contains("treasure"), "{page}");
    }
    let events = browser.telemetry.events().recent(1, None);
    assert!(events.is_empty() || events[0].detail != "secret shown by admin");
    for (page, path) in [
        (ITEM.to_owned(), format!("{ITEM}/content")),
        (format!("{ITEM}/history/1"), format!("{ITEM}/history/1")),
        (format!("{ITEM}/history?old=1&new=2"), format!("{ITEM}/history")),
    ] {
        let fields = [("old", "1"), ("new", "2")];
        let shown = browser.submit(&page, &path, &fields).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        assert!(shown.body.contains("treasure"), "{path}");
        let event = &browser.telemetry.events().recent(1, None)[0];
        assert_eq!(event.detail, "secret shown by admin", "{path}");
    }
    let unproven = browser.post(&format!("{ITEM}/content"), &[("csrf", "x")]).await;
    assert_eq!(unproven.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_editor_of_a_secret_keeps_it_one() {
    let mut browser = with_secret().await;
    let edit = format!("{ITEM}/edit");
    let fields = [("content", "password: treasure-three\n"), ("step", "preview")];
    let preview = browser.submit_with_hidden(&edit, &edit, &fields).await.body;
    let done = browser.resubmit(&preview, &edit, &[("step", "publish")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let page = browser.get(ITEM).await.body;
    assert!(page.contains("This is a secret") && !page.contains("treasure"));
    let event = browser.telemetry.events().recent(9, None);
    assert!(event.iter().any(|event| event.detail == "secret shown by admin"));
}

#[tokio::test]
async fn what_became_a_secret_is_one_in_its_history_too() {
    let mut browser = Browser::signed_in().await;
    browser.publish("db.yaml", "password: treasure\n").await;
    browser
        .publish_with("db.yaml", "password: other\n", |publish| publish.secret = Some(true))
        .await;
    for page in ["history/1", "history?old=1&new=2"] {
        let body = browser.get(&format!("{ITEM}/{page}")).await.body;
        assert!(!body.contains("treasure"), "{page}");
    }
}
