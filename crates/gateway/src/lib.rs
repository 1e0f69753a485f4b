//! Moves requests from clients to instances.
