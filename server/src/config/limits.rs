//! What a configuration may hold at most.

/// Largest configuration file.
pub const FILE_MAX_BYTES: usize = 1024 * 1024;
/// Routes of a configuration, file and flags together.
pub const ROUTES_MAX: usize = 10_000;
/// Longest text value.
pub const TEXT_MAX_BYTES: usize = 4_096;
/// Longest unknown key that a nearest valid one is looked for.
pub(super) const NEAREST_KEY_MAX_BYTES: usize = 128;
/// Problems reported at once; a person mends these first.
pub(super) const PROBLEMS_MAX: usize = 10;
