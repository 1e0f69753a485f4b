//! What this crate keeps at most, so that no caller can make it grow without end.

/// Events kept; older ones are forgotten.
pub const EVENTS_MAX: usize = 10_000;
/// Events that a slow subscriber may lag behind before it is told that it missed some.
pub const EVENTS_LAG_MAX: usize = 1_024;
/// Characters kept of an event's subject and of its detail.
pub const EVENT_TEXT_CHARS_MAX: usize = 512;
/// Routes metered one by one; the rest share the meter `other`.
pub const ROUTES_MAX: usize = 4_096;
/// Pairs of caller and callee metered one by one; the rest share the edge `other` to `other`.
pub const EDGES_MAX: usize = 4_096;
/// Characters kept of a route's, caller's or callee's name.
pub const LABEL_CHARS_MAX: usize = 128;
/// Shards of a meter; workers beyond it share.
pub const SHARDS_MAX: usize = 16;
/// Seconds that rates and percentiles look back.
pub const WINDOW_MS: u64 = 10_000;
/// Seconds of history kept, and how long an edge without traffic is still shown.
pub const HISTORY_MS: u64 = 15 * 60 * 1_000;
/// Names of counters and gauges that doors may register.
pub const COUNTER_NAMES_MAX: usize = 256;
/// Label sets of one such name; the rest share one.
pub const COUNTER_LABEL_SETS_MAX: usize = 512;

/// What stands for everything past a limit.
pub const OTHER: &str = "other";
