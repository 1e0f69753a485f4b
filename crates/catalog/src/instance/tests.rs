//! Packing loses nothing, and every limit of a specification is enforced.

use super::*;
use proptest::prelude::*;

const STAMP: Stamp =
    Stamp { service: 7, registered: Timestamp(5), changed: Timestamp(6), revision: Revision(7) };

fn spec() -> InstanceSpec {
    InstanceSpec::new("10.0.0.1:8080", Protocol::Sdk, "10.0.0.1", 8080, Millis(30_000))
}

#[track_caller]
fn refuses(spec: &InstanceSpec, words: &str) {
    let error = spec.check().and_then(|()| spec.check_ttl()).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
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

#[test]
fn text_limits() {
    let mut long = spec();
    long.id = "i".repeat(limits::INSTANCE_ID_BYTES_MAX);
    long.host = "h".repeat(limits::HOST_BYTES_MAX);
    long.zone = "z".repeat(limits::NAME_BYTES_MAX);
    assert_eq!(long.check(), Ok(()));
    let with = |change: fn(&mut InstanceSpec)| {
        let mut spec = long.clone();
        change(&mut spec);
        spec
    };
    refuses(&with(|spec| spec.id.push('i')), "shorten it to at most 512");
    refuses(&with(|spec| spec.host.push('h')), "shorten it to at most 255");
    refuses(&with(|spec| spec.zone.push('z')), "shorten it to at most 128");
    refuses(&with(|spec| spec.id.clear()), "instance id is empty");
    refuses(&with(|spec| spec.host.clear()), "host is empty");
}

#[test]
fn value_limits() {
    for weight in [-0.1, limits::WEIGHT_MAX + 1.0, f64::NAN, f64::INFINITY] {
        refuses(&InstanceSpec { weight, ..spec() }, "must be from 0 to 10000");
    }
    let ttl = |ms| InstanceSpec { ttl: Some(Millis(ms)), ..spec() };
    for ms in [0, limits::TTL_MS_MIN - 1, limits::TTL_MS_MAX + 1] {
        refuses(&ttl(ms), "must be from 100 to 86400000 ms");
    }
    for ms in [limits::TTL_MS_MIN, limits::TTL_MS_MAX] {
        assert_eq!(ttl(ms).check_ttl(), Ok(()));
    }
    refuses(&InstanceSpec { ttl: None, ..spec() }, "lease of instance");
    refuses(&InstanceSpec { promise: Promise::Agreed, ..spec() }, "must be absent");
}

#[test]
fn size_limits() {
    let entry = |bytes: usize| (String::new(), "v".repeat(bytes));
    let metadata = |metadata| InstanceSpec { metadata, ..spec() };
    assert_eq!(metadata(vec![entry(1); limits::METADATA_ENTRIES_MAX]).check(), Ok(()));
    let many = vec![entry(1); limits::METADATA_ENTRIES_MAX + 1];
    refuses(&metadata(many), "metadata entries of \"10.0.0.1:8080\": 257 exceeds");
    assert_eq!(metadata(vec![entry(limits::METADATA_BYTES_MAX)]).check(), Ok(()));
    refuses(&metadata(vec![entry(limits::METADATA_BYTES_MAX + 1)]), "send less");
    let payload = |bytes| InstanceSpec { payload: vec![0; bytes].into(), ..spec() };
    assert_eq!(payload(limits::PAYLOAD_BYTES_MAX).check(), Ok(()));
    refuses(&payload(limits::PAYLOAD_BYTES_MAX + 1), "payload bytes");
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
