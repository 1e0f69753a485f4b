//! The door as its clients see it: over real sockets, with a catalog in memory.

mod client;
mod compare;
mod golden;
mod replay;
mod server;
