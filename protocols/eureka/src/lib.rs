//! The Eureka door: clients of Netflix's and Spring Cloud's Eureka register and discover here
//! without knowing that it is another server.
//!
//! [`codec`] knows bytes, [`map`] knows the catalog's words, [`session`] knows what a call means,
//! and only `door` knows sockets. No instance is kept here: the catalog holds them all.

#![forbid(unsafe_code)]

pub mod codec;
pub mod limits;
pub mod map;
pub mod session;

mod door;

pub use door::{EurekaConfig, StartError, WORKERS_MAX, start};
