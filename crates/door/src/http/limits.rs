//! What one client, and all of them together, may cost a door that serves HTTP.

/// The limits of one door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest request line with all its headers, in bytes; at most what `rialto_http1` reads.
    pub head_bytes_max: usize,
    /// Most headers of one request; at most what `rialto_http1` reads.
    pub headers_max: usize,
    /// Longest request body, in bytes.
    pub body_bytes_max: usize,
    /// Bytes of all bodies that are being received at one time, beyond what fits a read.
    pub bodies_bytes_max: usize,
    /// Most connections of all workers; further ones are closed at once.
    pub connections_max: usize,
    /// How long a connection may take for each step.
    pub deadlines: Deadlines,
}

/// How long a connection may take for each step, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Without a request. The pools of real clients drop their connections after 30 to 45 s, so
    /// that they are the ones to hang up first.
    pub idle_ms: u64,
    /// From the first byte of a request to the end of its head.
    pub head_ms: u64,
    /// From there to the end of its body.
    pub body_ms: u64,
    /// Without taking a further part of an answer.
    pub answer_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines { idle_ms: 120_000, head_ms: 10_000, body_ms: 20_000, answer_ms: 30_000 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes_max: 16 * 1024,
            headers_max: 64,
            body_bytes_max: 1024 * 1024,
            bodies_bytes_max: 256 * 1024 * 1024,
            connections_max: 16_384,
            deadlines: Deadlines::default(),
        }
    }
}

/// Room for the next read, in bytes.
pub(super) const READ_BYTES: usize = 4 * 1024;
/// Answers to pipelined requests are sent together up to this many bytes.
pub(super) const OUT_BYTES: usize = 64 * 1024;
/// How long a refused client may go on sending until it sees the answer, in milliseconds.
pub(super) const LINGER_MS: u64 = 2_000;
/// How much of it is read, in bytes.
pub(super) const LINGER_BYTES: usize = 8 * 1024 * 1024;
/// What the kernel may hold of a large answer, in bytes; Linux doubles it for its own needs.
pub(super) const SEND_BUFFER_BYTES: usize = 512 * 1024;
/// Parts of an answer handed to the kernel at once.
pub(super) const PARTS: usize = 64;
/// Threads of a worker for what takes long: writing listings and checking passwords.
pub(super) const BLOCKING_THREADS_MAX: usize = 4;
