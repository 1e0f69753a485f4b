//! Feeds arbitrary bytes to the reader of archives; the stable tests replay the corpus.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_nacos::config::archive::fuzz(data));
