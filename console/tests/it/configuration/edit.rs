//! The editor: nothing is published before it was looked at, and nothing unseen is replaced.

use http::StatusCode;

use crate::setup::Browser;

const ADD: &str = "/configuration/add";
const EDIT: &str = "/configuration/public/G/app.yaml/edit";

#[tokio::test]
async fn a_new_configuration_is_previewed_and_published() {
    let mut browser = Browser::signed_in().await;
    let fields = [
        ("data_id", "app.yaml"),
        ("group", "G"),
        ("namespace", "public"),
        ("content", "a: 1\r\nb: <2>\r\n"),
        ("kind", "yaml"),
        ("tags", "one, two"),
        ("description", "first"),
        ("step", "preview"),
    ];
    let preview = browser.submit_with_hidden(ADD, ADD, &fields).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.body);
    assert!(preview.body.contains("b: &#60;2&#62;") && preview.body.contains("class=\"added\""));
    assert!(browser.published("app.yaml").is_none(), "a look publishes nothing");
    let back = browser.resubmit(&preview.body, ADD, &[("step", "edit")]).await;
    assert!(back.body.contains("value=\"one, two\"") && back.body.contains("b: &#60;2&#62;"));
    let done = browser.resubmit(&preview.body, ADD, &[("step", "publish")]).await;
    let item = "/configuration/public/G/app.yaml?notice=configuration_published";
    assert_eq!(done.location(), item);
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: 1\nb: <2>\n"));
    let page = browser.get(item).await.body;
    assert!(page.contains(">one<") && page.contains("first") && page.contains("by admin"));
}

#[tokio::test]
async fn an_edit_shows_the_difference_in_text_and_words() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "port: 80\nname: shop\n").await;
    let fields =
        [("content", "port: 8080\r\nname: shop\r\n"), ("tags", "new"), ("step", "preview")];
    let preview = browser.submit_with_hidden(EDIT, EDIT, &fields).await.body;
    assert!(preview.contains("port: 80<mark>80</mark>"), "{preview}");
    assert!(preview.contains("<ins>new</ins>") && preview.contains("class=\"removed\""));
    let done = browser.resubmit(&preview, EDIT, &[("step", "publish")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(browser.published("app.yaml").as_deref(), Some("port: 8080\nname: shop\n"));
}

#[tokio::test]
async fn what_somebody_else_published_meanwhile_is_shown_and_not_replaced() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    let fields = [("content", "a: mine\n"), ("step", "preview")];
    let preview = browser.submit_with_hidden(EDIT, EDIT, &fields).await.body;
    browser.publish("app.yaml", "a: theirs\n").await;
    let refused = browser.resubmit(&preview, EDIT, &[("step", "publish")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("carol published another version while you were writing"));
    assert!(refused.body.contains("theirs") && refused.body.contains("mine"));
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: theirs\n"));
    // Now that it was seen, it may be replaced.
    let done = browser.resubmit(&refused.body, EDIT, &[("step", "publish")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: mine\n"));
}

#[tokio::test]
async fn changed_words_and_an_appearance_or_removal_count_as_changes_too() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    let fields = [("content", "a: mine\n"), ("step", "preview")];
    let preview = browser.submit_with_hidden(EDIT, EDIT, &fields).await.body;
    browser
        .publish_with("app.yaml", "a: 1\n", |publish| {
            publish.meta.desc = Some("described".to_owned());
        })
        .await;
    let refused = browser.resubmit(&preview, EDIT, &[("step", "publish")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("<del>described</del>"));

    let fields = [("data_id", "late"), ("group", "G"), ("content", "mine"), ("step", "preview")];
    let preview = browser.submit_with_hidden(ADD, ADD, &fields).await.body;
    browser.publish("late", "theirs").await;
    let refused = browser.resubmit(&preview, ADD, &[("step", "publish")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(browser.published("late").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_written_is_kept() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    let long = "x".repeat(200);
    for (page, fields, said) in [
        (EDIT, vec![("content", " \r\n ")], "The content is empty"),
        (ADD, vec![("data_id", "a b"), ("content", "keep me")], "characters that it may not have"),
        (ADD, vec![("data_id", ""), ("content", "keep me")], "missing or blank"),
    ] {
        let fields: Vec<_> = fields.into_iter().chain([("step", "preview")]).collect();
        let answer = browser.submit_with_hidden(page, page, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}: {}", answer.body);
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
        assert!(page == EDIT || answer.body.contains("keep me"), "{said}");
    }
    let fields = [("content", "a: 2\n"), ("description", long.as_str()), ("step", "publish")];
    let answer = browser.submit_with_hidden(EDIT, EDIT, &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("too long") && answer.body.contains("a: 2"));
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: 1\n"));
}

#[tokio::test]
async fn bad_json_is_doubted_and_not_refused() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "{}").await;
    let fields = [("content", "{"), ("kind", "json"), ("step", "preview")];
    let preview = browser.submit_with_hidden(EDIT, EDIT, &fields).await.body;
    assert!(preview.contains("This is not valid JSON"));
    let done = browser.resubmit(&preview, EDIT, &[("step", "publish")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn forms_of_nobody_publish_nothing() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    for csrf in ["", "x"] {
        let fields = [("csrf", csrf), ("content", "evil"), ("step", "publish")];
        assert_eq!(browser.post(EDIT, &fields).await.status, StatusCode::CONFLICT);
    }
    assert_eq!(browser.published("app.yaml").as_deref(), Some("a: 1\n"));
}

#[tokio::test]
async fn a_large_content_is_edited_and_a_huge_one_is_refused() {
    let mut browser = Browser::signed_in().await;
    let large = "0123456789abcdef\n".repeat(40_000);
    browser.publish("app.yaml", &large).await;
    let item = browser.get("/configuration/public/G/app.yaml").await.body;
    assert!(item.contains("This is only the beginning"));
    let longer = format!("{large}last: line\n").replace('\n', "\r\n");
    let fields = [("content", longer.as_str()), ("step", "preview")];
    let preview = browser.submit_with_hidden(EDIT, EDIT, &fields).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert!(preview.body.contains("40,000") || preview.body.contains("39,997 unchanged lines"));
    let huge = "x".repeat(rialto_console::limits::EDIT_FORM_BYTES_MAX + 1);
    let fields = [("content", huge.as_str()), ("step", "preview")];
    let answer = browser.submit_with_hidden(EDIT, EDIT, &fields).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_removal_needs_a_reason_and_leads_to_the_history() {
    let mut browser = Browser::signed_in().await;
    browser.publish("app.yaml", "a: 1\n").await;
    let (item, remove) =
        ("/configuration/public/G/app.yaml", "/configuration/public/G/app.yaml/remove");
    let answer = browser.submit(item, remove, &[("reason", " ")]).await;
    assert_eq!(answer.location(), "/configuration/public/G/app.yaml?notice=reason");
    let answer = browser.submit(item, remove, &[("reason", "not used")]).await;
    let history = "/configuration/public/G/app.yaml/history?notice=configuration_removed";
    assert_eq!(answer.location(), history);
    assert!(browser.published("app.yaml").is_none());
    let page = browser.get(history).await.body;
    assert!(page.contains("Removed") && page.contains("/history/1"));
}
