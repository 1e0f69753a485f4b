//! The shop as processes, against a node in this one.

mod orders;
mod town;
