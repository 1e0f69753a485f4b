//! Users, roles, permissions and tokens: who may change them, and what a change does.

use http::StatusCode;
use rialto_security::{Identity, Role};

use crate::setup::{Answer, Browser, PASSWORD};

const ACCESS: &str = "/access";

async fn change(browser: &mut Browser, fields: &[(&str, &str)]) -> Answer {
    browser.submit(ACCESS, ACCESS, fields).await
}

async fn changed(browser: &mut Browser, fields: &[(&str, &str)], notice: &str) {
    let answer = change(browser, fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{fields:?} {}", answer.body);
    assert_eq!(answer.location(), format!("/access?notice={notice}"));
    let shown = browser.get(&format!("/access?notice={notice}")).await.body;
    assert!(shown.contains("class=\"notice is-ok\""), "{notice} has a text");
}

#[tokio::test]
async fn an_administrator_makes_a_user_with_a_role_and_a_permission() {
    let mut browser = Browser::signed_in().await;
    let user = [("name", "u1"), ("password", PASSWORD), ("role", "member")];
    let create = |action| [&[("action", action)][..], &user[..]].concat();
    changed(&mut browser, &create("create_user"), "user_created").await;
    changed(&mut browser, &[("action", "create_role"), ("name", "r<1>")], "role_created").await;
    let grant = [("name", "r<1>"), ("resource", "public:*:config/*"), ("rights", "r")];
    changed(&mut browser, &[&[("action", "grant")][..], &grant[..]].concat(), "granted").await;
    let given = [("action", "give_role"), ("name", "u1"), ("own_role", "r<1>")];
    changed(&mut browser, &given, "role_given").await;
    let page = browser.get(ACCESS).await.body;
    assert!(page.contains("<code>public:*:config/*</code>") && page.contains("r&#60;1&#62;"));
    assert!(!page.contains("r<1>"), "names are escaped");
    changed(&mut browser, &[&[("action", "revoke")][..], &grant[..]].concat(), "revoked").await;
    let taken = [("action", "take_role"), ("name", "u1"), ("own_role", "r<1>")];
    changed(&mut browser, &taken, "role_taken").await;
    changed(&mut browser, &[("action", "delete_role"), ("name", "r<1>")], "role_deleted").await;
    let role = [("action", "set_role"), ("name", "u1"), ("role", "reader")];
    changed(&mut browser, &role, "role_set").await;
    let password = [("action", "set_password"), ("name", "u1"), ("password", "another horse")];
    changed(&mut browser, &password, "password_set").await;
    changed(&mut browser, &[("action", "delete_user"), ("name", "u1")], "user_deleted").await;
    let events = browser.get("/events?kind=access_changed").await.body;
    assert!(events.contains("delete user by admin") && !events.contains("another horse"));
}

#[tokio::test]
async fn others_see_themselves_alone_and_change_nothing() {
    let mut browser = Browser::new();
    let admin = Identity::new("test", Role::Admin);
    for role in [Role::Member, Role::Reader, Role::Service, Role::Operator] {
        let name = role.as_str();
        browser.security.create_user(&admin, name, PASSWORD, role).unwrap();
        browser.post("/sign-in", &[("user", name), ("password", PASSWORD)]).await;
        let page = browser.get(ACCESS).await;
        assert_eq!(page.status, StatusCode::OK, "{name}");
        assert!(page.body.contains(name) && !page.body.contains("name=\"role\""), "{name}");
        assert!(!page.body.contains("admin"), "{name} sees other users");
        for action in ["create_user", "set_role", "set_password", "create_token", "grant"] {
            let fields =
                [("action", action), ("name", name), ("role", "admin"), ("password", PASSWORD)];
            let refused = change(&mut browser, &fields).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{name} {action}");
        }
        let signed_out = browser.submit(ACCESS, "/sign-out", &[]).await;
        assert_eq!(signed_out.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_can_be_revoked() {
    let mut browser = Browser::signed_in().await;
    let new = [("action", "create_token"), ("name", "ci"), ("role", "service")];
    let made = change(&mut browser, &new).await;
    assert_eq!(made.status, StatusCode::OK);
    assert_eq!(made.body.matches("rialto_").count(), 1, "the token is there, once");
    assert_eq!(made.headers["cache-control"], "no-store");
    let page = browser.get(ACCESS).await.body;
    assert!(page.contains("ci") && !page.contains("rialto_"));
    changed(&mut browser, &[("action", "revoke_token"), ("name", "ci")], "token_revoked").await;
    assert!(browser.security.tokens().is_empty());
}

#[tokio::test]
async fn ones_own_password_takes_the_present_one_and_ends_the_session() {
    let mut browser = Browser::signed_in().await;
    let fields =
        |current| [("action", "own_password"), ("current", current), ("password", "another horse")];
    let wrong = change(&mut browser, &fields("guess")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("not right") && !wrong.body.contains("another horse"));
    let done = change(&mut browser, &fields(PASSWORD)).await;
    assert_eq!(done.location(), "/sign-in?next=/access");
    assert_eq!(browser.get(ACCESS).await.status, StatusCode::SEE_OTHER, "the session has ended");
    let again = browser.post("/sign-in", &[("user", "admin"), ("password", PASSWORD)]).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let mut browser = Browser::signed_in().await;
    for csrf in ["", "guess"] {
        let fields = [
            ("csrf", csrf),
            ("action", "create_user"),
            ("name", "evil"),
            ("password", PASSWORD),
            ("role", "admin"),
        ];
        assert_eq!(browser.post(ACCESS, &fields).await.status, StatusCode::CONFLICT);
    }
    assert_eq!(browser.security.users().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_is_said_above_the_form() {
    let mut browser = Browser::signed_in().await;
    let user = |name, password| {
        [("action", "create_user"), ("name", name), ("password", password), ("role", "member")]
    };
    for (fields, says) in [
        (user("admin", PASSWORD), "admin is there already."),
        (user("a:b", PASSWORD), "no colons"),
        (user("u1", "short"), "at least 8 characters"),
    ] {
        let refused = change(&mut browser, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{says}");
        assert!(refused.body.contains(says), "{says}");
    }
    let last = change(&mut browser, &[("action", "delete_user"), ("name", "admin")]).await;
    assert!(last.body.contains("no administrator would be left"));
    let pattern = [("action", "grant"), ("name", "r"), ("resource", "nonsense"), ("rights", "r")];
    assert!(change(&mut browser, &pattern).await.body.contains("namespace:group:type/name"));
    let nothing = change(&mut browser, &[("action", "other")]).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
}
