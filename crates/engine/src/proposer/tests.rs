//! Batches on a disk that fails, and changes that come in between.

use std::path::PathBuf;

use rialto_catalog::{
    DocumentKey, DocumentKind, InstanceSpec, Millis, Policy, Protocol, Refused, ServiceKey, State,
    Timestamp,
};
use rialto_storage::fault::{Fault, FaultDisk};
use rialto_telemetry::Telemetry;
use tokio::sync::oneshot;

use super::*;
use crate::clock::ManualClock;

struct Rig {
    core: Core,
    store: Store,
    disk: FaultDisk,
    telemetry: Telemetry,
}

type Waiting = oneshot::Receiver<Answer>;

fn rig() -> Rig {
    let disk = FaultDisk::default();
    let store = Store::open_disk(Arc::new(disk.clone()), PathBuf::from("memory")).unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp(1)));
    let telemetry = Telemetry::new();
    let core = Core::new(State::new(Policy::default()), clock, telemetry.clone());
    Rig { core, store, disk, telemetry }
}

fn proposals(commands: impl IntoIterator<Item = Command>) -> (Vec<Pending>, Vec<Waiting>) {
    commands.into_iter().map(Proposal::new).unzip()
}

fn answers(waiting: Vec<Waiting>) -> Vec<Answer> {
    waiting.into_iter().map(|one| one.blocking_recv().expect("each is answered")).collect()
}

fn put(name: &str) -> Command {
    let key = DocumentKey::new(DocumentKind::Route, name).unwrap();
    Command::PutDocument { key, body: vec![1; 3_000].into() }
}

fn service() -> ServiceKey {
    ServiceKey::named("stock").unwrap()
}

impl Rig {
    fn run(&mut self, commands: impl IntoIterator<Item = Command>) -> Vec<Answer> {
        let (batch, waiting) = proposals(commands);
        store_batch(&self.core, &mut self.store, batch);
        answers(waiting)
    }

    fn documents(&self) -> usize {
        self.core.read(|state| state.documents(DocumentKind::Route).count())
    }
}

#[test]
fn a_batch_shares_one_commit() {
    let mut rig = rig();
    rig.run([put("first")]);
    let (before, commits) = (rig.disk.syncs(), rig.store.sequence());
    let answers = rig.run((0..500).map(|number| put(&number.to_string())));
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((rig.documents(), rig.store.sequence()), (501, commits + 1));
    // One for the commit, and some for growing the file to hold it.
    let syncs = rig.disk.syncs() - before;
    assert!(syncs <= 10, "{syncs} syncs for five hundred proposals");
}

#[test]
fn nothing_is_visible_that_is_not_durable() {
    let mut rig = rig();
    rig.run([put("stored")]);
    rig.disk.set_fault(Fault::FullAt(rig.disk.durable_image().len() as u64));
    let full = rig.run((0..1_000).map(|number| put(&number.to_string())));
    assert!(full.iter().all(|one| matches!(one, Err(ProposeError::DiskFull))), "{:?}", full[0]);
    rig.disk.set_fault(Fault::None);
    assert!(rig.run([put("free")])[0].is_ok());
    rig.disk.set_fault(Fault::SyncOnce);
    for answer in rig.run([put("lost"), put("lost too")]) {
        assert!(matches!(answer, Err(ProposeError::Indeterminate { .. })), "{answer:?}");
    }
    let after = rig.run([put("after")]);
    assert!(matches!(after[0], Err(ProposeError::Unavailable { .. })), "{after:?}");
    assert_eq!(rig.documents(), 2);
    let told = rig.telemetry.events().recent(10, None);
    let kinds: Vec<_> = told.iter().map(|event| (&*event.kind, &*event.subject)).collect();
    assert_eq!(kinds, [("warning", "storage"); 2], "full, then broken: {told:?}");
}

#[test]
fn refused_ones_do_not_stop_the_others() {
    let mut rig = rig();
    let large = Command::PutDocument {
        key: DocumentKey::new(DocumentKind::Route, "large").unwrap(),
        body: vec![0; rialto_catalog::limits::DOCUMENT_BYTES_MAX + 1].into(),
    };
    let answers = rig.run([put("a"), large, put("b")]);
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(matches!(&answers[1], Err(ProposeError::Refused(Refused::TooLarge { .. }))));
    assert_eq!((rig.documents(), rig.store.load().unwrap().len()), (2, 2));
}

#[test]
fn what_is_refused_after_all_is_taken_back_on_disk() {
    let mut rig = rig();
    let metadata = vec![("owner".to_owned(), "team".to_owned())];
    rig.run([Command::PutService { service: service(), metadata }]);
    let before = rig.store.load().unwrap();

    let (batch, waiting) = proposals([Command::RemoveService { service: service() }]);
    let writes: Vec<_> = rig
        .core
        .read(|state| batch.iter().filter_map(|one| writes_of(state, &one.command)).collect());
    rig.store.commit(&writes).unwrap();
    assert!(rig.store.load().unwrap().is_empty());
    // While that was made durable, an instance came.
    let spec = InstanceSpec::new("a", Protocol::Sdk, "h", 1, Millis(1_000));
    rig.core.change(|state, now| {
        state.apply(now, Command::Register { service: service(), spec }).unwrap();
    });
    carry_out(&rig.core, &mut rig.store, batch);
    let answer = answers(waiting).pop().unwrap();
    assert!(
        matches!(&answer, Err(ProposeError::Refused(Refused::ServiceInUse { .. }))),
        "{answer:?}"
    );
    assert_eq!(rig.store.load().unwrap(), before);
}
