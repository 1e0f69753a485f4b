//! Batches on a disk that fails, every crash point, and forgetting what is old.

use std::path::PathBuf;

use rialto_catalog::Millis;
use rialto_configuration::limits::HISTORY_KEPT_MS;
use rialto_configuration::{Content, Kind, PublishMeta, Target};
use rialto_storage::Store;
use rialto_storage::fault::{Fault, FaultDisk, Operation};

use super::*;
use crate::clock::ManualClock;
use crate::group::Locked;

const START: Timestamp = Timestamp(1_764_000_000_000);

/// Publishes of the crash test.
const COMMITS: u64 = 9;

struct Rig {
    configurations: Configurations,
    disk: FaultDisk,
    clock: Arc<ManualClock>,
    vault: Arc<Vault>,
}

impl Rig {
    fn new() -> Self {
        Self::on(FaultDisk::default(), Arc::new(Vault::in_memory())).unwrap()
    }

    fn on(disk: FaultDisk, vault: Arc<Vault>) -> Result<Self, OpenError> {
        let clock = Arc::new(ManualClock::new(START));
        let store = Store::open_disk(Arc::new(disk.clone()), PathBuf::from("memory"))?;
        let (locked, policy) = (Locked::new(store, None), Policy::default());
        let configurations =
            open::start(locked, Arc::clone(&vault), policy, Arc::clone(&clock) as _)?;
        Ok(Self { configurations, disk, clock, vault })
    }

    fn read(&self, data_id: &str) -> Option<String> {
        let found = self.configurations.query(&key_of(data_id).borrow(), &Labels::default());
        found.map(|found| found.content.text().to_owned())
    }
}

fn key_of(data_id: &str) -> ConfigKey {
    ConfigKey::new("", "G", data_id).unwrap()
}

fn publish(data_id: &str, text: &str) -> Publish {
    Publish {
        key: key_of(data_id),
        content: Content::new(text),
        target: Target::Formal,
        cas: String::new(),
        kind: Some(Kind::Yaml),
        meta: PublishMeta::default(),
        encrypted_data_key: String::new(),
        secret: None,
        origin: Origin { user: "ann".to_owned(), ip: "10.0.0.1".to_owned() },
    }
}

/// What the crash test publishes, removes, and keeps secret.
fn command(number: u64) -> Command {
    let data_id = format!("c{}", number % 3);
    match number {
        4 | 8 => Command::Remove(Remove {
            key: key_of(&data_id),
            target: Target::Formal,
            origin: Origin::default(),
        }),
        _ => {
            let text = format!("{number}{}", "x".repeat(900 * (number as usize % 4)));
            let mut publish = publish(&data_id, &text);
            publish.secret = Some(number.is_multiple_of(2));
            Command::Publish(Box::new(publish))
        }
    }
}

#[tokio::test]
async fn every_crash_point_leaves_all_that_was_answered() {
    let rig = Rig::new();
    let mut durable = rig.disk.durable_image();
    rig.disk.record();
    let mut expected = vec![snapshot(&rig.configurations)];
    for number in 1..=COMMITS {
        rig.configurations.propose(command(number)).await.unwrap();
        rig.disk.acknowledge(number);
        expected.push(snapshot(&rig.configurations));
    }
    rig.configurations.close().await;

    let (mut pending, mut acknowledged) = (Vec::new(), 0);
    for (point, operation) in rig.disk.operations().iter().enumerate() {
        match operation {
            Operation::Sync => {
                pending.drain(..).for_each(|one: Operation| one.replay(&mut durable, false));
            }
            Operation::Acknowledge(number) => acknowledged = *number,
            operation => pending.push(operation.clone()),
        }
        for survivors in 0..4_u8 {
            let image = crash(&durable, &pending, survivors);
            let what = format!("crash after operation {point}, survivors {survivors}");
            let again = Rig::on(FaultDisk::with_image(image), Arc::clone(&rig.vault))
                .unwrap_or_else(|error| panic!("{what}: {error}: {error:?}"));
            let found = snapshot(&again.configurations);
            let commits = expected.iter().position(|one| *one == found);
            let commits = commits.unwrap_or_else(|| panic!("{what}: half a change: {found:?}"));
            assert!(commits as u64 >= acknowledged, "{what}: {commits} of {acknowledged}");
            let history: usize = (0..3).map(|id| history_of(&again, &format!("c{id}"))).sum();
            let changes = (1..=commits as u64).filter(|number| *number != 8 || commits < 8);
            assert!(history >= changes.count().saturating_sub(2), "{what}: {history}");
        }
    }
    assert_eq!(acknowledged, COMMITS);
}

