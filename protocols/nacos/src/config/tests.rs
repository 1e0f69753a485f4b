//! Listening and publishing over a transport that only writes down what it is to send.

use std::sync::Arc;
use std::time::Duration;

use rialto_catalog::Timestamp;
use rialto_configuration::{
    Capacity, ConfigKey, ImportPolicy, KeyRef, Labels, Quotas, Scope, Search, Text,
};
use rialto_engine::{Configurations, Engine, ManualClock};
use rialto_telemetry::Telemetry;

use super::*;
use crate::naming::{Outcome, PushRequest};

/// What was pushed, to whom.
#[derive(Default)]
pub(super) struct Pushed {
    pushes: Mutex<Vec<(ConnectionId, PushRequest)>>,
    cut: Mutex<Vec<ConnectionId>>,
}

impl Push for Pushed {
    fn push(&self, connection: ConnectionId, push: PushRequest) {
        self.pushes.lock().push((connection, push));
    }

    fn cut(&self, connection: ConnectionId) {
        self.cut.lock().push(connection);
    }
}

impl Pushed {
    /// Takes what was pushed, answers it, and shows it.
    pub(super) fn take(&self, outcome: Outcome) -> Vec<(u64, &'static str, String)> {
        let pushes = std::mem::take(&mut *self.pushes.lock());
        let answer = |(connection, push): (ConnectionId, PushRequest)| {
            push.outcome.done(connection, push.token, outcome);
            let body = String::from_utf8(push.shared.to_vec()).unwrap();
            (connection.0, push.kind, body)
        };
        pushes.into_iter().map(answer).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.pushes.lock().len()
    }

    pub(super) fn cuts(&self) -> Vec<u64> {
        self.cut.lock().iter().map(|connection| connection.0).collect()
    }
}

pub(super) struct Rig {
    pub(super) configs: Configs,
    pub(super) pushed: Arc<Pushed>,
}

impl Rig {
    /// Configurations in memory, with somebody who delivers.
    pub(super) fn new() -> Self {
        Self::with(Quotas::default())
    }

    pub(super) fn with(quotas: Quotas) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_795_405_586_701)));
        let engine = Engine::in_memory(clock, Telemetry::new());
        let configurations = Configurations::open(&engine, quotas).unwrap();
        let pushed = Arc::new(Pushed::default());
        let configs = Configs::new(configurations, Arc::clone(&pushed) as _, Telemetry::new());
        let running = configs.clone();
        tokio::spawn(async move { running.run(std::future::pending()).await });
        Self { configs, pushed }
    }

    pub(super) async fn publish(&self, data_id: &str, content: &str) {
        self.configs.publish(&form(data_id, content)).await.unwrap();
    }

    pub(super) async fn remove(&self, data_id: &str) {
        let form = RemoveForm { group: "G", data_id, ..RemoveForm::default() };
        self.configs.remove(&form).await.unwrap();
    }

    fn md5(&self, data_id: &str) -> String {
        let key = KeyRef::new("", "G", data_id);
        let found = self.configs.query(&key, &Labels::default(), "");
        found.map_or_else(String::new, |found| found.content.md5_text().to_owned())
    }

    pub(super) fn listen(
        &self,
        connection: u64,
        ip: &str,
        data_id: &str,
        tenant: &str,
        md5: &str,
    ) -> bool {
        let labels = Labels { client_ip: ip, tag: "" };
        let listener = Listener { connection: ConnectionId(connection), labels };
        let item = ListenItem { data_id, group: "G", tenant, md5 };
        !self.configs.listen(&listener, &[item], true).unwrap().is_empty()
    }

    /// Waits until something was pushed.
    pub(super) async fn pushes(&self, count: usize) -> Vec<(u64, &'static str, String)> {
        eventually(|| self.pushed.len() >= count).await;
        assert_eq!(self.pushed.len(), count);
        self.pushed.take(Outcome::Acked)
    }
}

pub(super) fn form<'a>(data_id: &'a str, content: &'a str) -> PublishForm<'a> {
    PublishForm { group: "G", data_id, content, ..PublishForm::default() }
}

pub(super) async fn eventually(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it happens in time");
}

