//! The door as its clients see it: over real sockets, with a catalog in memory.

mod access;
mod client;
mod compare;
mod corpus;
mod golden;
mod hostile;
mod registry;
mod replay;
mod server;
