//! The limits of this crate.

/// Bytes of a request or response head: start line, fields and the empty line.
pub const HEAD_MAX_BYTES: usize = 32 * 1024;

/// Field lines of a head.
pub const FIELDS_MAX: usize = 100;

/// Bytes of a request target.
pub const TARGET_MAX_BYTES: usize = 8 * 1024;

/// Hexadecimal digits of a chunk size: enough for any size below 2^60.
pub const CHUNK_SIZE_MAX_DIGITS: u8 = 15;

/// Bytes of a chunk extension.
pub const CHUNK_EXTENSION_MAX_BYTES: u16 = 256;

/// Bytes of the trailer section after the last chunk.
pub const TRAILERS_MAX_BYTES: u16 = 8 * 1024;

/// Decimal digits of a content length: every number of so many fits 64 bits.
pub const CONTENT_LENGTH_MAX_DIGITS: usize = 19;
