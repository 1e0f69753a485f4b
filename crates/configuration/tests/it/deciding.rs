//! Publishing, comparing, gray versions, removal, import, and the history of all that.

use rialto_configuration::{
    Command, ImportItem, ImportPolicy, KeyRef, Kind, Op, Outcome, Publish, PublishMeta, Refused,
    Search, State, Target, Text, Write,
};

use crate::support::{Rig, beta, key, origin, publish, remove, tagged};

fn item(data_id: &str, text: &str) -> ImportItem {
    let publish = publish(data_id, text);
    ImportItem {
        key: publish.key,
        content: publish.content,
        kind: Some(Kind::Yaml),
        meta: PublishMeta::default(),
        encrypted_data_key: String::new(),
        secret: false,
    }
}

#[test]
fn compare_and_set_goes_by_what_is_published() {
    let mut rig = Rig::new();
    let with = |text: &str, cas: &str| {
        let mut publish = publish("a", text);
        publish.cas = cas.to_owned();
        publish
    };
    let md5 = publish("a", "1").content.md5_text().to_owned();
    let inserted = rig.publish(with("1", "00000000000000000000000000000000")).unwrap();
    assert_eq!(inserted, Outcome::Published { id: 1, inserted: true }, "what is missing goes in");
    assert_eq!(rig.publish(with("2", "00000000000000000000000000000000")), Err(Refused::Conflict));
    assert_eq!(rig.publish(with("2", "x")), Err(Refused::Conflict));
    assert_eq!(rig.read("a", "", ""), Some("1".to_owned()));
    let updated = rig.publish(with("2", &md5)).unwrap();
    assert_eq!(updated, Outcome::Published { id: 1, inserted: false });
    assert!(rig.publish(with("3", " ")).is_ok(), "blank asks nothing");
}

#[test]
fn of_two_in_one_batch_that_compare_only_the_first_wins() {
    let mut rig = Rig::new();
    rig.publish(publish("a", "1")).unwrap();
    let mut first = publish("a", "2");
    first.cas = publish("a", "1").content.md5_text().to_owned();
    let mut second = first.clone();
    second.content = publish("a", "3").content;
    let mut batch = rig.state.batch();
    assert!(batch.apply(9, Command::Publish(Box::new(first))).is_ok());
    assert_eq!(batch.apply(9, Command::Publish(Box::new(second))), Err(Refused::Conflict));
    let plan = batch.finish();
    assert_eq!(rig.read("a", "", ""), Some("1".to_owned()), "nothing shows before it is installed");
    rig.install(plan);
    assert_eq!(rig.read("a", "", ""), Some("2".to_owned()));
}

#[test]
fn gray_versions_are_for_those_whom_their_rules_mean() {
    let mut rig = Rig::new();
    rig.publish(publish("a", "all")).unwrap();
    rig.publish(tagged("a", "blue", "blue")).unwrap();
    rig.publish(beta("a", "beta", "10.1.1.1, 10.1.1.2")).unwrap();
    for (ip, tag, expected) in [
        ("10.1.1.1", "", "beta"),
        ("10.1.1.2", "blue", "beta"),
        ("10.1.1.3", "blue", "blue"),
        ("10.1.1.3", "green", "all"),
        ("", "", "all"),
    ] {
        assert_eq!(rig.read("a", ip, tag).as_deref(), Some(expected), "{ip} {tag}");
    }
    let mut yaml = publish("a", "all: 2");
    yaml.kind = Some(Kind::Yaml);
    rig.publish(yaml).unwrap();
    let entry = rig.state.get(&key("a").borrow()).unwrap();
    let names: Vec<_> = entry.grays.iter().map(|gray| gray.rule.name()).collect();
    assert_eq!(names, ["beta", "tag_blue"]);
    let kinds = entry.grays.iter().map(|gray| gray.effective.kind);
    assert!(kinds.into_iter().all(|kind| kind == Kind::Yaml), "the type is the formal one's");
    rig.run(remove("a", Target::Beta { ips: String::new() })).unwrap();
    assert_eq!(rig.read("a", "10.1.1.2", "blue").as_deref(), Some("blue"));
    rig.run(remove("a", Target::Tag("blue".to_owned()))).unwrap();
    assert_eq!(rig.read("a", "10.1.1.2", "blue").as_deref(), Some("all: 2"));
}

