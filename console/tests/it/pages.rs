//! What pages show, to whom, and with which headers.

use http::{Request, StatusCode, header};
use rialto_telemetry::{Class, EventKind};

use crate::setup::Browser;

#[tokio::test]
async fn every_page_is_whole_in_both_languages() {
    let mut browser = Browser::signed_in().await;
    browser.register("stock", 9001);
    let pages = [
        "/",
        "/services",
        "/services/public/default/stock",
        "/gateway",
        "/gateway/add",
        "/gateway/routes/fixed",
        "/gateway/routes/fixed/edit",
        "/topology",
        "/events",
        "/access",
    ];
    for page in pages {
        for lang in ["en", "zh-CN"] {
            let request = Request::get(page).header(header::ACCEPT_LANGUAGE, lang);
            let answer = browser.send(request, "").await;
            assert_eq!(answer.status, StatusCode::OK, "{page}");
            assert!(answer.body.contains(&format!("<html lang=\"{lang}\"")), "{page}");
            assert!(answer.body.ends_with("</html>\n") || answer.body.ends_with("</html>"));
            let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
            assert!(!answer.body.contains(" style=") && !answer.body.contains("<script>"));
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let mut browser = Browser::signed_in().await;
    for page in ["/services/public/default/none", "/gateway/routes/none"] {
        let answer = browser.get(page).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.body.contains("not found"), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_empty_list_says_how_to_get_the_first_row() {
    let mut browser = Browser::signed_in().await;
    let page = browser.get("/services").await.body;
    assert!(page.contains("No service is registered yet") && page.contains("curl -X POST"));
    browser.register("stock", 9001);
    let page = browser.get("/services?q=none").await.body;
    assert!(page.contains("No service matches"));
}

#[tokio::test]
async fn services_are_paged_both_ways_and_filtered() {
    let mut browser = Browser::signed_in().await;
    for at in 0..120 {
        browser.register(&format!("s{at:03}"), 9_000);
    }
    let rows = |page: &str| page.matches("<tr data-key").count();
    let link = |page: &str, rel: &str| -> Option<String> {
        let link = page.split(&format!("rel=\"{rel}\" href=\"")).nth(1)?;
        Some(link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&"))
    };
    let first = browser.get("/services").await.body;
    assert!(rows(&first) == 50 && link(&first, "prev").is_none());
    let second = browser.get(&link(&first, "next").unwrap()).await.body;
    assert!(second.contains(">s050<") && second.contains(">s099<"));
    let third = browser.get(&link(&second, "next").unwrap()).await.body;
    assert!(rows(&third) == 20 && link(&third, "next").is_none());
    let back = browser.get(&link(&third, "prev").unwrap()).await.body;
    assert!(rows(&back) == 50 && back.contains(">s050<") && back.contains(">s099<"));

    let found = browser.get("/services?q=S01&protocol=sdk&state=ok").await.body;
    assert_eq!(rows(&found), 10);
    assert_eq!(rows(&browser.get("/services?protocol=eureka").await.body), 0);
    assert_eq!(rows(&browser.get("/services?state=trouble").await.body), 0);
    let broken = browser.get("/services?after=x&q=%ff&state=%00").await;
    assert_eq!(broken.status, StatusCode::OK);
}

#[tokio::test]
async fn text_from_outside_is_escaped_everywhere() {
    let mut browser = Browser::signed_in().await;
    browser.register("<script>alert(1)</script>", 9001);
    let events = browser.telemetry.events();
    events.push(EventKind::Warning, "<img src=x>", "\"><script>");
    browser.telemetry.calls().meter("<script>", "x").shard(0).finish(Class::Ok, 1);
    browser.telemetry.sample(crate::setup::START_MS);
    let service = "/services/public/default/%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for page in ["/", "/services", service, "/events?q=%3Cscript%3E", "/topology"] {
        let answer = browser.get(page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        assert!(!answer.body.contains("<script>"), "{page}");
        assert!(!answer.body.contains("<img src=x>") && !answer.body.contains("<b>bold"), "{page}");
    }
}

#[tokio::test]
async fn events_are_filtered_and_paged() {
    let mut browser = Browser::signed_in().await;
    for at in 0..150 {
        let kind = if at % 3 == 0 { EventKind::Expired } else { EventKind::Registered };
        browser.telemetry.events().push(kind, format!("s/{at}"), "");
    }
    let rows = |page: &str| page.matches("<tr data-key").count();
    let page = browser.get("/events").await.body;
    assert!(rows(&page) == 100 && page.contains("Older"));
    let page = browser.get("/events?kind=expired").await.body;
    assert_eq!(rows(&page), 50);
    assert_eq!(rows(&browser.get("/events?q=s/149").await.body), 1);
    assert_eq!(rows(&browser.get("/events?before=20").await.body), 19);
}

#[tokio::test]
async fn the_topology_draws_calls_with_rates_and_errors() {
    let mut browser = Browser::signed_in().await;
    browser.register("stock", 9001);
    let meter = browser.telemetry.calls().meter("gateway", "stock");
    browser.telemetry.sample(crate::setup::START_MS);
    for at in 0..10 {
        meter.shard(0).begin();
        meter.shard(0).finish(if at == 0 { Class::ServerError } else { Class::Ok }, 2_000);
    }
    browser.telemetry.sample(crate::setup::START_MS + 1_000);
    let page = browser.get("/topology").await.body;
    assert!(page.contains("data-from=\"gateway\" data-to=\"stock\""));
    assert!(page.contains("10 % errors") && page.contains("1 of 1 available"));
}

#[tokio::test]
async fn assets_are_kept_for_good_and_nothing_else_is_there() {
    let mut browser = Browser::new();
    let page = browser.get("/sign-in").await.body;
    let script = page.split("script src=\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = browser.get(script).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    for other in ["/assets/console.js", "/assets/..%2fCargo.toml", "/assets/%2e%2e/Cargo.toml"] {
        assert_eq!(browser.get(other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
}
