//! Replays the fuzz corpora, and some thousand mutations of each, which are the same every time.

use rialto_corpus::replay;
use rialto_nacos::codec::{form, multipart};
use rialto_nacos::config::{archive, poll};

/// What the decoders look for.
const TOKENS: [&str; 12] =
    ["&", "=", "%", "+", "%00", "%ff", "\r\n", "--x", "--x--", "name=", ";", "\u{0}"];

#[test]
fn forms() {
    replay(env!("CARGO_MANIFEST_DIR"), "form", &TOKENS, form::fuzz);
}

#[test]
fn multipart_bodies() {
    replay(env!("CARGO_MANIFEST_DIR"), "multipart", &TOKENS, multipart::fuzz);
}

#[test]
fn archives() {
    replay(env!("CARGO_MANIFEST_DIR"), "archive", &TOKENS, archive::fuzz);
}

#[test]
fn lists_of_long_polls() {
    replay(env!("CARGO_MANIFEST_DIR"), "listening", &TOKENS, poll::fuzz);
}
