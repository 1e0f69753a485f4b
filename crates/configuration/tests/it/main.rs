//! What configurations promise: who sees what, what is refused, and what is written down.

mod deciding;
mod limits;
mod properties;
mod quotas;
mod support;
