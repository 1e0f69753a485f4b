//! Writes `../src/generated/*.rs` from `../proto/*.proto`, with a compiler written in Rust.
//!
//! Run `cargo run` in this folder after a change of the contract, and commit what it wrote: the
//! build itself needs neither protoc nor a build script.

#![forbid(unsafe_code)]

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let proto = api.join("proto");
    let descriptors = protox::compile(["rialto.proto"], [&proto])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".")
        .out_dir(api.join("src/generated"))
        .compile_fds(descriptors)?;
    Ok(())
}
