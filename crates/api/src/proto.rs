//! The protobuf contract `rialto.v1`: messages, and the client and the server of `Registry`.
//!
//! Written from `proto/rialto.proto` by the program in `codegen/` (run `cargo run` there) and
//! committed, so that a build needs neither protoc nor a build script.

#![allow(missing_docs, reason = "the documentation is in proto/rialto.proto")]
#![allow(unreachable_pub, clippy::all, reason = "generated code")]

include!("generated/rialto.v1.rs");

/// Largest gRPC message, either way: a snapshot of a service with about 10,000 instances.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
