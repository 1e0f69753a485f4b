//! Feeds arbitrary bytes to the reader of multipart bodies; the stable tests replay the corpus.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_nacos::codec::multipart::fuzz(data));
