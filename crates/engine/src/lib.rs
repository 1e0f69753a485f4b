//! Owns the one catalog of a node: applies commands, makes agreed ones durable, wakes watchers.
