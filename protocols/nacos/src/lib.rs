//! The Nacos door: clients of Nacos 1.x, 2.x and 3.x register, discover and read configuration here
//! without knowing that it is another server.
//!
//! [`codec`] knows bytes, [`map`] knows the catalog's words, [`naming`] and [`config`] know what a
//! call means, and only `door` knows sockets. No instance and no configuration is kept here: the
//! engine holds them all.

#![forbid(unsafe_code)]

pub mod access;
pub mod codec;
pub mod config;
pub mod limits;
pub mod map;
pub mod naming;
mod problem;

mod door;

pub use door::{
    Bound, Connected, Connections, Declared, GRPC_PORT_OFFSET, NacosConfig, StartError,
    WORKERS_MAX, declared, start,
};
pub use problem::{Code, Problem};
