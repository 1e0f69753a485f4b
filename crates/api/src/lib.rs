//! Our own contract: protobuf messages for the SDK, REST types for people and tools, route
//! specifications.
//!
//! Nothing here decides anything: these are the words that the server, the SDK, the command line
//! and the console say to each other.

#![forbid(unsafe_code)]

pub mod proto;
pub mod rest;
pub mod route;
