//! Replays the fuzz corpora, and some thousand mutations of each, which are the same every time.

use rialto_corpus::replay;
use rialto_eureka::codec::{fuzz_batch, fuzz_json, fuzz_xml};

/// What the decoders look for.
const TOKENS: [&str; 12] =
    ["\"", "{", "}", "[", "<", ">", "&", "null", "-1", "\u{0}", "</instance>", "\\u0000"];

#[test]
fn json() {
    replay(env!("CARGO_MANIFEST_DIR"), "json", &TOKENS, fuzz_json);
}

#[test]
fn xml() {
    replay(env!("CARGO_MANIFEST_DIR"), "xml", &TOKENS, fuzz_xml);
}

#[test]
fn batches() {
    replay(env!("CARGO_MANIFEST_DIR"), "batch", &TOKENS, fuzz_batch);
}
