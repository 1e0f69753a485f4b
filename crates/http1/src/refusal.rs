//! Why a message is refused, and with which status.

/// A message that is not passed on. Display is a sentence fit for an error body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The start line or a field line is not HTTP/1.1.
    #[error("the request line or a header line is malformed")]
    Syntax,
    /// A line ends with LF alone, or CR stands alone.
    #[error("a line does not end with CR LF")]
    BareLineEnd,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here")]
    Version,
    /// The head has more bytes or fields than [`crate::limits`] allow.
    #[error("the header block is larger than 32 KiB or has more than 100 fields")]
    HeadTooLarge,
    /// The target has more bytes than [`crate::limits::TARGET_MAX_BYTES`].
    #[error("the request target is longer than 8 KiB")]
    TargetTooLong,
    /// Both Content-Length and Transfer-Encoding.
    #[error("Content-Length and Transfer-Encoding exclude each other")]
    LengthAndChunked,
    /// More than one Content-Length, or one that is not a plain number.
    #[error("Content-Length must be one decimal number")]
    ContentLength,
    /// A Transfer-Encoding other than exactly `chunked`, or several, or on HTTP/1.0.
    #[error("Transfer-Encoding must be exactly 'chunked', once, on HTTP/1.1")]
    TransferEncoding,
    /// No Host, several, or one that is not a host.
    #[error("exactly one valid Host is needed")]
    Host,
    /// An absolute target whose authority is not the Host.
    #[error("the target's authority differs from Host")]
    AuthorityMismatch,
    /// A target in no form that is served.
    #[error("the request target is malformed")]
    Target,
    /// A path that climbs, hides a separator, or carries a NUL.
    #[error("the path contains a dot segment, an encoded separator or a control byte")]
    Traversal,
    /// A field name that a server behind could take for a framing or forwarding one.
    #[error("a header name imitates a protected one")]
    FieldName,
    /// A broken chunk size line, chunk end or trailer.
    #[error("the chunked body is malformed")]
    Chunk,
}

impl Refusal {
    /// The status to answer a request with; a response that is refused is always a 502.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::HeadTooLarge => 431,
            Self::TargetTooLong => 414,
            Self::Version => 505,
            _ => 400,
        }
    }
}
