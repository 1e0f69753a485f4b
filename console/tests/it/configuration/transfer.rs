//! Files of configurations.

use http::{Request, StatusCode, header};
use rialto_configuration::ConfigKey;

use crate::setup::{Answer, Browser, token};

const PAGE: &str = "/configuration/import";

async fn import(browser: &mut Browser, csrf: &str, policy: &str, file: &str) -> Answer {
    let field = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = field("csrf", csrf)
        + &field("namespace", "public")
        + &field("policy", policy)
        + &format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\n\
             {file}\r\n--x--\r\n"
        );
    let request =
        Request::put("/").uri(PAGE).header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    browser.send(request.method("POST"), &body).await
}

#[tokio::test]
async fn a_file_is_brought_in_by_each_policy() {
    let mut browser = Browser::signed_in().await;
    browser.publish("a", "old").await;
    let csrf = token(&browser.get(PAGE).await.body).to_owned();
    let file = "public/G/a\tnew\npublic/G/b\tfresh\n";
    let answer = import(&mut browser, &csrf, "SKIP", file).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert!(answer.body.contains("1 published, 1 left out, 0 failed."), "{}", answer.body);
    assert!(answer.body.contains("href=\"/configuration/public/G/a\""));
    assert!(answer.body.contains("&#60;other&#62;"), "what is no configuration is named");
    assert_eq!(browser.published("a").as_deref(), Some("old"));
    assert_eq!(browser.published("b").as_deref(), Some("fresh"));
    let answer = import(&mut browser, &csrf, "OVERWRITE", file).await;
    assert!(answer.body.contains("2 published, 0 left out, 0 failed."), "{}", answer.body);
    assert_eq!(browser.published("a").as_deref(), Some("new"));
}

#[tokio::test]
async fn a_file_that_is_none_and_a_form_of_nobody_are_refused() {
    let mut browser = Browser::signed_in().await;
    let csrf = token(&browser.get(PAGE).await.body).to_owned();
    let answer = import(&mut browser, &csrf, "SKIP", "no tab").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("it is no &#60;zip&#62; file"));
    let answer = import(&mut browser, &csrf, "EXPLODE", "public/G/a\tx\n").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = import(&mut browser, "x", "SKIP", "public/G/a\tx\n").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(browser.published("a").is_none());
}

#[tokio::test]
async fn what_a_list_shows_is_carried_out() {
    let mut browser = Browser::signed_in().await;
    browser.publish("a", "one").await;
    browser.publish("b", "two").await;
    let answer = browser.get("/configuration/export?q=b").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "public/G/b\ttwo\n");
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/zip");
    let event = &browser.telemetry.events().recent(1, None)[0];
    assert_eq!(event.detail, "1 exported, 0 of them secrets, by admin");
}

#[tokio::test]
async fn a_file_holds_one_namespace() {
    let mut browser = Browser::signed_in().await;
    browser.publish("a", "one").await;
    let key = ConfigKey::new("other", "G", "a").unwrap();
    browser.publish_with("a", "two", |publish| publish.key = key).await;
    let answer = browser.get("/configuration/export").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Choose one, then export"));
    let answer = browser.get("/configuration/export?ns=other").await;
    assert_eq!(answer.body, "other/G/a\ttwo\n");
}
