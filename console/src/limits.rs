//! Every bound of this crate.

/// Rows of a list on one page.
pub const ROWS_MAX: usize = 50;
/// Events on one page.
pub const EVENT_ROWS_MAX: usize = 100;
/// Events looked through for one page when a filter leaves most of them out.
pub const EVENTS_SCANNED_MAX: usize = 10_000;
/// Instances drawn on a service's page.
pub const INSTANCES_MAX: usize = 200;
/// Services read from the catalog under one lock, so that a search holds nobody up.
pub const SCAN_CHUNK: usize = 512;
/// Instances looked at for what is about to expire.
pub const INSTANCES_SCANNED_MAX: usize = 50_000;
/// Live streams at the same time.
pub const STREAMS_MAX: usize = 64;
/// Time between two looks of a live stream.
pub const LIVE_INTERVAL_MS: u64 = 1_000;
/// A look at the whole catalog serves every page for this long.
pub const SURVEY_AGE_MAX_MS: u64 = 1_000;
/// Longest search text in characters; the rest is cut.
pub const SEARCH_CHARS_MAX: usize = 128;
/// Longest reason of an action in characters; the rest is cut.
pub const REASON_CHARS_MAX: usize = 200;
/// Largest form in bytes.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// Nodes drawn in the topology, busiest first.
pub const NODES_MAX: usize = 60;
/// Edges drawn in the topology, busiest first.
pub const EDGES_MAX: usize = 200;
