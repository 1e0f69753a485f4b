//! The limits of this crate.

/// Connections that the kernel may hold for a listener before they are accepted.
pub const BACKLOG_MAX: i32 = 4_096;

/// Listeners that may share one address.
pub const LISTENERS_MAX: usize = 64;

/// Largest file of certificates or of a key, in bytes.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// How often, at most, it is looked whether certificate or key were replaced, in milliseconds.
pub const TLS_RELOAD_CHECK_MS: u64 = 2_000;
