//! The door over real sockets: what clients send, well and badly, and what they get.

mod bad_input;
mod node;
mod registry;
mod rest;
mod sdk;
