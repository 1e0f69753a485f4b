//! Feeds arbitrary bytes to the reader of forms; the stable tests replay the corpus.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_nacos::codec::form::fuzz(data));
