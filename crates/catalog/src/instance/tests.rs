//! Packing loses nothing.

use super::*;
use proptest::prelude::*;

const STAMP: Stamp =
    Stamp { service: 7, registered: Timestamp(5), changed: Timestamp(6), revision: Revision(7) };

fn spec() -> InstanceSpec {
    InstanceSpec::new("10.0.0.1:8080", Protocol::Sdk, "10.0.0.1", 8080, Millis(30_000))
}

#[test]
fn one_small_allocation() {
    assert_eq!(size_of::<Instance>() + 2 * size_of::<usize>(), 184);
    let mut typical = spec();
    typical.id = "orders-7f9c6d-x2x8p:8080".to_owned();
    typical.metadata = vec![
        ("version".to_owned(), "1.14.2".to_owned()),
        ("team".to_owned(), "fulfilment".to_owned()),
    ];
    assert!(!Instance::pack(&typical, typical.ttl, &STAMP).text.spilled());
}

proptest! {
    #[test]
    fn packing_loses_nothing(
        id in "\\PC{1,60}", host in "\\PC{1,20}", zone in "\\PC{0,20}",
        metadata in prop::collection::vec(("\\PC{0,200}", "\\PC{0,200}"), 0..5),
        payload in prop::collection::vec(any::<u8>(), 0..300),
        port: u16, secure_port: Option<u16>, overridden: bool, weight in 0.0..10_000.0,
    ) {
        let before = InstanceSpec {
            id, host, port, secure_port, zone, weight, overridden, metadata,
            payload: payload.into(), ..spec()
        };
        prop_assert_eq!(before.check(), Ok(()));
        let instance = Instance::pack(&before, before.ttl, &STAMP);
        prop_assert!(instance.looks_like(&Instance::pack(&before, None, &STAMP)));
        prop_assert_eq!(instance.spec(), before);
    }
}
