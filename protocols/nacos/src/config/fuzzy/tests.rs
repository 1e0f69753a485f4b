//! Watches by pattern: the beginning, what appears and disappears, and the limits.

use rialto_configuration::{
    ConfigKey, Content, ImportItem, ImportPolicy, Origin, PublishMeta, Quotas,
};

use crate::config::tests::{Rig, eventually};
use crate::limits::{FUZZY_MATCHES_MAX, FUZZY_PATTERNS_MAX};
use crate::naming::{ConnectionId, Outcome};
use crate::{Code, Problem};

const PATTERN: &str = "public>>G>>jc*";

fn watch(rig: &Rig, connection: u64, received: &[&str], begin: bool) -> Result<(), Problem> {
    rig.configs.watch(ConnectionId(connection), PATTERN, received, begin)
}

/// The next push, acknowledged.
async fn next(rig: &Rig) -> (&'static str, serde_json::Value) {
    eventually(|| rig.pushed.len() == 1).await;
    let (_, kind, body) = rig.pushed.take(Outcome::Acked).pop().unwrap();
    (kind, serde_json::from_str(&format!("{{{body}")).unwrap())
}

#[tokio::test]
async fn a_watch_begins_with_all_that_is_there() {
    let rig = Rig::new();
    rig.publish("jcfg", "1").await;
    rig.publish("other", "1").await;
    watch(&rig, 1, &[], true).unwrap();
    let (kind, body) = next(&rig).await;
    assert_eq!(kind, "ConfigFuzzyWatchSyncRequest");
    let expected = serde_json::json!({
        "groupKeyPattern": PATTERN,
        "contexts": [{ "groupKey": "jcfg+G+public", "changedType": "ADD_CONFIG" }],
        "syncType": "FUZZY_WATCH_INIT_NOTIFY",
        "totalBatch": 1,
        "currentBatch": 1,
        "module": "config",
    });
    assert_eq!(body, expected);
    let (_, body) = next(&rig).await;
    let finished = (&body["syncType"], &body["totalBatch"], &body["currentBatch"]);
    assert_eq!(finished.0, "FINISH_FUZZY_WATCH_INIT_NOTIFY");
    assert_eq!((finished.1, finished.2), (&0.into(), &0.into()));

    rig.publish("jcnew", "1").await;
    let (kind, body) = next(&rig).await;
    assert_eq!(kind, "ConfigFuzzyWatchChangeNotifyRequest");
    let expected = serde_json::json!({
        "groupKey": "jcnew+G+public",
        "changeType": "CONFIG_CHANGED",
        "module": "config",
    });
    assert_eq!(body, expected);
    rig.publish("jcnew", "2").await;
    rig.remove("jcnew").await;
    let (_, body) = next(&rig).await;
    assert_eq!(body["changeType"], "DELETE_CONFIG", "another content is no news");

    rig.configs.unwatch(ConnectionId(1), PATTERN);
    rig.publish("jcnew", "3").await;
    watch(&rig, 2, &["jcfg+G+public", "jcnew+G+public"], false).unwrap();
    rig.publish("jclast", "1").await;
    let (_, body) = next(&rig).await;
    assert_eq!(body["groupKey"], "jclast+G+public", "nothing differed, and the other is gone");
}

#[tokio::test]
async fn a_watch_again_tells_what_differs() {
    let rig = Rig::new();
    rig.publish("jca", "1").await;
    let received = ["jcgone+G+public", "nonsense"];
    watch(&rig, 1, &received, false).unwrap();
    let (_, body) = next(&rig).await;
    assert_eq!(body["syncType"], "FUZZY_WATCH_DIFF_SYNC_NOTIFY");
    let expected = serde_json::json!([
        { "groupKey": "jca+G+public", "changedType": "ADD_CONFIG" },
        { "groupKey": "jcgone+G+public", "changedType": "DELETE_CONFIG" },
    ]);
    assert_eq!(body["contexts"], expected);
}

#[tokio::test]
async fn much_comes_in_batches_and_more_than_the_limit_not_at_all() {
    let rig = Rig::with(Quotas::default());
    let item = |number: usize| ImportItem {
        key: ConfigKey::new("", "G", &format!("jc{number:04}")).unwrap(),
        content: Content::new("x"),
        kind: None,
        meta: PublishMeta::default(),
        encrypted_data_key: String::new(),
        secret: false,
    };
    let items = (0..FUZZY_MATCHES_MAX + 3).map(item).collect();
    let configurations = rig.configs.configurations();
    configurations.import(items, ImportPolicy::Abort, Origin::default()).await.unwrap();
    let problem = watch(&rig, 1, &[], true).unwrap_err();
    assert_eq!(problem.code, Code::MatchesTooMany);
    let mut told = 0;
    for current in 1..=25 {
        let (_, body) = next(&rig).await;
        assert_eq!((&body["totalBatch"], &body["currentBatch"]), (&25.into(), &current.into()));
        told += body["contexts"].as_array().unwrap().len();
    }
    assert_eq!(told, FUZZY_MATCHES_MAX);
    let (_, body) = next(&rig).await;
    assert_eq!(body["syncType"], "FINISH_FUZZY_WATCH_INIT_NOTIFY");
}

#[tokio::test]
async fn patterns_are_limited_and_leave_with_their_watchers() {
    let rig = Rig::new();
    for number in 0..FUZZY_PATTERNS_MAX {
        let pattern = format!("public>>G>>{number}*");
        rig.configs.watch(ConnectionId(number as u64), &pattern, &[], false).unwrap();
    }
    let problem = watch(&rig, 99, &[], true).unwrap_err();
    assert_eq!(problem.code, Code::PatternsTooMany);
    rig.configs.watch(ConnectionId(99), "public>>G>>3*", &[], false).unwrap();
    rig.configs.end(ConnectionId(7));
    watch(&rig, 99, &[], false).unwrap();
    let problem = rig.configs.watch(ConnectionId(1), "a>>b", &[], true).unwrap_err();
    assert_eq!(problem.code, Code::ParameterInvalid);
}
