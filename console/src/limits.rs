//! Every bound of this crate.

/// Rows of a list on one page.
pub const ROWS_MAX: usize = 50;
/// Events on one page.
pub const EVENT_ROWS_MAX: usize = 100;
/// Events looked through for one page when a filter leaves most of them out.
pub const EVENTS_SCANNED_MAX: usize = 10_000;
/// Instances drawn on a service's page.
pub const INSTANCES_MAX: usize = 200;
/// Subscribers and listeners drawn on a page.
pub const CLIENTS_MAX: usize = 100;
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
/// Configurations read under one lock, so that a search holds nobody up.
pub const CONFIGURATIONS_CHUNK: usize = 512;
/// Bytes of contents that are looked through for one page of a list; the next page goes on there.
pub const SEARCHED_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Largest content that is edited on a page, in bytes; larger ones are published by programs.
pub const EDIT_BYTES_MAX: usize = 1024 * 1024;
/// Largest form with a content in bytes: each byte may be written as three.
pub const EDIT_FORM_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a content that are drawn on its page.
pub const SHOWN_BYTES_MAX: usize = 256 * 1024;
/// Lines of a content that are drawn on its page.
pub const SHOWN_LINES_MAX: usize = 5_000;
/// Largest file of configurations that is brought in, in bytes.
pub const IMPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Configurations in one file that is written.
pub const EXPORT_MAX: usize = 10_000;
/// Changes on one page of a configuration's history.
pub const HISTORY_ROWS_MAX: usize = 50;
/// Pages of history that are looked through for one change.
pub const HISTORY_PAGES_MAX: usize = 200;
/// Configurations that the report of an import names, of each kind.
pub const IMPORT_KEYS_SHOWN_MAX: usize = 100;
/// Nodes drawn in the topology, busiest first.
pub const NODES_MAX: usize = 60;
/// Edges drawn in the topology, busiest first.
pub const EDGES_MAX: usize = 200;
/// Unchanged lines shown around each change of a comparison.
pub const DIFF_CONTEXT: usize = 3;
/// Differing lines up to which a comparison looks for the shortest script.
pub const DIFF_EDITS_MAX: usize = 1_000;
/// Rows of a comparison drawn on a page.
pub const DIFF_ROWS_MAX: usize = 4_000;
