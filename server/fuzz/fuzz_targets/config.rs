//! Any bytes as a configuration: decoded or refused, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rialto_server::config::fuzz(data));
