//! Lists and pages of configurations.

use http::{Request, StatusCode, header};
use rialto_configuration::ConfigKey;
use rialto_console::Listener;

use crate::setup::Browser;

fn rows(page: &str) -> usize {
    page.matches("<tr data-key").count()
}

#[tokio::test]
async fn every_page_is_whole_in_both_languages() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    browser.publish("app.yaml", "a: 2\n").await;
    browser
        .publish_with("app.yaml", "a: 3\n", |publish| {
            publish.target = rialto_configuration::Target::Tag("blue".to_owned());
        })
        .await;
    let item = "/configuration/public/G/app.yaml";
    let mut pages: Vec<String> = ["/namespaces", "/configuration", "/configuration/add"]
        .into_iter()
        .chain(["/configuration/import", "/configuration?q=none"])
        .map(str::to_owned)
        .collect();
    for part in
        ["", "/edit", "/history", "/history/1", "/history?old=1&new=2", "/gray", "/gray/tag_blue"]
    {
        pages.push(format!("{item}{part}"));
    }
    pages.push(format!("{item}/gray/tag_blue/edit"));
    for page in pages {
        for lang in ["en", "zh-CN"] {
            let request = Request::get(&page).header(header::ACCEPT_LANGUAGE, lang);
            let answer = browser.send(request, "").await;
            assert_eq!(answer.status, StatusCode::OK, "{page}");
            assert!(answer.body.contains(&format!("<html lang=\"{lang}\"")), "{page}");
            assert!(answer.body.trim_end().ends_with("</html>"), "{page}");
            assert!(!answer.body.contains(" style=") && !answer.body.contains("<script>"));
        }
    }
}

#[tokio::test]
async fn an_empty_list_says_how_to_publish_the_first() {
    let mut browser = Browser::signed_in().await;
    let page = browser.get("/configuration").await.body;
    assert!(page.contains("No configuration is published yet") && page.contains("curl -X POST"));
    browser.publish("a", "x").await;
    assert!(browser.get("/configuration?q=b").await.body.contains("No configuration matches"));
}

#[tokio::test]
async fn configurations_are_searched_and_paged() {
    let mut browser = Browser::signed_in().await;
    for at in 0..120 {
        browser
            .publish_with(&format!("c{at:03}"), &format!("value: {at}"), |publish| {
                publish.meta.tags = Some(if at % 2 == 0 { "even,all" } else { "all" }.to_owned());
                if at % 10 == 0 {
                    publish.key = ConfigKey::new("other", "H", publish.key.data_id()).unwrap();
                }
            })
            .await;
    }
    let page = browser.get("/configuration").await.body;
    assert!(rows(&page) == 50 && page.contains("120 configurations"));
    let next = page.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let second = browser.get(&crate::setup::unescape(next)).await.body;
    assert!(rows(&second) == 50 && second.contains("rel=\"first\""));
    for (query, found) in [
        ("ns=other", 12),
        ("ns=public&q=c01", 9),
        ("group=h", 0),
        ("group=H", 12),
        ("tag=even&q=c00", 5),
        ("text=value:+99", 1),
        ("text=value:+1*9", 3),
        ("after=x&q=%ff", 0),
        ("ns=%00", 0),
    ] {
        let page = browser.get(&format!("/configuration?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!(rows(&page.body), found, "{query}");
    }
}

#[tokio::test]
async fn a_page_says_who_published_and_who_listens() {
    let mut browser = Browser::signed_in().await;
    let key = browser.publish("app.yaml", "note: <b>bold</b>\n").await;
    let md5 = "8bf4d2a2f6d6c1d1b0f8f9a4e6f6a8e0".to_owned();
    let now = browser.configurations.entry(&key.borrow()).unwrap();
    let current = now.formal.as_ref().unwrap().effective.content.md5_text().to_owned();
    let listener = |address: &str, md5: &str| Listener {
        address: address.to_owned(),
        client: "Nacos-Java-Client:v2.5.1".to_owned(),
        tag: String::new(),
        md5: md5.to_owned(),
    };
    browser.door.lock().listeners = vec![
        listener("10.0.0.1:5001", &current),
        listener("10.0.0.2:5001", &md5),
        listener("10.0.0.3:5001", ""),
    ];
    let page = browser.get("/configuration/public/G/app.yaml").await.body;
    assert!(page.contains("&#60;b&#62;bold") && !page.contains("<b>bold"));
    assert!(page.contains("Published by carol") && page.contains("10.9.9.9"));
    assert!(page.contains("1 of 3 up to date") && page.contains("Another version"));
    assert!(page.contains("Nothing yet") && page.contains("Nacos-Java-Client:v2.5.1"));
    let behind = page.find("10.0.0.2:5001").unwrap();
    assert!(behind < page.find("10.0.0.1:5001").unwrap(), "those behind come first");
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let mut browser = Browser::signed_in().await;
    browser.publish("a", "x").await;
    let item = "/configuration/public/G/none";
    for page in [
        item.to_owned(),
        format!("{item}/edit"),
        format!("{item}/history"),
        format!("{item}/history/7"),
        format!("{item}/gray"),
        "/configuration/public/G/a/gray/beta".to_owned(),
        "/configuration/public/G/a/history/77".to_owned(),
        "/configuration/public/G/a/history/x".to_owned(),
        "/configuration/public/G/a%20b".to_owned(),
        "/configuration/public/G".to_owned(),
    ] {
        assert_eq!(browser.get(&page).await.status, StatusCode::NOT_FOUND, "{page}");
    }
}

#[tokio::test]
async fn strangers_see_and_change_nothing() {
    let mut browser = Browser::new();
    browser.publish("a", "treasure").await;
    let item = "/configuration/public/G/a";
    for page in ["/configuration", item, "/configuration/export", "/namespaces"] {
        let answer = browser.get(page).await;
        assert!(answer.location().starts_with("/sign-in?next="), "{page}");
        assert!(!answer.body.contains("treasure"), "{page}");
    }
    for form in [
        "/configuration/add".to_owned(),
        "/configuration/import".to_owned(),
        "/namespaces".to_owned(),
        format!("{item}/edit"),
        format!("{item}/remove"),
        format!("{item}/content"),
        format!("{item}/history/1/rollback"),
        format!("{item}/gray/beta/promote"),
        format!("{item}/gray/beta/stop"),
    ] {
        let answer = browser.post(&form, &[("csrf", ""), ("content", "x")]).await;
        assert!(answer.location().starts_with("/sign-in"), "{form}");
    }
    assert_eq!(browser.published("a").as_deref(), Some("treasure"));
}
