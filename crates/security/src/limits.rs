//! Every bound of this crate.

/// Longest password in bytes: hashing must not become a way to use up the processor.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Shortest password accepted in characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longest token in bytes.
pub const TOKEN_BYTES_MAX: usize = 512;
/// Longest user name in bytes.
pub const USER_BYTES_MAX: usize = 128;
/// Longest `Authorization` header in bytes that is looked at.
pub const AUTHORIZATION_BYTES_MAX: usize = 4_096;
/// Memory of one password hash in KiB.
pub const HASH_MEMORY_KIB: u32 = 19_456;
/// Passes of one password hash.
pub const HASH_PASSES: u32 = 2;
/// Password hashes computed at the same time, so that their memory is bounded.
pub const HASHES_AT_ONCE_MAX: usize = 2;
/// Password checks that may wait for their turn; more are refused with a retry hint.
pub const HASHES_WAITING_MAX: usize = 16;
/// Successful password checks remembered.
pub const RECENT_ENTRIES_MAX: usize = 256;
/// How long a successful password check is remembered.
pub const RECENT_TTL_MS: u64 = 60_000;
/// Sign-in sessions at the same time; the one unused longest makes room.
pub const SESSIONS_MAX: usize = 1_024;
/// A session ends when unused for this long.
pub const SESSION_IDLE_MS: u64 = 30 * 60_000;
/// A session ends this long after the sign-in, however busy it is.
pub const SESSION_ABSOLUTE_MS: u64 = 12 * 3_600_000;
/// Peers whose failures are counted; the one seen longest ago makes room.
pub const FAILURE_PEERS_MAX: usize = 4_096;
/// Wrong passwords of a peer before it must wait.
pub const PASSWORD_FAILURES_FREE: u32 = 5;
/// Wrong tokens of a peer before it is told to slow down. A right token passes all the same.
pub const TOKEN_FAILURES_FREE: u32 = 100;
/// First wait after too many failures; each further failure doubles it.
pub const FAILURE_WAIT_FIRST_MS: u64 = 1_000;
/// Longest wait after failures.
pub const FAILURE_WAIT_MAX_MS: u64 = 5 * 60_000;
/// Failures of a peer are forgotten after this long without a new one.
pub const FAILURE_MEMORY_MS: u64 = 15 * 60_000;
/// Largest `security.json` in bytes that is read.
pub const STATE_FILE_BYTES_MAX: u64 = 16 << 20;
/// Longest resource pattern of a permission in bytes.
pub const PATTERN_BYTES_MAX: usize = 1_024;
/// Users at most.
pub const USERS_MAX: usize = 10_000;
/// Roles of one's own at most.
pub const ROLES_MAX: usize = 1_000;
/// Permissions of one role at most.
pub const GRANTS_PER_ROLE_MAX: usize = 256;
/// Roles of one user or token at most.
pub const ROLES_PER_USER_MAX: usize = 64;
/// Access tokens at most.
pub const TOKENS_MAX: usize = 1_000;
/// Life of a signed token in seconds, as Nacos has it.
pub const SIGNED_TTL_S: u64 = 18_000;
/// A signing key is replaced after this many seconds.
pub const SIGNING_KEY_AGE_MAX_S: u64 = 7 * 24 * 3_600;
/// Signing keys kept at the same time; the oldest goes, with the tokens that it signed.
pub const SIGNING_KEYS_MAX: usize = 4;
/// Largest `signing.keys` in bytes that is read.
pub const SIGNING_FILE_BYTES_MAX: u64 = 16 << 10;
