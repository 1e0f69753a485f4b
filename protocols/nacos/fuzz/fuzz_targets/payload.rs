//! Feeds arbitrary bytes to the decoder of the gRPC envelope; a stable test replays the corpus.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_nacos::codec::payload::fuzz(data));
