//! The limits of this crate. Times are defaults where [`crate::Limits`] can say otherwise.

/// Milliseconds from the first byte of a request head to its last.
pub const HEAD_TIMEOUT_MS: u64 = 10_000;
/// Milliseconds between two reads of a request body.
pub const BODY_TIMEOUT_MS: u64 = 30_000;
/// Milliseconds that a connection may be idle between requests.
pub const IDLE_TIMEOUT_MS: u64 = 75_000;
/// Milliseconds between two pieces of an answer.
pub const STREAM_IDLE_MS: u64 = 300_000;
/// Milliseconds to connect to an instance.
pub const CONNECT_TIMEOUT_MS: u64 = 3_000;
/// Milliseconds until the head of an answer.
pub const RESPONSE_TIMEOUT_MS: u64 = 30_000;
/// Bytes of a request body.
pub const BODY_MAX_BYTES: u64 = 10 * 1024 * 1024;
/// Connections of one worker; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 16_384;
/// Requests on one connection before it is closed.
pub const REQUESTS_PER_CONNECTION_MAX: u32 = 100_000;
/// Milliseconds that requests under way have when the gateway stops.
pub const DRAIN_MS: u64 = 10_000;

/// After this long, in milliseconds, a request body must keep up [`BODY_RATE_MIN_BYTES`].
pub const BODY_RATE_GRACE_MS: u64 = 5_000;
/// Bytes a second of a request body.
pub const BODY_RATE_MIN_BYTES: u64 = 500;
/// Milliseconds that a client that half-closed is still waited for; it may be gone for good.
pub const HALF_CLOSE_WAIT_MS: u64 = 5_000;
/// Milliseconds that a refused client may still send before the connection is cut.
pub const LINGER_MS: u64 = 2_000;
/// Bytes that a refused client may still send before the connection is cut.
pub const LINGER_MAX_BYTES: u64 = 1024 * 1024;

/// Bytes of a request, head and body, kept for another try.
pub const REPLAY_MAX_BYTES: usize = 64 * 1024;
/// Bytes read ahead from a client while its request is under way.
pub const READ_AHEAD_MAX_BYTES: usize = 16 * 1024;
/// Bytes of one read from either side.
pub const READ_MAX_BYTES: usize = 64 * 1024;
/// Bytes of buffers that a connection keeps between requests.
pub const KEPT_BUFFER_MAX_BYTES: usize = 4 * 1024;

/// Milliseconds that an unused connection to an instance is kept.
pub const POOL_IDLE_MS: u64 = 55_000;
/// Unused connections kept for one instance by one worker.
pub const POOL_IDLE_MAX: usize = 1_024;
/// Milliseconds between two looks at unused connections and endpoints that stand out.
pub const HOUSEKEEPING_MS: u64 = 250;

/// Routes of a table.
pub const ROUTES_MAX: usize = 20_000;
/// Filters of a route.
pub const FILTERS_MAX: usize = 64;
/// Segments of a path pattern.
pub const PATTERN_SEGMENTS_MAX: usize = 32;
/// Bytes of a regular expression once compiled.
pub const REGEX_MAX_BYTES: usize = 1024 * 1024;
/// Tries of one request, the first included.
pub const TRIES_MAX: u32 = 11;
/// Instances that a request is offered to before giving up because none can be reached.
pub const CONNECT_TRIES_MAX: u32 = 4;

/// Verified tokens remembered by one worker.
pub const TOKENS_CACHED_MAX: usize = 8_192;
/// Bytes of a token.
pub const TOKEN_MAX_BYTES: usize = 8 * 1024;
/// Seconds that clocks may differ when a token's times are checked.
pub const TOKEN_LEEWAY_S: u64 = 60;
/// Limiter buckets kept for one route.
pub const LIMITER_KEYS_MAX: usize = 65_536;
/// Endpoints of a service that keep their number after they left.
pub const ENDPOINT_NUMBERS_MAX: usize = 65_536;
/// Ejected endpoints that are kept in mind so that people are told once.
pub const EJECTED_MAX: usize = 4_096;
/// Milliseconds between two events that tell of refusals on one route.
pub const LIMITED_EVENT_MS: u64 = 5_000;

/// Bytes of access log lines that a worker gathers before it hands them to the writer.
pub const LOG_BATCH_BYTES: usize = 64 * 1024;
/// Batches that may wait for the writer; further lines are dropped and counted.
pub const LOG_BATCHES_MAX: usize = 64;
/// Milliseconds that the last lines have to reach the disk when the gateway stops.
pub const LOG_DRAIN_MS: u64 = 1_000;
/// Milliseconds between two looks at that.
pub const LOG_DRAIN_LOOK_MS: u64 = 2;

/// Callers told apart by one route in one worker.
pub const CALLERS_MAX: usize = 256;
/// Bytes of a caller's name or request id taken from a header.
pub const NAME_HEADER_MAX_BYTES: usize = 128;

/// Streams that one HTTP/2 client may have open.
pub const H2_STREAMS_MAX: u32 = 128;
/// Bytes that one HTTP/2 stream may send unasked.
pub const H2_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// Bytes that one HTTP/2 connection may send unasked.
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Streams that a client may reset before they were answered, counted at once.
pub const H2_RESETS_MAX: usize = 100;

/// Milliseconds in which changes of the catalog are gathered.
pub const CHANGE_WINDOW_MS: u64 = 10;
/// Milliseconds after which the name of a host is looked up again.
pub const HOST_TTL_MS: u64 = 30_000;

/// Milliseconds between two pings of an HTTP/2 client, and how long it may take to answer.
pub const H2_PING_MS: u64 = 30_000;
/// Milliseconds between two looks whether an HTTP/2 connection is idle.
pub const H2_IDLE_LOOK_MS: u64 = 5_000;
/// Pieces of an answer that wait for an HTTP/2 client.
pub const H2_PIECES_MAX: usize = 4;
/// Bytes of such a piece.
pub const H2_PIECE_MAX_BYTES: usize = 16 * 1024;
