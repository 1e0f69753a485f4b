//! Every limit of the client, with its unit in its name.

use std::time::Duration;

/// Time of a call, retries included, unless its method or its caller says otherwise.
pub const CALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// Time to connect to an instance.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a first call waits to be told where its service is.
pub const FIRST_VIEW_WAIT: Duration = Duration::from_secs(2);
/// Further tries of a call unless its method says otherwise.
pub const RETRIES_DEFAULT: u32 = 1;
/// Calls of one service under way in this process.
pub const CALLS_MAX: u32 = 1_024;
/// Largest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much of an answer that is no value is kept for the error.
pub const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
/// Idle connections kept to one instance.
pub const IDLE_CONNECTIONS_MAX: usize = 64;
/// How long a connection may lie idle.
pub const IDLE_CONNECTION_LIFE: Duration = Duration::from_secs(60);

/// Life of a registration after each renewal unless said otherwise.
pub const TTL_DEFAULT: Duration = Duration::from_secs(10);
/// How long `register` waits for the server before it goes on without.
pub const REGISTER_WAIT: Duration = Duration::from_secs(3);
/// How long `leave` waits for the server.
pub const LEAVE_WAIT: Duration = Duration::from_secs(2);
/// Registrations of one process.
pub const REGISTRATIONS_MAX: usize = 256;
/// Messages that wait for the server before a sender must wait too.
pub const OUTBOX_MESSAGES_MAX: usize = 1_024;
/// First pause before the server is tried again.
pub const RECONNECT_PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause before the server is tried again.
pub const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(3);
/// How often the calls seen are reported.
pub const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Ejections that wait to be reported.
pub const EJECTIONS_MAX: usize = 256;

/// How long a list that has become empty all at once, on a new connection, is not believed: the
/// server may have come back before those that register with it.
pub const EMPTY_VIEW_DOUBT: Duration = Duration::from_secs(30);
/// Largest cache file that is read.
pub const CACHE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Largest token file that is read.
pub const TOKEN_BYTES_MAX: u64 = 4 * 1024;
