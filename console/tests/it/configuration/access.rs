//! Who sees and changes which configurations.

use http::StatusCode;
use rialto_configuration::ConfigKey;
use rialto_security::{Grant, Identity, Rights, Role};

use crate::setup::{Browser, PASSWORD};

async fn signed_in_as(role: Role, grants: &[(&str, Rights)]) -> Browser {
    let mut browser = Browser::new();
    let admin = Identity::new("test", Role::Admin);
    let security = browser.security.clone();
    security.create_user(&admin, "eve", PASSWORD, role).unwrap();
    security.create_role(&admin, "granted").unwrap();
    security.bind_role(&admin, "granted", "eve").unwrap();
    for (resource, rights) in grants {
        security.grant(&admin, "granted", Grant::new(resource, *rights).unwrap()).unwrap();
    }
    browser.publish("shared", "a: public\n").await;
    browser.publish_with("secret", "a: treasure\n", |one| one.secret = Some(true)).await;
    let key = ConfigKey::new("team", "G", "theirs").unwrap();
    browser.publish_with("theirs", "a: team\n", |publish| publish.key = key).await;
    browser.post("/sign-in", &[("user", "eve"), ("password", PASSWORD)]).await;
    browser
}

#[tokio::test]
async fn a_reader_reads_and_is_offered_no_change() {
    let mut browser = signed_in_as(Role::Reader, &[]).await;
    let list = browser.get("/configuration").await.body;
    assert!(list.contains("shared") && list.contains("theirs"));
    assert!(!list.contains("New configuration"));
    let page = browser.get("/configuration/public/G/shared").await.body;
    assert!(page.contains("a: public") && !page.contains("/edit") && !page.contains("/remove"));
    let secret = browser.get("/configuration/public/G/secret").await.body;
    assert!(!secret.contains("treasure") && !secret.contains("Show the content"));
    for page in ["edit", "gray"] {
        let answer = browser.get(&format!("/configuration/public/G/secret/{page}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page}");
    }
    let list = "/configuration";
    for (form, fields) in [
        ("/configuration/public/G/secret/content", vec![]),
        ("/configuration/public/G/shared/remove", vec![("reason", "evil")]),
        ("/configuration/public/G/shared/edit", vec![("content", "evil"), ("step", "publish")]),
        ("/configuration/public/G/shared/history/1/rollback", vec![]),
        ("/configuration/public/G/shared/history/1", vec![]),
        ("/configuration/public/G/shared/gray", vec![("content", "x"), ("expression", "1.1.1.1")]),
        ("/namespaces", vec![("action", "create"), ("id", "x"), ("name", "X")]),
    ] {
        let answer = browser.submit(list, form, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form}");
        assert!(!answer.body.contains("treasure"), "{form}");
    }
    let export = browser.get("/configuration/export?ns=public").await.body;
    assert!(export.contains("a: public") && !export.contains("treasure"));
    assert!(!browser.get("/configuration?text=treasure").await.body.contains("secret</a>"));
    assert_eq!(browser.published("shared").as_deref(), Some("a: public\n"));
}

#[tokio::test]
async fn a_member_sees_what_was_granted_and_nothing_else() {
    let grants = [("team:*:config/*", Rights::ReadWrite)];
    let mut browser = signed_in_as(Role::Member, &grants).await;
    let list = browser.get("/configuration").await.body;
    assert!(list.contains("theirs") && !list.contains("shared") && !list.contains("secret</a>"));
    assert!(!list.contains("3 configurations") && list.contains("New configuration"));
    let shared = browser.get("/configuration/public/G/shared").await;
    assert_eq!(shared.status, StatusCode::FORBIDDEN);
    let history = browser.get("/configuration/public/G/shared/history").await;
    assert_eq!(history.status, StatusCode::FORBIDDEN);
    assert!(!browser.get("/configuration/export").await.body.contains("a: public"));
    let edit = "/configuration/team/G/theirs/edit";
    let fields = [("content", "a: mine\n"), ("step", "preview")];
    let preview = browser.submit_with_hidden(edit, edit, &fields).await;
    let done = browser.resubmit(&preview.body, edit, &[("step", "publish")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let add = "/configuration/add";
    let fields = [
        ("data_id", "new"),
        ("group", "G"),
        ("namespace", "public"),
        ("content", "evil"),
        ("step", "publish"),
    ];
    let answer = browser.submit_with_hidden(add, add, &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(browser.published("new").is_none());
}
