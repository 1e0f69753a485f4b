//! What this crate holds or does at most.

/// Largest weight; larger ones count as this.
pub const WEIGHT_MAX: f64 = 10_000.0;
/// Points of the hash ring, all endpoints together; heavier sets are scaled down to it.
pub const RING_POINTS_MAX: usize = 1 << 20;
/// Points that an endpoint of weight 1 has on the ring, as in nginx.
pub const RING_POINTS_PER_WEIGHT: f64 = 160.0;
/// Ring points looked at for one pick before it falls back to a random endpoint.
pub const RING_STEPS_MAX: usize = 4_096;
/// Endpoints that left and are remembered.
pub const DEPARTED_MAX: usize = 1_024;
/// How long an endpoint that left is remembered, in ns.
pub const DEPARTED_NS: u64 = 300 * 1_000_000_000;
/// An endpoint that comes back after this long or longer, in ns, is taken to be a new process.
pub const ABSENT_NS: u64 = 1_000_000_000;
/// Endpoints up to which smooth weighted round robin gives nginx's sequence, looking at each; with
/// more of them a queue gives the same shares in less time.
pub const SMOOTH_MAX: usize = 64;
/// Random draws that may hit an excluded endpoint before the rest is searched in order.
pub const DRAWS_MAX: usize = 16;
/// Longest `Retry-After` that is believed, in ns.
pub const PENALTY_MAX_NS: u64 = 300 * 1_000_000_000;
/// Transitions kept for the next tick; the oldest are dropped when nobody calls it.
pub const TRANSITIONS_MAX: usize = 1_024;
