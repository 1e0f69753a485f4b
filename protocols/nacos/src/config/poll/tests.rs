//! Long polls, in the exact bytes of recorded sessions.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::PublishForm;
use crate::config::tests::{Rig, eventually, form};

fn ask(listening: &str) -> PollForm<'_> {
    PollForm { listening, timeout_ms: Some(30_000), no_hangup: false, labels: Labels::default() }
}

fn now(rig: &Rig, form: &PollForm<'_>) -> String {
    match rig.configs.poll(form).unwrap() {
        Poll::Now(body) => String::from_utf8(body).unwrap(),
        Poll::Later(_) => panic!("it waits"),
    }
}

fn later(rig: &Rig, form: &PollForm<'_>) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send>> {
    match rig.configs.poll(form).unwrap() {
        Poll::Now(body) => panic!("it answers: {:?}", String::from_utf8(body)),
        Poll::Later(answer) => answer,
    }
}

#[tokio::test]
async fn what_differs_is_answered_at_once_in_the_words_of_the_client() {
    let rig = Rig::new();
    rig.publish("a.yaml", "k: 2").await;
    let zeros = "0".repeat(32);
    let item = format!("a.yaml\u{2}G\u{2}{zeros}");
    assert_eq!(now(&rig, &ask(&format!("{item}\u{1}"))), "a.yaml%02G%01\n");
    let with_tenant = format!("{item}\u{2}public\u{1}");
    assert_eq!(now(&rig, &ask(&with_tenant)), "a.yaml%02G%02public%01\n");
    let encoded = with_tenant.replace('\u{1}', "%01").replace('\u{2}', "%02");
    assert_eq!(now(&rig, &ask(&encoded)), "a.yaml%02G%02public%01\n", "encoded twice");
    let two = format!("{item}\u{1}zz\u{2}G\u{2}\u{1}b:c\u{2}G\u{2}{zeros}\u{1}");
    assert_eq!(now(&rig, &ask(&two)), "a.yaml%02G%01b%3Ac%02G%01\n");
    for form in [
        PollForm { no_hangup: true, ..ask("zz\u{2}G\u{2}\u{1}") },
        PollForm { timeout_ms: None, ..ask("zz\u{2}G\u{2}\u{1}") },
    ] {
        assert_eq!(now(&rig, &form), "", "nothing differs, and nobody waits");
    }
}

#[tokio::test]
async fn a_change_ends_the_wait_with_that_key_alone() {
    let rig = Rig::new();
    let waiting = later(&rig, &ask("a\u{2}G\u{2}\u{1}b\u{2}G\u{2}\u{2}public\u{1}"));
    let rows = rig.configs.listeners_of(&KeyRef::new("", "G", "b"));
    assert_eq!((rows.len(), &*rows[0].md5), (1, ""));
    rig.publish("c", "1").await;
    rig.publish("b", "1").await;
    assert_eq!(waiting.await, b"b%02G%02public%01\n");
    assert!(rig.configs.listeners_of(&KeyRef::new("", "G", "b")).is_empty(), "it has left");
}

#[tokio::test]
async fn only_those_whom_a_beta_means_are_answered() {
    let rig = Rig::new();
    rig.publish("a", "1").await;
    let held = "a\u{2}G\u{2}c4ca4238a0b923820dcc509a6f75849b\u{1}";
    let at = |client_ip| PollForm { labels: Labels { client_ip, tag: "" }, ..ask(held) };
    let (meant, other) = (later(&rig, &at("10.0.0.1")), later(&rig, &at("10.0.0.2")));
    let rows = rig.configs.listened_by("10.0.0.2");
    assert_eq!(rows[0].md5, "c4ca4238a0b923820dcc509a6f75849b");
    let beta = PublishForm { beta_ips: "10.0.0.1", ..form("a", "2") };
    rig.configs.publish(&beta).await.unwrap();
    assert_eq!(meant.await, b"a%02G%01\n");
    assert_eq!(rig.configs.listened_by("10.0.0.2").len(), 1, "the other waits on");
    drop(other);
    assert!(rig.configs.listened_by("10.0.0.2").is_empty(), "gone when nobody waits");
    assert_eq!(rig.configs.shared.polls.0.lock().items, 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_at_least_ten_seconds_and_ends_empty_before_the_client_gives_up() {
    let rig = Rig::new();
    for (timeout_ms, held_ms) in [(1_000, 10_000), (30_000, 29_500), (u64::MAX, 300_000)] {
        let before = tokio::time::Instant::now();
        let form = PollForm { timeout_ms: Some(timeout_ms), ..ask("a\u{2}G\u{2}\u{1}") };
        assert_eq!(later(&rig, &form).await, b"");
        assert_eq!(before.elapsed(), Duration::from_millis(held_ms));
    }
}

#[tokio::test]
async fn what_is_no_list_is_refused() {
    let rig = Rig::new();
    let long = "a\u{2}G\u{2}\u{1}".repeat(POLL_KEYS_MAX);
    assert!(rig.configs.poll(&PollForm { no_hangup: true, ..ask(&long) }).is_ok());
    let longer = format!("{long}a\u{2}G\u{2}\u{1}");
    let cases = [
        "",
        "abc",
        "a\u{2}G\u{1}",
        "a\u{2}G\u{2}\u{2}\u{2}\u{1}",
        "a\u{2}G\u{2}",
        "\u{1}",
        &longer,
    ];
    for text in cases {
        let Err(problem) = rig.configs.poll(&ask(text)) else { panic!("{text:?} is a list") };
        assert_eq!((problem.status, &*problem.message), (400, INVALID));
    }
}

#[tokio::test]
async fn a_mass_of_polls_has_a_limit() {
    let rig = Rig::new();
    rig.configs.shared.polls.0.lock().items = POLLED_MAX;
    let Err(problem) = rig.configs.poll(&ask("a\u{2}G\u{2}\u{1}")) else { panic!("it waits") };
    assert_eq!(problem.status, 503);
    rig.configs.shared.polls.0.lock().items = 0;
    let waiting = later(&rig, &ask("a\u{2}G\u{2}\u{1}"));
    rig.publish("a", "1").await;
    eventually(|| rig.configs.shared.polls.0.lock().waiting.len() == 1).await;
    assert_eq!(waiting.await, b"a%02G%01\n");
}

proptest! {
    #[test]
    fn any_text_is_a_list_or_refused(text in "[ -~\u{1}\u{2}é%0-2]{0,60}") {
        if let Ok(decoded) = decoded(&text) {
            let _read = parse(&decoded).map(|items| items.len());
        }
        let mut body = String::new();
        encode(&mut body, &text);
        prop_assert!(body.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