#[test]
fn a_gray_version_alone_is_seen_by_nobody_else() {
    let mut rig = Rig::new();
    rig.publish(beta("a", "beta", "10.1.1.1")).unwrap();
    assert_eq!(rig.read("a", "10.1.1.1", "").as_deref(), Some("beta"));
    assert_eq!(rig.read("a", "10.1.1.2", ""), None);
    assert_eq!(rig.state.total(), 0);
    assert!(!Search::default().matches(rig.state.get(&key("a").borrow()).unwrap()));
}

#[test]
fn removal_takes_every_version_and_leaves_no_residue() {
    let mut rig = Rig::new();
    rig.publish(publish("a", "all")).unwrap();
    rig.publish(beta("a", "beta", "10.1.1.1")).unwrap();
    assert_eq!(rig.run(remove("a", Target::Formal)), Ok(Outcome::Removed { existed: true }));
    assert_eq!(rig.run(remove("a", Target::Formal)), Ok(Outcome::Removed { existed: false }));
    assert_eq!(rig.read("a", "10.1.1.1", ""), None);
    assert_eq!(rig.state.by_id(1), None);
    assert_eq!((rig.state.total(), rig.state.namespaces().count()), (0, 0));
    assert_eq!(
        rig.publish(publish("a", "again")),
        Ok(Outcome::Published { id: 2, inserted: true }),
        "identifiers are not used again"
    );
}

#[test]
fn history_has_what_was_there_before() {
    let mut rig = Rig::new();
    rig.publish(publish("a", "1")).unwrap();
    rig.publish(publish("a", "2")).unwrap();
    rig.publish(beta("a", "b", "10.1.1.1")).unwrap();
    rig.run(remove("a", Target::Formal)).unwrap();
    let expected = [
        (Op::Insert, "", "1"),
        (Op::Update, "", "1"),
        (Op::Insert, "beta", "b"),
        (Op::Delete, "", "2"),
        (Op::Delete, "beta", "b"),
    ];
    let history = rig.history();
    let history: Vec<_> = history.iter().map(|(op, gray, text)| (*op, &**gray, &**text)).collect();
    assert_eq!(history, expected);
    let Some(Write::AddHistory(first)) =
        rig.writes.iter().find(|write| matches!(write, Write::AddHistory(_)))
    else {
        panic!("the first change is written down");
    };
    assert_eq!((first.line.publish_type(), &first.line.origin), ("formal", &origin()));
}

#[test]
fn what_is_not_said_again_is_cleared_but_for_application_and_tags() {
    let mut rig = Rig::new();
    let mut first = publish("a", "1");
    let said = |text: &str| Some(text.to_owned());
    first.kind = Some(Kind::Yaml);
    first.meta = PublishMeta {
        app_name: said("app"),
        tags: said("t1,t2"),
        desc: said("d"),
        used_for: said("u"),
        effect: said("e"),
        schema: said("s"),
    };
    rig.publish(first).unwrap();
    rig.publish(publish("a", "2")).unwrap();
    let formal = rig.state.get(&key("a").borrow()).unwrap().formal.clone().unwrap();
    assert_eq!((&*formal.meta.app_name, &*formal.meta.tags), ("app", "t1,t2"));
    assert_eq!((&*formal.meta.desc, &*formal.meta.schema), ("", ""));
    assert_eq!(formal.effective.kind, Kind::Text);
    assert_eq!((formal.created_ms, formal.effective.modified_ms), (1_000, 1_001));
}

#[test]
fn secrets_stay_secrets_and_ciphers_always_are() {
    let mut rig = Rig::new();
    let mut secret = publish("a", "1");
    secret.secret = Some(true);
    rig.publish(secret).unwrap();
    rig.publish(publish("a", "2")).unwrap();
    let mut cipher = publish("cipher-aes-b", "3");
    cipher.secret = Some(false);
    rig.publish(cipher).unwrap();
    for data_id in ["a", "cipher-aes-b"] {
        let entry = rig.state.get(&key(data_id).borrow()).unwrap();
        assert!(entry.is_secret(), "{data_id}");
    }
    rig.publish(beta("a", "b", "10.1.1.1")).unwrap();
    let entry = rig.state.get(&key("a").borrow()).unwrap();
    assert!(entry.beta().unwrap().secret, "a version of a secret is one");
    let search = Search { content: Text::within("2"), ..Search::default() };
    assert!(!search.matches(entry), "nobody guesses a secret by searching");
    assert!(Search { into_secrets: true, ..search }.matches(entry));
    assert!(!format!("{entry:?}").contains('2'), "{entry:?}");
}