/// Lets whatever is under way be done: a change of another name is told after all before it.
async fn settle(rig: &Rig) {
    rig.listen(999, "9.9.9.9", "settled", "", "");
    // Another content each time, since the same again is told to nobody.
    rig.publish("settled", &format!("after {}", rig.md5("settled"))).await;
    let is_settled = |(connection, push): &(ConnectionId, PushRequest)| {
        connection.0 == 999 && push.kind == "ConfigChangeNotifyRequest"
    };
    eventually(|| rig.pushed.pushes.lock().iter().any(is_settled)).await;
    let settled: Vec<_> = rig.pushed.pushes.lock().extract_if(.., |one| is_settled(one)).collect();
    for (connection, push) in settled {
        push.outcome.done(connection, push.token, Outcome::Acked);
    }
}

#[tokio::test]
async fn what_is_missing_has_an_empty_digest() {
    let rig = Rig::new();
    assert!(!rig.listen(1, "", "a", "", ""), "nothing is there, and the client has nothing");
    assert!(rig.listen(1, "", "a", "", "270f9e65a80226eccd82c99cdd0dd2fb"));
    rig.publish("a", "a: 1").await;
    assert!(rig.listen(1, "", "a", "", ""));
    assert!(!rig.listen(1, "", "a", "public", "270f9e65a80226eccd82c99cdd0dd2fb"));
    assert!(rig.listen(1, "", "a", "dev", "270f9e65a80226eccd82c99cdd0dd2fb"));
    rig.remove("a").await;
    assert!(!rig.listen(1, "", "a", " ", ""), "a blank namespace is public");
}

