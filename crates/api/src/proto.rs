//! The protobuf contract `rialto.v1`: messages, and the client and the server of `Registry`.
//!
//! Written from `proto/rialto.proto` by the program in `codegen/` (run `cargo run` there) and
//! committed, so that a build needs neither protoc nor a build script.

#![allow(missing_docs, reason = "the documentation is in proto/rialto.proto")]
#![allow(unreachable_pub, clippy::all, reason = "generated code")]

include!("generated/rialto.v1.rs");

/// Largest gRPC message, either way: a snapshot of a service with about 10,000 instances.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::{Renew, SessionRequest, WatchRequest, session_request::Kind};

    #[test]
    fn a_renewal_is_one_small_message() {
        let renew = SessionRequest { kind: Some(Kind::Renew(Renew {})) };
        assert_eq!(renew.encode_to_vec(), [0x1a, 0]);
        assert_eq!(SessionRequest::decode(&[0x1a, 0][..]).unwrap(), renew);
    }

    #[test]
    fn the_start_of_a_watch_is_told_from_revision_0() {
        let from_0 = WatchRequest { service: None, after: Some(0) };
        let anew = WatchRequest { service: None, after: None };
        assert_ne!(from_0.encode_to_vec(), anew.encode_to_vec());
    }

    #[test]
    fn what_a_newer_client_says_is_skipped() {
        assert_eq!(SessionRequest::decode(&[0x7a, 1, 0][..]).unwrap().kind, None);
    }
}
