//! Tests of the gRPC envelope.

use proptest::prelude::*;

use super::*;

/// A subscription as nacos-sdk-go sends it, cut down to one header.
const RECORDED: &[u8] = b"\x12\x2d\x1a\x17SubscribeServiceRequest\
    \x3a\x07\x0a\x03app\x12\x00\x42\x09192.0.2.2\x1a\x04\x12\x02{}";

#[test]
fn a_recorded_payload_is_read() {
    let payload = decode(RECORDED).unwrap();
    assert_eq!(payload.kind, "SubscribeServiceRequest");
    assert_eq!(payload.client_ip, "192.0.2.2");
    assert_eq!(payload.headers.iter().collect::<Vec<_>>(), [("app", "")]);
    assert_eq!(payload.headers.get("APP"), Some(""));
    assert_eq!(payload.headers.get("accessToken"), None);
    assert_eq!(payload.body, b"{}");
}

#[test]
fn every_cut_is_refused_or_shorter() {
    for length in 0..RECORDED.len() {
        if let Ok(payload) = decode(&RECORDED[..length]) {
            assert_eq!(payload.body, b"", "at {length}");
        }
    }
}

#[test]
fn unknown_fields_are_skipped_and_groups_refused() {
    let mut bytes = RECORDED.to_vec();
    bytes.extend(b"\x08\x96\x01\x21abcdefgh\x2d\x01\x02\x03\x04\x7a\x01x");
    assert_eq!(decode(&bytes).unwrap().kind, "SubscribeServiceRequest");
    for damaged in [&b"\x0b"[..], b"\x0c", b"\x02\x00", b"\x0f"] {
        assert_eq!(decode(damaged), Err(PayloadError::Field), "{damaged:?}");
    }
    assert_eq!(decode(&[0xff; 11]), Err(PayloadError::Field));
    assert_eq!(decode(b"\x12\xff\xff\xff\xff\x0f"), Err(PayloadError::Short));
}

#[test]
fn texts_must_be_texts() {
    assert_eq!(decode(b"\x12\x03\x1a\x01\xff"), Err(PayloadError::Text));
    assert_eq!(decode(b"\x12\x05\x3a\x03\x0a\x01\xff"), Err(PayloadError::Text));
}

#[test]
fn headers_and_types_are_limited() {
    let with = |count: usize, value: &str| {
        let headers = vec![("name", value); count];
        let mut out = Vec::new();
        encode(&mut out, "T", "", &headers, b"{}");
        decode(&out[PREFIX_BYTES..]).map(|payload| payload.headers.iter().count())
    };
    assert_eq!(with(GRPC_HEADERS_MAX, "v"), Ok(GRPC_HEADERS_MAX));
    assert_eq!(with(GRPC_HEADERS_MAX + 1, "v"), Err(PayloadError::Headers));
    assert_eq!(with(1, &"v".repeat(GRPC_HEADER_BYTES_MAX)), Err(PayloadError::Headers));
    let mut out = Vec::new();
    encode(&mut out, &"T".repeat(GRPC_TYPE_BYTES_MAX + 1), "", &[], b"{}");
    assert_eq!(decode(&out[PREFIX_BYTES..]), Err(PayloadError::Kind));
}

#[test]
fn frames_say_how_much_is_missing() {
    assert_eq!(frame(b""), Ok(Frame::Partial(5)));
    assert_eq!(frame(b"\0\0\0\0"), Ok(Frame::Partial(5)));
    assert_eq!(frame(b"\0\0\0\0\x02a"), Ok(Frame::Partial(7)));
    assert_eq!(frame(b"\0\0\0\0\x02abc"), Ok(Frame::Whole(b"ab")));
    assert_eq!(frame(b"\x01\0\0\0\x02ab"), Err(FrameError::Compressed));
    assert_eq!(frame(b"\x02\0\0\0\x02ab"), Err(FrameError::Flag(2)));
    let largest = (GRPC_MESSAGE_BYTES_MAX as u32).to_be_bytes();
    assert!(matches!(frame(&[&[0], &largest[..]].concat()), Ok(Frame::Partial(_))));
    let larger = (GRPC_MESSAGE_BYTES_MAX as u32 + 1).to_be_bytes();
    assert!(matches!(frame(&[&[0], &larger[..]].concat()), Err(FrameError::TooLarge(_))));
}

#[test]
fn the_stored_corpus_is_read_in_every_mutation() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/payload");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        fuzz(&bytes);
        for at in 0..bytes.len().min(512) {
            for change in [0x01, 0x08, 0x80, 0xff] {
                let mut mutated = bytes.clone();
                mutated[at] ^= change;
                fuzz(&mutated);
            }
            fuzz(&bytes[..at]);
        }
        count += 1;
    }
    assert!(count >= 4, "{count} files in {folder}");
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        kind in "[A-Za-z]{0,64}",
        client_ip in "[0-9.]{0,15}",
        headers in prop::collection::vec(("[a-z-]{0,8}", "\\PC{0,16}"), 0..8),
        body in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut out = Vec::new();
        encode(&mut out, &kind, &client_ip, &pairs, &body);
        let Ok(Frame::Whole(message)) = frame(&out) else { panic!("no whole frame") };
        let payload = decode(message).unwrap();
        prop_assert_eq!(payload.kind, kind);
        prop_assert_eq!(payload.client_ip, client_ip);
        prop_assert!(payload.headers.iter().eq(pairs));
        prop_assert_eq!(payload.body, body);
    }

    #[test]
    fn a_head_and_its_body_are_a_message(kind in "[A-Za-z]{1,64}", body in "\\PC{0,400}") {
        let mut out = Vec::new();
        head(&mut out, &kind, body.len());
        prop_assert_eq!(out.len(), head_bytes(&kind, body.len()));
        out.extend_from_slice(body.as_bytes());
        let Ok(Frame::Whole(message)) = frame(&out) else { panic!("no whole frame") };
        prop_assert_eq!(message.len() + PREFIX_BYTES, out.len());
        let payload = decode(message).unwrap();
        prop_assert_eq!(payload.kind, kind);
        prop_assert_eq!(payload.body, body.as_bytes());
    }

    #[test]
    fn nothing_makes_it_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&data);
    }
}
