//! Every limit of the catalog, by name. What exceeds one is refused with an error that names it.

/// Longest namespace, group and zone, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest service name, in bytes.
pub const SERVICE_NAME_BYTES_MAX: usize = 512;
/// Longest instance identifier, in bytes.
pub const INSTANCE_ID_BYTES_MAX: usize = 512;
/// Longest host name or address, in bytes.
pub const HOST_BYTES_MAX: usize = 255;
/// Metadata entries of an instance or of a service.
pub const METADATA_ENTRIES_MAX: usize = 256;
/// Keys and values of the metadata of an instance or of a service together, in bytes.
pub const METADATA_BYTES_MAX: usize = 65_536;
/// A door's own fields of an instance, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 65_536;
/// Largest weight.
pub const WEIGHT_MAX: f64 = 10_000.0;
/// Shortest lease, in milliseconds.
pub const TTL_MS_MIN: u64 = 100;
/// Longest lease, in milliseconds: one day.
pub const TTL_MS_MAX: u64 = 86_400_000;
/// How long an instance that was bound to a session is kept after a restart, for its owner to come
/// back and register it again, in milliseconds.
pub const ORPHAN_TTL_MS: u64 = 30_000;
/// Longest document name, in bytes.
pub const DOCUMENT_NAME_BYTES_MAX: usize = 1_024;
/// Largest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 1_048_576;

/// Services, unless the policy says otherwise.
pub const SERVICES_MAX: usize = 1_000_000;
/// Instances of one service, unless the policy says otherwise.
pub const INSTANCES_PER_SERVICE_MAX: usize = 1_000_000;
/// Instances of all services, unless the policy says otherwise.
pub const INSTANCES_MAX: usize = 4_000_000;
/// Documents of one kind, unless the policy says otherwise.
pub const DOCUMENTS_MAX: usize = 100_000;
/// Events kept for watchers that resume, unless the policy says otherwise.
pub const EVENTS_MAX: usize = 65_536;

/// Leases looked at in one tick; the rest waits for the next.
pub const TICK_LEASES_MAX: usize = 4_096;