/// Which of the operations since the last sync reach the disk: none, all, all but half of the last,
/// every other one.
fn crash(durable: &[u8], pending: &[Operation], survivors: u8) -> Vec<u8> {
    let mut image = durable.to_vec();
    for (index, operation) in pending.iter().enumerate() {
        let kept = match survivors {
            0 => false,
            3 => index % 2 == 0,
            _ => true,
        };
        if kept {
            let last = index + 1 == pending.len();
            operation.replay(&mut image, survivors == 2 && last);
        }
    }
    image
}

/// All that is published, with the number of the last change.
fn snapshot(configurations: &Configurations) -> (u64, Vec<Entry>) {
    configurations.read(|state| {
        let entries = state.after(None, None).map(|entry| (**entry).clone()).collect();
        (state.revision(), entries)
    })
}

fn history_of(rig: &Rig, data_id: &str) -> usize {
    rig.configurations.history(&key_of(data_id).borrow(), 1, 10).unwrap().total
}

#[tokio::test]
async fn nothing_is_readable_that_is_not_durable() {
    let rig = Rig::new();
    rig.configurations.publish(publish("a", "stored")).await.unwrap();
    rig.disk.set_fault(Fault::FullAt(rig.disk.durable_image().len() as u64));
    let large = "x".repeat(1 << 20);
    let full = rig.configurations.publish(publish("b", &large)).await;
    assert!(matches!(full, Err(ProposeError::DiskFull)), "{full:?}");
    rig.disk.set_fault(Fault::None);
    rig.configurations.publish(publish("b", "free")).await.unwrap();
    rig.disk.set_fault(Fault::SyncOnce);
    let lost = rig.configurations.publish(publish("a", "lost")).await;
    assert!(matches!(lost, Err(ProposeError::Indeterminate { .. })), "{lost:?}");
    let after = rig.configurations.publish(publish("a", "after")).await;
    assert!(matches!(after, Err(ProposeError::Unavailable { .. })), "{after:?}");
    assert_eq!(rig.read("a").as_deref(), Some("stored"), "what is readable goes on");
    assert_eq!(rig.read("b").as_deref(), Some("free"));
    let history = rig.configurations.history(&key_of("a").borrow(), 1, 10);
    assert!(history.unwrap_err().to_string().contains("out of service"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_that_wait_together_share_commits() {
    let rig = Rig::new();
    let before = rig.disk.syncs();
    let tasks: Vec<_> = (0..500)
        .map(|number| {
            let configurations = rig.configurations.clone();
            tokio::spawn(async move {
                configurations.publish(publish(&number.to_string(), "text")).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let syncs = rig.disk.syncs() - before;
    assert!(syncs < 400, "{syncs} syncs for five hundred publishes");
    assert_eq!(rig.configurations.read(State::total), 500);
}

#[tokio::test]
async fn history_is_paged_newest_first_and_forgotten_in_steps() {
    let rig = Rig::new();
    let key = key_of("a");
    for number in 0..7 {
        rig.clock.advance(Millis(10));
        rig.configurations.publish(publish("a", &number.to_string())).await.unwrap();
        rig.configurations.publish(publish("ab", "other")).await.unwrap();
    }
    let page = rig.configurations.history(&key.borrow(), 2, 3).unwrap();
    let ids: Vec<_> = page.items.iter().map(|line| line.id).collect();
    assert_eq!((page.total, page.pages(), ids), (7, 3, vec![7, 5, 3]));
    let newest = rig.configurations.history(&key.borrow(), 1, 1).unwrap().items[0].clone();
    let entry = rig.configurations.history_entry(newest.id).unwrap().unwrap();
    assert_eq!((entry.content.text(), &entry.line), ("5", &newest), "what was there before");
    let before = rig.configurations.history_before(newest.id).unwrap().unwrap();
    assert_eq!((before.line.id, before.content.text()), (11, "4"));
    assert_eq!(rig.configurations.history_before(1).unwrap(), None);
    assert_eq!(rig.configurations.history_entry(99).unwrap(), None);
    let nobody = rig.configurations.history(&KeyRef::new("", "G", "b a d"), 1, 3).unwrap();
    assert_eq!(nobody.total, 0);

    assert_eq!(rig.configurations.prune().await, Ok(0));
    rig.clock.advance(Millis(HISTORY_KEPT_MS - 25));
    assert_eq!(rig.configurations.prune().await, Ok(8));
    assert_eq!(history_of(&rig, "a"), 3);
    rig.clock.advance(Millis(HISTORY_KEPT_MS));
    assert_eq!(rig.configurations.prune().await, Ok(6));
    assert_eq!((history_of(&rig, "a"), history_of(&rig, "ab")), (0, 0));
    rig.configurations.publish(publish("a", "again")).await.unwrap();
    let page = rig.configurations.history(&key.borrow(), 1, 3).unwrap();
    assert_eq!(page.items[0].id, 15, "numbers are not used again");
}

#[tokio::test]
async fn a_step_of_forgetting_has_a_limit() {
    let rig = Rig::new();
    let items: Vec<ImportItem> = (0..HISTORY_PRUNE_STEP + 20)
        .map(|number| ImportItem {
            key: key_of(&number.to_string()),
            content: Content::new("x"),
            kind: None,
            meta: PublishMeta::default(),
            encrypted_data_key: String::new(),
            secret: false,
        })
        .collect();
    let imported = rig.configurations.import(items, ImportPolicy::Abort, Origin::default()).await;
    assert_eq!(imported.unwrap().succeeded, HISTORY_PRUNE_STEP + 20);
    rig.clock.advance(Millis(HISTORY_KEPT_MS + 1));
    assert_eq!(rig.configurations.prune().await, Ok(HISTORY_PRUNE_STEP));
    assert_eq!(rig.configurations.prune().await, Ok(20));
}

#[tokio::test]
async fn too_much_that_waits_is_told_to_come_back() {
    let rig = Rig::new();
    rig.configurations.core.waiting_bytes.store(PUBLISHING_BYTES_MAX, Ordering::Relaxed);
    let refused = rig.configurations.publish(publish("a", "x")).await;
    assert_eq!(refused, Err(ProposeError::Busy));
    rig.configurations.core.waiting_bytes.store(0, Ordering::Relaxed);
    rig.configurations.publish(publish("a", "x")).await.unwrap();
    assert_eq!(rig.configurations.core.waiting_bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn secrets_are_sealed_and_open_with_their_key_alone() {
    let rig = Rig::new();
    let secret = "the word that nobody may find";
    let mut publishes = vec![publish("cipher-aes-a", secret), publish("b", secret)];
    publishes[1].secret = Some(true);
    for publish in publishes {
        rig.configurations.publish(publish).await.unwrap();
    }
    rig.configurations.publish(publish("b", "another secret word")).await.unwrap();
    rig.configurations.close().await;
    let image = rig.disk.durable_image();
    for word in [secret.as_bytes(), b"another secret word"] {
        assert!(!image.windows(word.len()).any(|part| part == word), "it lies on the disk");
    }
    let again = Rig::on(FaultDisk::with_image(image.clone()), Arc::clone(&rig.vault)).unwrap();
    assert_eq!(again.read("cipher-aes-a").as_deref(), Some(secret));
    let page = again.configurations.history(&key_of("b").borrow(), 1, 1).unwrap();
    assert!(!format!("{page:?}").contains(secret));
    let entry = again.configurations.history_entry(page.items[0].id).unwrap().unwrap();
    assert_eq!(entry.content.text(), secret);
    assert!(!format!("{entry:?} {:?}", again.configurations).contains(secret));
    let other = Rig::on(FaultDisk::with_image(image), Arc::new(Vault::in_memory()));
    let error = other.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("restore that key"), "{error}");
}

#[tokio::test]
async fn observers_hear_after_it_is_readable_and_in_order() {
    #[derive(Default)]
    struct Heard(RwLock<Vec<(u64, String)>>, RwLock<Option<Configurations>>);
    impl Observer for Heard {
        fn changed(&self, changes: &[Change]) {
            let configurations = self.1.read();
            let configurations = configurations.as_ref().unwrap();
            for change in changes {
                let found = configurations.query(&change.key.borrow(), &Labels::default());
                let text = found.map_or_else(String::new, |found| found.content.text().to_owned());
                self.0.write().push((change.revision, text));
            }
        }
    }
    let rig = Rig::new();
    let heard = Arc::new(Heard::default());
    *heard.1.write() = Some(rig.configurations.clone());
    rig.configurations.observe(Arc::clone(&heard) as _);
    let mut revisions = rig.configurations.revisions();
    rig.configurations.publish(publish("a", "1")).await.unwrap();
    rig.configurations.publish(publish("a", "2")).await.unwrap();
    let remove = Remove { key: key_of("a"), target: Target::Formal, origin: Origin::default() };
    assert_eq!(rig.configurations.remove(remove.clone()).await, Ok(true));
    assert_eq!(rig.configurations.remove(remove).await, Ok(false));
    revisions.wait_for(|revision| *revision == 3).await.unwrap();
    let expected = [(1, "1".to_owned()), (2, "2".to_owned()), (3, String::new())];
    assert_eq!(*heard.0.read(), expected);
    *heard.1.write() = None;
}
