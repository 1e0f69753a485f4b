//! Feeds arbitrary bytes to a decoder of the Eureka door; the stable tests replay the corpus.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_eureka::codec::fuzz_json(data));
