//! What was published before, compared and published again.

use http::StatusCode;

use crate::setup::Browser;

const ITEM: &str = "/configuration/public/G/app.yaml";

#[tokio::test]
async fn versions_show_what_each_change_published() {
    let mut browser = Browser::signed_in().await;
    for content in ["a: first\n", "a: second\n", "a: third\n"] {
        browser.publish("app.yaml", content).await;
    }
    let page = browser.get(&format!("{ITEM}/history")).await.body;
    assert!(page.contains("3 changes in the last 30 days") && page.contains("carol"));
    for (id, content) in [(1, "a: first"), (2, "a: second"), (3, "a: third")] {
        let page = browser.get(&format!("{ITEM}/history/{id}")).await.body;
        let shown = page.split("class=\"code\"").nth(1).unwrap();
        assert!(shown.contains(content), "{id}: {shown}");
    }
    let compared = browser.get(&format!("{ITEM}/history?old=1&new=3")).await.body;
    assert!(compared.contains("a: <mark>first</mark>"), "{compared}");
    assert!(compared.contains("a: <mark>third</mark>"));
}

#[tokio::test]
async fn an_earlier_version_is_published_again_also_after_a_removal() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: first\n").await;
    browser.publish("app.yaml", "a: second\n").await;
    let version = format!("{ITEM}/history/1");
    let back = format!("{version}/rollback");
    let done = browser.submit_with_hidden(&version, &back, &[]).await;
    assert_eq!(done.location(), format!("{ITEM}?notice=rolled_back"), "{}", done.body);
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: first\n"));
    browser.submit(ITEM, &format!("{ITEM}/remove"), &[("reason", "by mistake")]).await;
    assert!(browser.published("app.yaml").is_none());
    let version = format!("{ITEM}/history/2");
    let done = browser.submit_with_hidden(&version, &format!("{version}/rollback"), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: second\n"));
}

#[tokio::test]
async fn what_was_published_meanwhile_is_not_rolled_back_unseen() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: first\n").await;
    browser.publish("app.yaml", "a: second\n").await;
    let version = format!("{ITEM}/history/1");
    let shown = browser.get(&version).await.body;
    browser.publish("app.yaml", "a: theirs\n").await;
    let refused = browser.resubmit(&shown, &format!("{version}/rollback"), &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("Look at the difference again"));
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: theirs\n"));
}

#[tokio::test]
async fn a_long_history_has_pages() {
    let mut browser = Browser::signed_in().await;
    for at in 0..55 {
        browser.publish("app.yaml", &format!("a: {at}\n")).await;
    }
    let page = browser.get(&format!("{ITEM}/history")).await.body;
    assert!(page.contains("rel=\"next\"") && page.matches("name=\"old\"").count() == 50);
    let page = browser.get(&format!("{ITEM}/history?page=2")).await.body;
    assert!(page.contains("rel=\"prev\"") && page.matches("name=\"old\"").count() == 5);
    let oldest = browser.get(&format!("{ITEM}/history/1")).await.body;
    assert!(oldest.contains("a: 0"));
}

#[tokio::test]
async fn an_encrypted_text_comes_back_with_its_key() {
    let mut browser = Browser::signed_in().await;
    for (content, key) in [("cipher one", "key one"), ("cipher two", "key two")] {
        browser
            .publish_with("app.yaml", content, |publish| {
                publish.encrypted_data_key = key.to_owned();
            })
            .await;
    }
    let version = format!("{ITEM}/history/1");
    browser.submit_with_hidden(&version, &format!("{version}/rollback"), &[]).await;
    let key = rialto_configuration::KeyRef::new("", "G", "app.yaml");
    let now = browser.configurations.query(&key, &Default::default()).unwrap();
    assert_eq!((now.content.text(), &*now.encrypted_data_key), ("cipher one", "key one"));
}
