//! Feeds a chunked body to its decoder.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_http1::fuzz::chunked(data));
