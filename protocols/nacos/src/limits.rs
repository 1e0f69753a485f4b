//! Every limit of the Nacos door, with its source.

// Forms.

/// Most parameters of one call; Nacos's calls have at most 20.
pub const FORM_PARAMETERS_MAX: usize = 256;
/// Longest name of a parameter, in bytes.
pub const FORM_NAME_BYTES_MAX: usize = 128;
/// Most parts of a multipart body; an import has three.
pub const MULTIPART_PARTS_MAX: usize = 16;
/// Longest headers of one part, in bytes.
pub const MULTIPART_HEAD_BYTES_MAX: usize = 4 * 1024;

// Lists over HTTP.

/// Most items on one page of a list, and services of one answer to Prometheus; what asks for more
/// gets this many.
pub const PAGE_SIZE_MAX: usize = 10_000;

// The door.

/// Longest body over HTTP, in bytes: a configuration of 10 MiB with room for its form.
pub const HTTP_BODY_BYTES_MAX: usize = 12 * 1024 * 1024;
/// Most connections of a door that is not told otherwise; further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 32_768;
/// How many main ports are tried until the one 1,000 above is free too, when the system chooses.
pub const PORT_PAIRS_MAX: usize = 64;

// gRPC.

/// Largest message over gRPC either way, in bytes
/// (`nacos.remote.server.grpc.sdk.max-inbound-message-size`).
pub const GRPC_MESSAGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Most headers of one message.
pub const GRPC_HEADERS_MAX: usize = 64;
/// Bytes of all headers of one message.
pub const GRPC_HEADER_BYTES_MAX: usize = 16 * 1024;
/// Longest name of a message's type, in bytes.
pub const GRPC_TYPE_BYTES_MAX: usize = 128;

// Naming: parameters (Nacos's `ParamCheckRule`), in UTF-16 units as Java counts.

/// Longest namespace.
pub const NAMESPACE_CHARS_MAX: usize = 64;
/// Longest group.
pub const GROUP_CHARS_MAX: usize = 128;
/// Longest service name.
pub const SERVICE_CHARS_MAX: usize = 512;
/// Longest cluster.
pub const CLUSTER_CHARS_MAX: usize = 64;
/// Longest address or host name of an instance.
pub const IP_CHARS_MAX: usize = 128;
/// All metadata of an instance.
pub const METADATA_CHARS_MAX: usize = 1_024;
/// Most instances that one connection registers at one service at once.
pub const BATCH_INSTANCES_MAX: usize = 10_000;

// Naming: lives of instances, in milliseconds (Nacos's `Constants`).

/// How often an instance beats.
pub const BEAT_INTERVAL_MS: u64 = 5_000;
/// How long after a beat an instance is healthy.
pub const HEART_BEAT_TIMEOUT_MS: u64 = 15_000;
/// How long after a beat an instance is there.
pub const DELETE_TIMEOUT_MS: u64 = 30_000;
/// How long what an operator changed of an instance outlives it.
pub const OVERLAY_TTL_MS: u64 = 60_000;
/// How long a service that was made by hand lives without instances.
pub const EMPTY_SERVICE_TTL_MS: u64 = 60_000;
/// How often what is empty or expired is looked for.
pub const SWEEP_MS: u64 = 60_000;

// Naming: pushes.

