//! Corpora: what is smuggled is refused, and what was found by fuzzing stays fixed.

mod corpus;
mod smuggling;
