//! Who calls whom, as a drawing made on the server.

mod draw;
mod layout;

pub(crate) use draw::{Drawing, EdgeState, NodeState, draw};
