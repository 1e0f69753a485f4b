//! What operators decide holds for each protocol and each promise.

use rialto_catalog::{DocumentKey, DocumentKind, InstanceSpec, Protocol, Refused, Status};
use rialto_engine::ProposeError;

use crate::support::{agreed, ephemeral, ids, key, memory, register};

#[tokio::test]
async fn an_override_holds_until_it_is_ended() {
    let (engine, _) = memory();
    engine.apply(register("stock", ephemeral("a"))).unwrap();
    engine.propose(register("stock", agreed("b"))).await.unwrap();
    let service = key("stock");
    for id in ["a", "b"] {
        let out = Some(Status::OutOfService);
        let shown = engine.override_status(&service, Protocol::Sdk, id, out).await;
        assert_eq!(shown, Ok(Status::OutOfService));
        let held = engine.read(|state| state.instance(&service, Protocol::Sdk, id).cloned());
        assert!(held.is_some_and(|held| held.overridden() && !held.available()));
        let shown = engine.override_status(&service, Protocol::Sdk, id, None).await;
        assert_eq!(shown, Ok(Status::Up));
        engine.remove_instance(&service, Protocol::Sdk, id).await.unwrap();
    }
    assert!(ids(&engine, "stock").is_empty());
    let gone = engine.remove_instance(&service, Protocol::Sdk, "a").await;
    assert!(matches!(gone, Err(ProposeError::Refused(Refused::UnknownInstance { .. }))));
}

#[tokio::test]
async fn a_weight_is_set_for_each_promise() {
    let (engine, _) = memory();
    engine.apply(register("stock", ephemeral("a"))).unwrap();
    engine.propose(register("stock", agreed("b"))).await.unwrap();
    let service = key("stock");
    for id in ["a", "b"] {
        engine.set_weight(&service, Protocol::Sdk, id, 0.5).await.unwrap();
        let held = engine.read(|state| state.instance(&service, Protocol::Sdk, id).cloned());
        assert_eq!(held.map(|held| held.weight()), Some(0.5));
        let refused = engine.set_weight(&service, Protocol::Sdk, id, -1.0).await;
        assert!(matches!(refused, Err(ProposeError::Refused(_))));
    }
    let gone = engine.set_weight(&service, Protocol::Sdk, "c", 1.0).await;
    assert!(matches!(gone, Err(ProposeError::Refused(Refused::UnknownInstance { .. }))));
}

#[tokio::test]
async fn the_eureka_door_is_told_what_to_answer_to_the_next_registration() {
    let (engine, _) = memory();
    let spec = InstanceSpec { protocol: Protocol::Eureka, ..ephemeral("e1") };
    engine.apply(register("stock", spec)).unwrap();
    let record = DocumentKey::new(DocumentKind::StatusOverride, "e1").unwrap();
    let told =
        || engine.read(|state| state.document(&record).map(|document| document.body.clone()));
    let out = Some(Status::OutOfService);
    engine.override_status(&key("stock"), Protocol::Eureka, "e1", out).await.unwrap();
    assert_eq!(told().as_deref(), Some(b"OUT_OF_SERVICE".as_slice()));
    engine.override_status(&key("stock"), Protocol::Eureka, "e1", None).await.unwrap();
    assert_eq!(told(), None);
}
