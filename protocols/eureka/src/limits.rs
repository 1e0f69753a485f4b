//! Every bound of the door in one place, so that a reader can see what a client can cost us.

pub use rialto_door::http::Deadlines;

/// Longest request body, before and after inflating, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of all bodies that are being received at one time.
pub const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Longest request line with all its headers, in bytes.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most headers of one request.
pub const HEADERS_MAX: usize = 64;
/// Deepest nesting of elements in an XML body.
pub const XML_DEPTH_MAX: usize = 16;
/// Most metadata entries of one instance.
pub const METADATA_ENTRIES_MAX: usize = 512;
/// Most items of one replication batch. Netflix's senders put at most 250 into one.
pub const BATCH_ITEMS_MAX: usize = 4_096;
/// Most connections of a door that is not told otherwise; further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 16_384;
/// How long a change stays in the delta, in milliseconds (`retentionTimeInMSInDeltaQueue`).
pub const DELTA_MS: u64 = 180_000;
/// Most distinct instances in the delta. A client that misses one sees it in the hash and fetches
/// everything.
pub const DELTA_ENTRIES_MAX: usize = 65_536;
/// Most catalog changes taken over in one step.
pub const CHANGES_MAX: usize = 4_096;
/// Instances on one page, the unit in which a listing is rendered again after a change.
pub const PAGE_INSTANCES_MAX: usize = 128;
/// How old a rendered listing may get while nothing changes, in milliseconds: its lease times
/// are as old as this at most (`responseCacheAutoExpirationInSeconds`).
pub const LISTING_MS: u64 = 180_000;
/// How long without a call, heartbeats aside, the view of the catalog is kept up, in milliseconds.
/// Clients fetch every 30 s.
pub const VIEW_IDLE_MS: u64 = 300_000;
/// How long a status override outlives an instance that was lost without leaving, in
/// milliseconds.
pub const OVERRIDE_ORPHAN_MS: u64 = 3_600_000;
