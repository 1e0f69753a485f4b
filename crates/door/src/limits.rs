//! The limits of this crate.

/// Connections that the kernel may hold for a listener before they are accepted.
pub const BACKLOG_MAX: i32 = 4_096;

/// Listeners that may share one address.
pub const LISTENERS_MAX: usize = 64;
