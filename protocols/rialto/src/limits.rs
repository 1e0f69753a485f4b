//! Every limit of this door, with its unit in its name.

use std::time::Duration;

/// Largest body of a REST request.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Largest message that a gRPC client may send.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Clients that read server-sent events at a time.
pub const SSE_CLIENTS_MAX: usize = 256;
/// Sessions of SDKs at a time.
pub const SESSIONS_MAX: usize = 20_000;
/// Watch streams at a time.
pub const WATCHES_MAX: usize = 100_000;
/// Registrations on one session.
pub const REGISTRATIONS_PER_SESSION_MAX: usize = 1_000;
/// Services in one report of calls.
pub const CALLS_PER_REPORT_MAX: usize = 1_024;
/// Different latencies in the report of one service.
pub const LATENCIES_PER_CALLS_MAX: usize = 1_024;
/// Highest count in a report: what is above is taken for an error of the client.
pub const COUNT_PER_REPORT_MAX: u64 = 1_000_000_000;
/// Ejections in one report.
pub const EJECTIONS_PER_REPORT_MAX: usize = 256;
/// Instances in one message of a watch; a longer list takes several.
pub const INSTANCES_PER_MESSAGE: usize = 1_000;
/// Lease of a registration that asks for none.
pub const TTL_DEFAULT: Duration = Duration::from_secs(10);
/// How often an idle watch shows that it lives, and moves its revision on.
pub const WATCH_IDLE: Duration = Duration::from_secs(15);
/// Services in one answer of a list.
pub const SERVICES_PER_LIST_MAX: usize = 10_000;
/// Events in one answer of a list.
pub const EVENTS_PER_LIST_MAX: usize = 1_000;
/// Events in an answer to a request that does not say how many.
pub const EVENTS_PER_LIST_DEFAULT: usize = 100;
