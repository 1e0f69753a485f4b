//! Coming in and going out.

use http::{Request, StatusCode, header};

use crate::setup::{Browser, PASSWORD};

#[tokio::test]
async fn strangers_see_nothing_but_the_sign_in_page() {
    let mut browser = Browser::new();
    browser.register("stock", 9001);
    for page in [
        "/",
        "/services",
        "/services/public/default/stock",
        "/gateway",
        "/gateway/add",
        "/gateway/routes/fixed",
        "/topology",
        "/events",
        "/access",
    ] {
        let answer = browser.get(page).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
        assert!(answer.location().starts_with("/sign-in?next="), "{page}");
        assert!(!answer.body.contains("stock"), "{page}");
        let live = browser.get(&format!("/live{page}")).await;
        assert_eq!(live.status, StatusCode::UNAUTHORIZED, "{page}");
    }
    let forms = [
        "/services/public/default/stock",
        "/gateway/add",
        "/gateway/routes/fixed/edit",
        "/gateway/routes/fixed/remove",
        "/sign-out",
    ];
    for form in forms {
        let answer = browser.post(form, &[("csrf", ""), ("action", "deregister")]).await;
        assert!(answer.location().starts_with("/sign-in"), "{form}");
    }
}

#[tokio::test]
async fn signing_in_leads_to_where_one_wanted_to_go_and_out_ends_it() {
    let mut browser = Browser::new();
    let wrong = browser.post("/sign-in", &[("user", "admin"), ("password", "wrong")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains("The user or the password is wrong"));
    let fields = [("user", "admin"), ("password", PASSWORD), ("next", "/services?q=a")];
    let right = browser.post("/sign-in", &fields).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/services?q=a"));
    let cookie = right.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    let out = browser.submit("/access", "/sign-out", &[]).await;
    assert_eq!(out.location(), "/sign-in");
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let mut browser = Browser::new();
    let fields = [("user", "admin"), ("password", PASSWORD), ("next", "//evil.example/")];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), "/");
    let back = browser.post("/preferences", &[("theme", "dark"), ("back", "https://x")]).await;
    assert_eq!(back.location(), "/");
}

#[tokio::test]
async fn too_many_wrong_passwords_must_wait() {
    let mut browser = Browser::new();
    let wrong = [("user", "admin"), ("password", "wrong")];
    let mut last = browser.post("/sign-in", &wrong).await;
    for _ in 0..rialto_security::limits::PASSWORD_FAILURES_FREE + 1 {
        last = browser.post("/sign-in", &wrong).await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.headers[header::RETRY_AFTER], "1");
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let mut browser = Browser::signed_in().await;
    let request = Request::post("/sign-out").header("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(request, "csrf=x").await.status, StatusCode::CONFLICT);
    let request = Request::post("/sign-in").header("sec-fetch-site", "cross-site");
    let answer = browser.send(request, "user=admin&password=x").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_huge_form_is_refused() {
    let mut browser = Browser::new();
    let huge = "x".repeat(rialto_console::limits::FORM_BYTES_MAX + 1);
    let answer = browser.post("/sign-in", &[("user", "admin"), ("password", &huge)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn theme_and_language_are_kept() {
    let mut browser = Browser::new();
    let request = Request::get("/sign-in").header(header::ACCEPT_LANGUAGE, "zh-CN,zh;q=0.9");
    assert!(browser.send(request, "").await.body.contains("lang=\"zh-CN\""));
    let fields = [("theme", "dark"), ("lang", "en"), ("back", "/sign-in")];
    assert_eq!(browser.post("/preferences", &fields).await.location(), "/sign-in");
    let request = Request::get("/sign-in").header(header::ACCEPT_LANGUAGE, "zh-CN");
    let page = browser.send(request, "").await.body;
    assert!(page.contains("<html lang=\"en\" data-theme=\"dark\""));
}