#[test]
fn imports_follow_their_policy() {
    let run = |policy| {
        let mut rig = Rig::new();
        rig.publish(publish("b", "held")).unwrap();
        let items = vec![item("a", "1"), item("b", "2"), item("c", " "), item("d", "4")];
        let command = Command::Import { items, policy, origin: origin() };
        let Ok(Outcome::Imported(outcome)) = rig.run(command) else { panic!("imported") };
        let names = |keys: &[rialto_configuration::ConfigKey]| {
            keys.iter().map(|key| key.data_id().to_owned()).collect::<Vec<_>>().join(",")
        };
        let held = rig.read("b", "", "").unwrap();
        (outcome.succeeded, names(&outcome.skipped), names(&outcome.failed), held)
    };
    let expected = |succeeded, skipped: &str, failed: &str, held: &str| {
        (succeeded, skipped.to_owned(), failed.to_owned(), held.to_owned())
    };
    assert_eq!(run(ImportPolicy::Abort), expected(1, "c,d", "b", "held"));
    assert_eq!(run(ImportPolicy::Skip), expected(2, "b", "c", "held"));
    assert_eq!(run(ImportPolicy::Overwrite), expected(3, "", "c", "2"));
    assert_eq!(ImportPolicy::parse("overwrite"), Some(ImportPolicy::Overwrite));
    assert_eq!(ImportPolicy::parse(""), None);
}

#[test]
fn lists_are_in_order_and_go_on_where_they_ended() {
    let mut rig = Rig::new();
    for data_id in ["c", "a", "b"] {
        rig.publish(publish(data_id, "x")).unwrap();
    }
    let mut other = publish("z", "x");
    other.key = rialto_configuration::ConfigKey::new("ns", "A", "z").unwrap();
    rig.publish(other).unwrap();
    let names = |state: &State, namespace: Option<&str>, after: Option<&str>| {
        let after = after.map(key);
        let entries = state.after(namespace, after.as_ref());
        entries.map(|entry| entry.key.data_id().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&rig.state, Some("public"), None), ["a", "b", "c"]);
    assert_eq!(names(&rig.state, Some("public"), Some("a")), ["b", "c"]);
    assert_eq!(names(&rig.state, Some("ns"), None), ["z"]);
    assert_eq!(names(&rig.state, None, None), ["z", "a", "b", "c"]);
    assert_eq!(names(&rig.state, Some("publi"), None), [""; 0]);
    assert_eq!(rig.state.get(&KeyRef::new("ns", "A", "z")).unwrap().id, 4);
}

#[test]
fn a_change_says_whether_anybody_reads_something_else() {
    let mut rig = Rig::new();
    let mut differs = |command: Command| {
        let mut batch = rig.state.batch();
        batch.apply(1, command).unwrap();
        let plan = batch.finish();
        rig.state.install(plan).first().is_some_and(|change| change.differs)
    };
    let put = |one: Publish| Command::Publish(Box::new(one));
    assert!(differs(put(publish("a", "1"))));
    assert!(!differs(put(publish("a", "1"))), "the same again");
    assert!(differs(put(publish("a", "2"))));
    assert!(differs(put(beta("a", "b", "10.0.0.1"))));
    assert!(differs(put(beta("a", "b", "10.0.0.2"))), "for others");
    assert!(!differs(put(beta("a", "b", "10.0.0.2"))));
    assert!(differs(remove("a", Target::Formal)));
    assert!(!differs(remove("a", Target::Formal)));
}

#[test]
fn many_are_removed_at_once() {
    let mut rig = Rig::new();
    rig.publish(publish("a", "1")).unwrap();
    rig.publish(publish("b", "1")).unwrap();
    let keys = vec![key("a"), key("b"), key("c"), key("a")];
    let removed = rig.run(Command::RemoveMany { keys, origin: origin() });
    assert_eq!(removed, Ok(Outcome::RemovedMany { count: 2 }));
    assert_eq!(rig.state.total(), 0);
}
