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

/// Most items on one page of a list; what asks for more gets this many.
pub const PAGE_SIZE_MAX: usize = 10_000;
/// Most services of one answer to Prometheus.
pub const PROMETHEUS_SERVICES_MAX: usize = 10_000;

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