#[tokio::test]
async fn a_change_is_told_once_to_each_in_its_own_words() {
    let rig = Rig::new();
    rig.listen(1, "", "a", "", "");
    rig.listen(2, "", "a", "public", "");
    rig.listen(3, "", "b", "", "");
    rig.publish("a", "1").await;
    let pushes = rig.pushes(2).await;
    let body =
        |tenant| format!(r#""dataId":"a","group":"G","tenant":"{tenant}","module":"config"}}"#);
    let kind = "ConfigChangeNotifyRequest";
    assert_eq!(pushes, [(1, kind, body("")), (2, kind, body("public"))]);
    rig.remove("a").await;
    assert_eq!(rig.pushes(2).await.len(), 2);
    rig.configs.end(ConnectionId(1));
    let listener = Listener { connection: ConnectionId(2), labels: Labels::default() };
    let item = ListenItem { data_id: "a", group: "G", tenant: "public", md5: "" };
    rig.configs.listen(&listener, &[item], false).unwrap();
    rig.publish("a", "2").await;
    settle(&rig).await;
    assert_eq!(rig.pushed.len(), 0, "nobody listens to it any more");
}

#[tokio::test]
async fn many_changes_before_an_acknowledgement_are_told_once_more() {
    let rig = Rig::new();
    rig.listen(1, "", "a", "", "");
    rig.publish("a", "0").await;
    eventually(|| rig.pushed.len() == 1).await;
    for number in 1..20 {
        rig.publish("a", &number.to_string()).await;
    }
    settle(&rig).await;
    assert_eq!(rig.pushed.len(), 1, "the first is under way");
    rig.pushed.take(Outcome::Acked);
    assert_eq!(rig.pushes(1).await.len(), 1);
    settle(&rig).await;
    assert_eq!(rig.pushed.len(), 0);
}

#[tokio::test]
async fn a_beta_is_another_digest_for_those_whom_it_means() {
    let rig = Rig::new();
    rig.publish("a", "all").await;
    let formal = rig.md5("a");
    let beta = PublishForm { beta_ips: "10.0.0.1,10.0.0.2", ..form("a", "beta") };
    rig.configs.publish(&beta).await.unwrap();
    assert!(rig.listen(1, "10.0.0.1", "a", "", &formal));
    assert!(!rig.listen(2, "10.0.0.3", "a", "", &formal));
    let key = KeyRef::new("", "G", "a");
    let read = |ip, header, tag| {
        let labels = Labels { client_ip: ip, tag: header };
        rig.configs.query(&key, &labels, tag).map(|found| found.content.text().to_owned())
    };
    rig.configs.publish(&PublishForm { tag: "blue", ..form("a", "blue") }).await.unwrap();
    assert_eq!(read("10.0.0.2", "", "").as_deref(), Some("beta"));
    assert_eq!(read("10.0.0.2", "blue", "blue").as_deref(), Some("beta"), "before all others");
    assert_eq!(read("10.0.0.3", "blue", "").as_deref(), Some("blue"));
    assert_eq!(read("10.0.0.3", "", "blue").as_deref(), Some("blue"));
    assert_eq!(read("10.0.0.3", "", "green"), None, "an explicit tag is not the formal version");
    assert_eq!(read("10.0.0.3", "green", "").as_deref(), Some("all"));
    let stop = RemoveForm { group: "G", data_id: "a", beta: true, ..RemoveForm::default() };
    assert_eq!(rig.configs.remove(&stop).await, Ok(true));
    assert_eq!(rig.configs.remove(&stop).await, Ok(false));
    assert_eq!(read("10.0.0.2", "", "").as_deref(), Some("all"));
}

#[tokio::test]
async fn refusals_have_nacos_codes_and_words() {
    let rig = Rig::with(Quotas { enabled: true, group_max: 1, bytes_max: 64, ..Quotas::default() });
    rig.publish("a", "1").await;
    let long = "x".repeat(300);
    let cases: Vec<(PublishForm<'_>, u16, Code, &str)> = vec![
        (PublishForm { cas_md5: "00", ..form("a", "2") }, 500, Code::Conflict, "Cas publish fail"),
        (form("a b/c", "x"), 400, Code::ParameterInvalid, "Param 'dataId' is illegal, illegal"),
        (form(&long, "x"), 400, Code::ParameterInvalid, "length should not exceed 256"),
        (form("", "x"), 400, Code::ParameterMissing, "'dataId'"),
        (form("a", " "), 400, Code::ParameterMissing, "'content'"),
        (PublishForm { group: "", ..form("a", "x") }, 400, Code::ParameterMissing, "'group'"),
        (
            PublishForm { namespace: "a b", ..form("a", "x") },
            400,
            Code::ParameterInvalid,
            "'namespaceId/tenant'",
        ),
        (PublishForm { kind: &long, ..form("a", "x") }, 400, Code::ParameterInvalid, "'type'"),
        (PublishForm { desc: &long, ..form("a", "x") }, 400, Code::ParameterInvalid, "'desc'"),
        (PublishForm { tag: &long, ..form("a", "x") }, 400, Code::ParameterInvalid, "'tag'"),
        (PublishForm { beta_ips: "x", ..form("a", "x") }, 400, Code::ParameterInvalid, "'betaIps'"),
        (form("b", "x"), 429, Code::GroupQuota, "the quota of the group"),
        (form("a", &long), 429, Code::SizeQuota, "bytes"),
    ];
    for (form, status, code, words) in cases {
        let problem = rig.configs.publish(&form).await.unwrap_err();
        assert_eq!((problem.status, problem.code), (status, code), "{form:?}: {problem}");
        assert!(problem.message.contains(words), "{words}: {problem}");
    }
    assert_eq!(rig.md5("a"), "c4ca4238a0b923820dcc509a6f75849b", "nothing was changed");
    let large = "x".repeat(rialto_configuration::limits::CONTENT_BYTES_MAX + 1);
    let problem = rig.configs.publish(&form("a", &large)).await.unwrap_err();
    assert!(problem.message.contains("'content'"), "{problem}");
}

#[tokio::test]
async fn too_many_gray_versions_have_their_own_code() {
    let rig = Rig::new();
    for number in 0..10 {
        let tag = format!("t{number}");
        rig.configs.publish(&PublishForm { tag: &tag, ..form("a", "x") }).await.unwrap();
    }
    let more = PublishForm { tag: "more", ..form("a", "x") };
    assert_eq!(rig.configs.publish(&more).await.unwrap_err().code, Code::GrayTooMany);
}

#[tokio::test]
async fn listeners_are_found_by_what_and_by_where() {
    let rig = Rig::new();
    rig.publish("a", "1").await;
    let md5 = rig.md5("a");
    rig.listen(1, "10.0.0.1", "a", "", &md5);
    rig.listen(2, "10.0.0.1", "a", "", &md5);
    rig.listen(3, "10.0.0.2", "a", "public", "");
    rig.listen(3, "10.0.0.2", "b", "", "nonsense");
    let rows = rig.configs.listeners_of(&KeyRef::new("public", "G", "a"));
    let rows: Vec<_> = rows.iter().map(|row| (&*row.ip, &*row.md5)).collect();
    assert_eq!(rows, [("10.0.0.1", &*md5), ("10.0.0.2", "")]);
    let rows = rig.configs.listened_by("10.0.0.2");
    let rows: Vec<_> = rows.iter().map(|row| (row.key.group_key(), &*row.md5)).collect();
    assert_eq!(rows, [("a+G+public".to_owned(), ""), ("b+G+public".to_owned(), "")]);
    assert!(rig.configs.listened_by("10.0.0.3").is_empty());
    rig.configs.end(ConnectionId(3));
    assert!(rig.configs.listened_by("10.0.0.2").is_empty());
}

#[tokio::test]
async fn one_connection_listens_to_a_bounded_number() {
    let rig = Rig::new();
    let names: Vec<String> =
        (0..=crate::limits::CONFIG_LISTENED_MAX).map(|number| number.to_string()).collect();
    let items: Vec<_> = names
        .iter()
        .map(|data_id| ListenItem { data_id, group: "G", tenant: "", md5: "" })
        .collect();
    let listener = Listener { connection: ConnectionId(1), labels: Labels::default() };
    let problem = rig.configs.listen(&listener, &items, true).unwrap_err();
    assert!(problem.message.contains("open another"), "{problem}");
    rig.configs.end(ConnectionId(1));
    assert_eq!(rig.configs.listen(&listener, &items[1..], true), Ok(Vec::new()));
    let odd = ListenItem { data_id: "a b", group: "", tenant: "", md5: "1" };
    let other = Listener { connection: ConnectionId(2), labels: Labels::default() };
    assert_eq!(rig.configs.listen(&other, &[odd], true), Ok(vec![0]), "it is not there");
}

#[tokio::test]
async fn history_is_shown_of_the_configuration_that_is_named() {
    let rig = Rig::new();
    for content in ["1", "2", "3"] {
        rig.publish("a", content).await;
    }
    rig.publish("b", "other").await;
    let (a, b) = (KeyRef::new("", "G", "a"), KeyRef::new("", "G", "b"));
    let page = rig.configs.history(&a, 1, 2).unwrap();
    assert_eq!((page.total, page.items.len(), page.items[0].op.as_str()), (3, 2, "U"));
    let id = page.items[0].id;
    assert_eq!(rig.configs.history_entry(&a, id).unwrap().unwrap().content.text(), "2");
    assert_eq!(rig.configs.history_entry(&b, id).unwrap(), None, "not by a number alone");
    assert_eq!(rig.configs.history_previous(&a, id).unwrap().unwrap().content.text(), "1");
    assert_eq!(rig.configs.history_previous(&b, id).unwrap(), None);
}

#[tokio::test]
async fn many_are_copied_and_removed_by_their_numbers() {
    let rig = Rig::new();
    for data_id in ["a", "b"] {
        rig.publish(data_id, data_id).await;
    }
    let ids: Vec<u64> = ["a", "b"]
        .map(|data_id| rig.configs.detail(&KeyRef::new("", "G", data_id)).unwrap().id)
        .to_vec();
    assert_eq!(rig.configs.by_ids(&[ids[0], ids[1], 77]).unwrap().len(), 2);
    let items = [
        CloneItem { id: ids[0], group: "", data_id: "" },
        CloneItem { id: ids[1], group: "H", data_id: "b2" },
        CloneItem { id: 77, group: "", data_id: "" },
    ];
    let clone = CloneForm {
        namespace: "dev",
        items: &items,
        policy: ImportPolicy::Abort,
        user: "ann",
        ip: "10.0.0.1",
    };
    assert_eq!(rig.configs.copy(&clone).await.unwrap().succeeded, 2);
    let copied = rig.configs.detail(&KeyRef::new("dev", "H", "b2")).unwrap();
    assert_eq!(copied.formal.as_ref().unwrap().effective.content.text(), "b");
    assert_eq!(rig.configs.count("dev"), 2);
    let nothing = CloneForm { items: &items[2..], ..clone };
    assert_eq!(rig.configs.copy(&nothing).await.unwrap_err().code, Code::NothingSelected);
    let keys = vec![ConfigKey::new("", "G", "a").unwrap(), ConfigKey::new("", "G", "z").unwrap()];
    assert_eq!(rig.configs.remove_many(keys, "ann", "10.0.0.1").await, Ok(1));
    let search = Search { data_id: Text::blur("*"), ..Search::default() };
    assert_eq!(rig.configs.search(&search, 1, 10).total, 1);
}

#[tokio::test]
async fn capacities_are_set_and_shown() {
    let rig = Rig::new();
    let scope = Scope::Group("G".to_owned());
    let capacity = Capacity { configs_max: 5, bytes_max: 0 };
    rig.configs.set_capacity(scope.clone(), Some(capacity)).await.unwrap();
    rig.publish("a", "x").await;
    let usage = rig.configs.usage(&scope);
    let expected = Capacity { configs_max: 5, bytes_max: 100 * 1024 };
    assert_eq!((usage.used, usage.capacity), (1, expected));
}
