//! Versions that only some see.

use http::StatusCode;
use rialto_configuration::{KeyRef, Labels};

use crate::setup::Browser;

const ITEM: &str = "/configuration/public/G/app.yaml";

fn seen(browser: &Browser, ip: &str, tag: &str) -> String {
    let key = KeyRef::new("", "G", "app.yaml");
    let effective = browser.configurations.query(&key, &Labels { client_ip: ip, tag });
    effective.map_or(String::new(), |one| one.content.text().to_owned())
}

async fn start(browser: &mut Browser, rule: &str, expression: &str, content: &str) -> String {
    let form = format!("{ITEM}/gray");
    let fields =
        [("rule", rule), ("expression", expression), ("content", content), ("step", "preview")];
    let preview = browser.submit_with_hidden(&form, &form, &fields).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.body);
    let done = browser.resubmit(&preview.body, &form, &[("step", "publish")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    done.location().to_owned()
}

#[tokio::test]
async fn a_beta_is_seen_by_its_addresses_and_given_to_all() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    let to = start(&mut browser, "beta", "10.0.0.7 10.0.0.8", "a: 2\n").await;
    assert_eq!(to, format!("{ITEM}/gray/beta?notice=gray_published"));
    assert_eq!(seen(&browser, "10.0.0.7", ""), "a: 2\n");
    assert_eq!(seen(&browser, "10.0.0.9", ""), "a: 1\n");
    let page = browser.get(&to).await.body;
    assert!(page.contains("10.0.0.8") && page.contains("Give it to all"));
    assert!(browser.get(ITEM).await.body.contains("1 gray version"));
    let gray = format!("{ITEM}/gray/beta");
    let done = browser.submit_with_hidden(&gray, &format!("{gray}/promote"), &[]).await;
    assert_eq!(done.location(), format!("{ITEM}?notice=gray_promoted"), "{}", done.body);
    assert_eq!(seen(&browser, "10.0.0.9", ""), "a: 2\n");
    assert_eq!(browser.get(&gray).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_tag_is_edited_and_stopped() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    start(&mut browser, "tag", "blue", "a: blue\n").await;
    let edit = format!("{ITEM}/gray/tag_blue/edit");
    // Whatever the form says, the version keeps its tag.
    let fields = [("content", "a: bluer\n"), ("expression", "red"), ("step", "preview")];
    let preview = browser.submit_with_hidden(&edit, &edit, &fields).await;
    let done = browser.resubmit(&preview.body, &edit, &[("step", "publish")]).await;
    assert_eq!(done.location(), format!("{ITEM}/gray/tag_blue?notice=gray_published"));
    assert_eq!(seen(&browser, "", "blue"), "a: bluer\n");
    assert_eq!(seen(&browser, "", "red"), "a: 1\n");
    let gray = format!("{ITEM}/gray/tag_blue");
    let done = browser.submit(&gray, &format!("{gray}/stop"), &[]).await;
    assert_eq!(done.location(), format!("{ITEM}?notice=gray_stopped"));
    assert_eq!(seen(&browser, "", "blue"), "a: 1\n");
}

#[tokio::test]
async fn what_changed_meanwhile_is_not_given_to_all() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    start(&mut browser, "beta", "10.0.0.7", "a: 2\n").await;
    let gray = format!("{ITEM}/gray/beta");
    let shown = browser.get(&gray).await.body;
    browser.publish("app.yaml", "a: theirs\n").await;
    let refused = browser.resubmit(&shown, &format!("{gray}/promote"), &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("Look at the difference again"));
    assert_eq!(seen(&browser, "10.0.0.9", ""), "a: theirs\n");
}

#[tokio::test]
async fn a_rule_must_say_who() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    let form = format!("{ITEM}/gray");
    for (rule, expression, said) in
        [("beta", " ", "Say which clients"), ("tag", "a tag that is far too long", "tag")]
    {
        let fields =
            [("rule", rule), ("expression", expression), ("content", "a"), ("step", "publish")];
        let answer = browser.submit_with_hidden(&form, &form, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{rule}");
        assert!(answer.body.contains(said), "{rule}");
    }
}