/// From a change to its push, at least, in milliseconds; further changes in between go with it.
pub const PUSH_DELAY_MS_MIN: u64 = 20;
/// The same, at most: it grows while subscribers are slower than changes.
pub const PUSH_DELAY_MS_MAX: u64 = 1_000;
/// How long an acknowledgement is waited for, in milliseconds.
pub const PUSH_ACK_MS: u64 = 5_000;
/// From a push that failed to the next try, in milliseconds.
pub const PUSH_RETRY_MS: u64 = 1_000;
/// Subscriptions of one connection.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Clusters list of a subscription, in bytes.
pub const CLUSTERS_BYTES_MAX: usize = 4_096;
/// Bytes of rendered services that are kept.
pub const VIEWS_BYTES_MAX: usize = 64 << 20;
/// Streams of one connection at one time, that is, calls under way and the stream for pushes.
pub const GRPC_STREAMS_MAX: u32 = 256;
/// Calls of one connection whose answers are being worked on, with those that the client gave up.
pub const GRPC_CALLS_MAX: usize = 1_024;
/// Bytes of headers of one call.
pub const GRPC_HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
/// What a client may send on one stream before it is read, in bytes.
pub const GRPC_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What a client may send on one connection before it is read, in bytes.
pub const GRPC_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of messages of one connection of which the end has not come yet.
pub const GRPC_PARTIAL_BYTES_MAX: usize = 24 * 1024 * 1024;
/// How long a message may take from its first byte to its last, in milliseconds.
pub const GRPC_MESSAGE_MS: u64 = 30_000;
/// What `h2` holds of an answer before it is sent, in bytes.
pub const GRPC_SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Answers that the client has not taken, in bytes; beyond it the connection is cut.
pub const GRPC_OUT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Pushes that wait to be sent on one connection; further ones count as not acknowledged.
pub const GRPC_PUSHES_WAITING_MAX: usize = 4_096;
/// Bytes of pushes that wait to be sent on one connection, unless it is a single one.
pub const GRPC_PUSH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pushes of one connection that wait for an acknowledgement; further ones wait to be sent.
pub const GRPC_PUSHES_UNACKED_MAX: usize = 4_096;
/// Frames that carry nothing (pings, settings, resets) within [`GRPC_IDLE_FRAMES_MS`]; beyond it
/// the connection is ended with ENHANCE_YOUR_CALM. Go's clients ping once in 10 s at most.
pub const GRPC_IDLE_FRAMES_MAX: u32 = 2_000;
/// The time in which those are counted, in milliseconds.
pub const GRPC_IDLE_FRAMES_MS: u64 = 10_000;
/// Streams that `h2` itself resets because of a client's mistakes, before it ends the connection.
pub const GRPC_ERROR_RESETS_MAX: usize = 64;
/// How long the handshake of HTTP/2 may take, in milliseconds.
pub const GRPC_HANDSHAKE_MS: u64 = 10_000;
/// How long a connection may be silent before it is set up, in milliseconds.
pub const GRPC_SETUP_MS: u64 = 30_000;
/// Identities that one gRPC connection may call with.
pub const GRPC_CALLERS_MAX: usize = 4;
/// How often all connections are looked at, in milliseconds.
pub const GRPC_LOOK_MS: u64 = 250;
/// How long a connection may be silent before it is asked whether it is there, in milliseconds.
/// Together with the answer and two looks it stays below the 10 s in which the death of a client
/// has to be noticed. Clients check their health every 5 s when nothing else is to be said.
pub const GRPC_DETECT_AFTER_MS: u64 = 5_500;
/// How long the answer to that may take, in milliseconds.
pub const GRPC_DETECT_ANSWER_MS: u64 = 3_500;
/// How long a client may take nothing of what waits for it, in milliseconds.
pub const GRPC_STALL_MS: u64 = 20_000;
/// How long a client that is sent elsewhere may take to acknowledge, in milliseconds.
pub const GRPC_RESET_ANSWER_MS: u64 = 3_000;
/// Labels of one client.
pub const GRPC_LABELS_MAX: usize = 64;
/// Longest text that a client says of itself, in bytes; longer ones are cut.
pub const GRPC_LABEL_BYTES_MAX: usize = 256;
/// Longest acknowledgement or set-up, in bytes.
pub const GRPC_STREAM_MESSAGE_BYTES_MAX: usize = 1024 * 1024;

// Configuration.

/// Most configurations that one connection listens to. Java opens another connection for each
/// 3,000.
pub const CONFIG_LISTENED_MAX: usize = 20_000;
/// How long a change notification's acknowledgement is waited for, in milliseconds.
pub const CONFIG_ACK_MS: u64 = 3_000;
/// How often a push is tried before its connection is cut (`nacos.config.push.maxRetryTime`).
pub const CONFIG_PUSH_TRIES_MAX: u32 = 50;
/// How much longer each try waits than the one before, in milliseconds.
pub const CONFIG_RETRY_STEP_MS: u64 = 2_000;
/// Most pushes that wait for one target of a connection; a client that lets more wait is cut.
pub const CONFIG_WAITING_PUSHES_MAX: usize = 2_000;
/// Most configurations of one long poll.
pub const POLL_KEYS_MAX: usize = 10_000;
/// Most items of all long polls together.
pub const POLLED_MAX: usize = 2_000_000;
/// Shortest hold of a long poll, in milliseconds.
pub const POLL_HOLD_MS_MIN: u64 = 10_000;
/// Longest hold of a long poll, in milliseconds. Ours.
pub const POLL_HOLD_MS_MAX: u64 = 300_000;
/// How much before its client gives up a long poll is answered, in milliseconds.
pub const POLL_EARLY_MS: u64 = 500;
/// Configurations of one fuzzy push (`nacos.config.push.batchSize`).
pub const FUZZY_BATCH: usize = 20;
/// Most patterns that are watched (`nacos.config.fuzzy.watch.max.pattern.count`).
pub const FUZZY_PATTERNS_MAX: usize = 20;
/// Most configurations that one pattern matches.
pub const FUZZY_MATCHES_MAX: usize = 500;
/// Most entries of an archive: one for each configuration, and what describes them.
pub const ARCHIVE_ENTRIES_MAX: usize = 10_001;
/// How many times an archive's own size its content may have. Ours: an archive is no bomb.
pub const ARCHIVE_RATIO_MAX: u64 = 10;
/// What an archive's content may have however small the archive is, in bytes.
pub const ARCHIVE_BYTES_FREE: u64 = 1024 * 1024;
/// What an archive's content may have in all, in bytes. Ours.
pub const ARCHIVE_BYTES_MAX: u64 = 96 * 1024 * 1024;

// Naming: fuzzy watches (Nacos's `nacos.naming.fuzzy.watch.max.*`).

/// Different patterns that are watched.
pub const PATTERNS_MAX: usize = 20;
/// Services that one pattern matches; others are not told.
pub const PATTERN_MATCHES_MAX: usize = 500;
/// Services in one batch of a synchronisation.
pub const PATTERN_BATCH: usize = 10;
/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1_024;

// Naming: health checks.

/// Checks under way at once.
pub const HEALTH_CHECKS_MAX: usize = 256;
/// Longest rest of the checker, in milliseconds: how late a new instance may be noticed.
pub const HEALTH_IDLE_MS: u64 = 500;
