//! Archives that come back as they were, those of old servers, and those that mean no good.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use rialto_configuration::{ImportPolicy, KeyRef, Search, Text};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::config::PublishForm;
use crate::config::tests::{Rig, form};
use crate::limits::{ARCHIVE_BYTES_FREE, ARCHIVE_ENTRIES_MAX};

/// As a 2.x server writes it, with a description that its library folds.
const SNAKE: &str = "metadata:
- appName: app
  dataId: a.yaml
  desc: a description that is so long that the library which writes it goes on with
    it on another line
  group: G
  type: yaml
- dataId: b
  desc: 'it''s quoted: yes

    and has a line break'
  group: G
  appName: null
  type: text
- \"dataId\": \"c\"
  \"group\": \"G\"
";

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn import_form(archive: Vec<u8>, policy: ImportPolicy) -> ImportForm<'static> {
    let archive = archive.into();
    ImportForm { archive, namespace: "dev", policy, user: "ann", ip: "10.0.0.1" }
}

async fn import(rig: &Rig, archive: Vec<u8>) -> Result<Imported, Problem> {
    rig.configs.import(&import_form(archive, ImportPolicy::Abort)).await
}

fn found(rig: &Rig, namespace: &str) -> Vec<Arc<Entry>> {
    let data_id = Text::blur("*");
    let search = Search { namespace: namespace.to_owned(), data_id, ..Search::default() };
    rig.configs.configurations().find(&search)
}

#[tokio::test]
async fn what_is_exported_comes_back() {
    for format in [ArchiveFormat::New, ArchiveFormat::Old] {
        let rig = Rig::new();
        let full = PublishForm {
            kind: "yaml",
            app_name: "shop",
            config_tags: Some("t1,t2"),
            desc: "what it's \"for\": \n# ünd mehr 🦀",
            encrypted_data_key: "key",
            ..form("a.yaml", "k: 1\n")
        };
        rig.configs.publish(&full).await.unwrap();
        rig.publish("plain", "text").await;
        rig.publish("cipher-b", "secret").await;
        let entries = found(&rig, "");
        let bytes = Configs::export(&entries, format, false).unwrap();
        let imported = import(&rig, bytes).await.unwrap();
        assert_eq!((imported.outcome.succeeded, imported.unrecognized.len()), (2, 0));
        let copy = rig.configs.detail(&KeyRef::new("dev", "G", "a.yaml")).unwrap();
        let (copy, held) = (copy.formal.clone().unwrap(), entries[0].formal.clone().unwrap());
        assert_eq!(copy.effective.content, held.effective.content);
        assert_eq!((copy.effective.kind.as_str(), &*copy.meta.app_name), ("yaml", "shop"));
        if format == ArchiveFormat::New {
            assert_eq!(copy.meta, held.meta);
            assert_eq!(&*copy.effective.encrypted_data_key, "key");
        }
        let with_secrets = Configs::export(&entries, format, true).unwrap();
        let imported = rig.configs.import(&import_form(with_secrets, ImportPolicy::Skip)).await;
        let imported = imported.unwrap();
        assert_eq!((imported.outcome.succeeded, imported.outcome.skipped.len()), (1, 2));
        let cipher = rig.configs.detail(&KeyRef::new("dev", "G", "cipher-b")).unwrap();
        assert!(cipher.is_secret());
    }
}

#[tokio::test]
async fn archives_of_other_servers_are_read() {
    let rig = Rig::new();
    let entries: &[(&str, &[u8])] = &[
        ("G/a.yaml", b"k: 1"),
        ("G/b", b"text"),
        ("G/c", b"c"),
        ("G/undescribed", b"x"),
        ("too/many/parts", b"x"),
        (".metadata.yml", SNAKE.as_bytes()),
    ];
    let imported = import(&rig, archive(entries)).await.unwrap();
    assert_eq!(imported.outcome.succeeded, 3);
    assert_eq!(imported.unrecognized, ["G/undescribed", "too/many/parts"]);
    let meta = |data_id| {
        let entry = rig.configs.detail(&KeyRef::new("dev", "G", data_id)).unwrap();
        entry.formal.as_ref().unwrap().meta.clone()
    };
    assert_eq!(meta("a.yaml").app_name, "app");
    assert!(meta("a.yaml").desc.ends_with("goes on with it on another line"));
    assert_eq!(meta("b").desc, "it's quoted: yes\nand has a line break");
    assert_eq!(meta("b").app_name, "");

    let rig = Rig::new();
    let old: &[(&str, &[u8])] = &[
        ("G/a.b.yml", b"k: 1"),
        ("G/plain", b"x"),
        (".meta.yml", b"G.a.b~yml.app=shop\r\nG.plain.app=other\r\n"),
    ];
    assert_eq!(import(&rig, archive(old)).await.unwrap().outcome.succeeded, 2);
    let entry = rig.configs.detail(&KeyRef::new("dev", "G", "a.b.yml")).unwrap();
    let formal = entry.formal.as_ref().unwrap();
    assert_eq!((&*formal.meta.app_name, formal.effective.kind.as_str()), ("shop", "yaml"));
}

