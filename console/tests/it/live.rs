//! Streams of changed regions.

use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::BodyExt;
use rialto_catalog::Millis;

use crate::setup::Browser;

/// Reads a stream until it has said what is waited for.
async fn read_until(body: &mut axum::body::Body, wanted: &str) -> String {
    let mut said = String::new();
    let all = async {
        while !said.contains(wanted) {
            let Some(frame) = body.frame().await else { panic!("ended without {wanted}: {said}") };
            if let Ok(data) = frame.unwrap().into_data() {
                said.push_str(std::str::from_utf8(&data).unwrap());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("the stream says it in time");
    said
}

#[tokio::test]
async fn a_registration_appears_and_silence_is_silent() {
    let mut browser = Browser::signed_in().await;
    let response = browser.open(Request::get("/live/services"), "").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = read_until(&mut body, "event: ready").await;
    assert_eq!(first.matches("event: region").count(), 1);
    browser.register("stock", 9001);
    browser.clock.advance(Millis(5_000));
    let next = read_until(&mut body, "stock").await;
    assert!(next.contains("\"id\":\"services\""));
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_the_server() {
    let mut browser = Browser::signed_in().await;
    let mut body = browser.open(Request::get("/live/events"), "").await.into_body();
    read_until(&mut body, "event: ready").await;
    browser.submit("/access", "/sign-out", &[]).await;
    read_until(&mut body, "event: signed-out").await;

    let mut browser = Browser::signed_in().await;
    let mut body = browser.open(Request::get("/live/"), "").await.into_body();
    read_until(&mut body, "event: ready").await;
    browser.shutdown.begin();
    let rest = tokio::time::timeout(Duration::from_secs(10), body.collect()).await;
    assert!(rest.is_ok(), "a stream must not hold up a graceful stop");
}

#[tokio::test]
async fn what_is_published_appears_on_its_page_and_in_the_list() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    let paths = ["/live/configuration", "/live/configuration/public/G/app.yaml"];
    let mut streams = Vec::new();
    for path in paths {
        let mut body = browser.open(Request::get(path), "").await.into_body();
        read_until(&mut body, "event: ready").await;
        streams.push(body);
    }
    browser.publish("app.yaml", "a: much-longer-than-before\n").await;
    read_until(&mut streams[0], "27 B").await;
    read_until(&mut streams[1], "much-longer-than-before").await;
    let history = Request::get("/live/configuration/public/G/app.yaml/history");
    let mut body = browser.open(history, "").await.into_body();
    read_until(&mut body, "2 changes").await;
    browser.publish("app.yaml", "a: 3\n").await;
    read_until(&mut body, "3 changes").await;
}

#[tokio::test]
async fn no_stream_shows_a_secret() {
    let mut browser = Browser::signed_in().await;
    browser.publish_with("db", "treasure", |publish| publish.secret = Some(true)).await;
    for path in ["", "/history", "/history/1", "/edit", "/gray"] {
        let path = format!("/live/configuration/public/G/db{path}");
        let mut body = browser.open(Request::get(path.as_str()), "").await.into_body();
        let said = read_until(&mut body, "event: ready").await;
        assert!(!said.contains("treasure"), "{path}");
    }
    let events = browser.telemetry.events().recent(9, None);
    assert!(events.iter().all(|event| !event.detail.contains("secret shown")));
}

#[tokio::test]
async fn streams_are_bounded_and_only_of_pages() {
    let mut browser = Browser::signed_in().await;
    assert_eq!(browser.get("/live/none").await.status, StatusCode::NOT_FOUND);
    let mut open = Vec::new();
    for _ in 0..rialto_console::limits::STREAMS_MAX {
        let response = browser.open(Request::get("/live/events"), "").await;
        assert_eq!(response.status(), StatusCode::OK);
        open.push(response);
    }
    let refused = browser.open(Request::get("/live/events"), "").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(open);
    let again = browser.open(Request::get("/live/events"), "").await;
    assert_eq!(again.status(), StatusCode::OK);
}
