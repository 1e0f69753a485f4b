//! The client as its users write it, against real sockets.

mod calls;
mod compile_errors;
mod peer;