#[tokio::test]
async fn what_means_no_good_is_refused_whole() {
    let rig = Rig::new();
    let bomb = vec![b'x'; usize::try_from(ARCHIVE_BYTES_FREE).unwrap() + 1];
    let many: Vec<String> = (0..=ARCHIVE_ENTRIES_MAX).map(|number| format!("G/{number}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let good: (&str, &[u8]) = ("G/good", b"x");
    for (entries, words) in [
        (vec![good, ("../../etc/passwd", b"x")], "outside the archive"),
        (vec![good, ("/etc/passwd", b"x")], "outside the archive"),
        (vec![good, ("G/../../x", b"x")], "outside the archive"),
        (vec![good, ("G\\..\\x", b"x")], "outside the archive"),
        (vec![good, ("G/bomb", &bomb)], "times as large"),
        (many, "more than 10001 entries"),
        (vec![good, (".metadata.yml", b"metadata:\n- dataId: [a]\n")], "cannot be read"),
        (vec![good, (".metadata.yml", b"<xml/>")], "does not begin"),
        (vec![], "empty"),
    ] {
        let problem = import(&rig, archive(&entries)).await.unwrap_err();
        assert_eq!(problem.status, 400);
        assert!(problem.message.contains(words), "{words}: {problem}");
    }
    for bytes in [&b""[..], b"PK", b"not a zip at all"] {
        assert_eq!(import(&rig, bytes.to_vec()).await.unwrap_err().status, 400);
    }
    assert!(found(&rig, "dev").is_empty(), "nothing of them was published");
}

#[tokio::test]
async fn what_cannot_be_imported_again_is_not_exported() {
    let rig = Rig::new();
    let content = "x".repeat(9 << 20);
    for number in 0..11 {
        rig.publish(&number.to_string(), &content).await;
    }
    let problem = Configs::export(&found(&rig, ""), ArchiveFormat::New, true).unwrap_err();
    assert!(problem.message.contains("export a part"), "{problem}");
}

#[test]
fn metadata_is_of_one_shape() {
    assert_eq!(yaml::read("").unwrap(), []);
    assert_eq!(yaml::read("metadata: []\n").unwrap(), []);
    let items = yaml::read("---\nmetadata:\n- group: \"G\\u0041\"\n  dataId: >-\n    a\n    b\n");
    let items = items.unwrap();
    assert_eq!((&*items[0].group, &*items[0].data_id), ("GA", "a b"));
    for text in [
        "x: y",
        "metadata:\n  group: G",
        "metadata:\n- group: G",
        "metadata:\n- what",
        "metadata:\n- group: \"open",
        "metadata:\n- group: 'open\n\n",
        "metadata:\n- group: &a b",
    ] {
        assert!(yaml::read(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_archive_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<proptest::sample::Index>(),
    ) {
        fuzz(&bytes);
        let mut valid = archive(&[("G/a", b"text"), (".metadata.yml", SNAKE.as_bytes())]);
        let at = at.index(valid.len());
        valid[at] ^= 1 << (bytes.len() % 8);
        fuzz(&valid);
    }

    #[test]
    fn any_text_is_metadata_or_refused(text in "(metadata:\n)?([-a-z:'\"\\\\ \n>|u0-9]{0,80})") {
        let _read = yaml::read(&text).map(|items| items.len());
    }

    #[test]
    fn any_word_comes_back_from_metadata(word in "\\PC{1,40}") {
        let value = serde_json::Value::from(word.as_str());
        let text = format!("metadata:\n- group: {value}\n  dataId: x\n");
        let items = yaml::read(&text).unwrap();
        prop_assert_eq!(&items[0].group, &word);
    }
}
