//! Namespaces that people name.

use rialto_catalog::{Command, ServiceKey};
use rialto_engine::{Namespace, NamespaceError};

use crate::support::{ephemeral, memory, open};

fn namespace(id: &str, name: &str) -> Namespace {
    Namespace { id: id.to_owned(), name: name.to_owned(), description: "for tests".to_owned() }
}

#[tokio::test]
async fn a_namespace_is_named_renamed_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    assert_eq!(engine.namespaces(), [Namespace::public()]);
    engine.create_namespace(&namespace("team-b", "B")).await.unwrap();
    engine.create_namespace(&namespace("team-a", "A")).await.unwrap();
    let ids = |engine: &rialto_engine::Engine| -> Vec<String> {
        engine.namespaces().into_iter().map(|one| one.id).collect()
    };
    assert_eq!(ids(&engine), ["public", "team-a", "team-b"]);
    let again = engine.create_namespace(&namespace("team-a", "A")).await;
    assert_eq!(again, Err(NamespaceError::Exists { id: "team-a".to_owned() }));
    engine.rename_namespace(&namespace("team-a", "Team A")).await.unwrap();
    engine.remove_namespace("team-b").await.unwrap();
    engine.close().await;
    drop(engine);
    let engine = open(dir.path());
    assert_eq!(engine.namespaces(), [Namespace::public(), namespace("team-a", "Team A")]);
    let unknown = NamespaceError::Unknown { id: "team-b".to_owned() };
    assert_eq!(engine.remove_namespace("team-b").await, Err(unknown.clone()));
    assert_eq!(engine.rename_namespace(&namespace("team-b", "B")).await, Err(unknown));
}

#[tokio::test]
async fn a_namespace_with_services_stays() {
    let (engine, _) = memory();
    engine.create_namespace(&namespace("m", "M")).await.unwrap();
    for (place, group) in [("l", "zz"), ("n", "a"), ("mm", "a")] {
        let service = ServiceKey::new(place, group, "s").unwrap();
        engine.apply(Command::Register { service, spec: ephemeral("a") }).unwrap();
    }
    assert!(!engine.holds_services("m") && engine.holds_services("l"));
    let service = ServiceKey::new("m", "zz", "s").unwrap();
    engine.apply(Command::Register { service, spec: ephemeral("a") }).unwrap();
    let refused = engine.remove_namespace("m").await;
    assert_eq!(refused, Err(NamespaceError::HoldsServices { id: "m".to_owned() }));
    assert_eq!(engine.namespaces().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_a_namespace_is_refused() {
    let (engine, _) = memory();
    let long = "x".repeat(rialto_engine::limits::NAMESPACE_ID_BYTES_MAX + 1);
    for id in ["", "a b", "a/b", "é", &long] {
        let refused = engine.create_namespace(&namespace(id, "A")).await;
        assert_eq!(refused, Err(NamespaceError::InvalidId { id: id.to_owned() }), "{id}");
    }
    engine.create_namespace(&namespace(&long[1..], "A")).await.unwrap();
    let refused = engine.create_namespace(&namespace("public", "A")).await;
    assert_eq!(refused, Err(NamespaceError::Reserved));
    assert_eq!(engine.remove_namespace("public").await, Err(NamespaceError::Reserved));
    let long = "x".repeat(rialto_engine::limits::NAMESPACE_TEXT_CHARS_MAX + 1);
    for name in ["", "  ", &long] {
        let refused = engine.create_namespace(&namespace("a", name)).await;
        assert_eq!(refused, Err(NamespaceError::InvalidText), "{name}");
    }
    engine.create_namespace(&namespace("a", &long[1..])).await.unwrap();
}
