//! What this crate holds or accepts at most.

/// Fastest rate of a bucket or queue, in calls a second; faster ones count as this. At this rate a
/// call's share of time is still 1,000 ns, so that rounding costs at most a thousandth.
pub const RATE_PER_SEC_MAX: f64 = 1_000_000.0;
/// Slowest rate, in calls a second: one a day.
pub const RATE_PER_SEC_MIN: f64 = 1.0 / 86_400.0;
/// Largest burst of a bucket.
pub const BURST_MAX: u32 = 1_000_000;
/// Longest queue before a concurrency limit.
pub const QUEUE_MAX: usize = 100_000;
/// Largest window of a breaker that counts calls.
pub const WINDOW_CALLS_MAX: u32 = 100_000;
/// Longest window of a breaker that counts time, in s.
pub const WINDOW_SECS_MAX: u32 = 3_600;
/// Keys of a keyed limiter.
pub const KEYS_MAX: usize = 1_000_000;
/// Longest timeout that a header may ask for, in ms; longer ones count as this: a day.
pub const TIMEOUT_MS_MAX: u64 = 86_400_000;
/// Most digits of a timeout header.
pub const TIMEOUT_DIGITS_MAX: usize = 18;
