//! Answers and how they are written to the wire.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use rialto_http1::write;
use smallvec::SmallVec;

/// What a handler says to a call.
pub enum Reply {
    /// The answer.
    Now(Answer),
    /// The answer takes a while. It is waited for even when the client hangs up, and by a stop.
    Later(Work<Answer>),
    /// The answer is held back until there is something to say. It is given up when the client
    /// hangs up and when the door closes, so the future must be one that may be dropped anywhere.
    Held(Work<Answer>),
    /// [`super::Handler::prepare`] has to run first; then the handler is asked again.
    Again,
}

/// Work that takes a while.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Reply::Now(answer)
    }
}

/// An answer to one call.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `Content-Type`, if there is one.
    pub content_type: Option<&'static str>,
    /// Further header lines; framing, date and connection are the door's own.
    pub extra: SmallVec<[(&'static str, Value); 1]>,
    /// The body.
    pub body: Body,
}

/// The value of a header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A fixed text.
    Text(&'static str),
    /// A number.
    Number(u64),
    /// A text made for this answer. Control bytes in it go out as spaces, so that nothing that a
    /// client stored can end the line.
    Owned(String),
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// A fixed text.
    Text(&'static str),
    /// Bytes made for this answer.
    Owned(Vec<u8>),
    /// Bytes that many answers share.
    Shared(Bytes),
    /// Parts that many answers share.
    Parts(Arc<Listing>),
}

/// A body in parts that many answers share. It is sent without being copied.
#[derive(Debug, Default)]
pub struct Listing {
    /// The parts in order.
    pub parts: Vec<Bytes>,
    /// Length of all parts together, in bytes.
    pub bytes: u64,
    /// Whether the parts are compressed with gzip.
    pub gzip: bool,
}

/// Up to this many bytes, shared bytes are copied behind their head: that is cheaper than a write
/// of two parts.
const COPY_BYTES_MAX: usize = 16 * 1024;

impl Body {
    fn bytes(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Text(text) => text.len() as u64,
            Body::Owned(bytes) => bytes.len() as u64,
            Body::Shared(bytes) => bytes.len() as u64,
            Body::Parts(listing) => listing.bytes,
        }
    }

    /// The parts that are sent after what [`Answer::write`] wrote.
    pub(super) fn parts(&self) -> &[Bytes] {
        match self {
            Body::Parts(listing) => &listing.parts,
            Body::Shared(bytes) if bytes.len() > COPY_BYTES_MAX => std::slice::from_ref(bytes),
            _ => &[],
        }
    }
}

impl Answer {
    /// A status and nothing else.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Answer { status, content_type: None, extra: SmallVec::new(), body: Body::Empty }
    }

    /// An answer with a body.
    #[must_use]
    pub fn new(status: u16, content_type: &'static str, body: Body) -> Self {
        Answer { status, content_type: Some(content_type), extra: SmallVec::new(), body }
    }

    /// A fixed text.
    #[must_use]
    pub fn text(status: u16, content_type: &'static str, text: &'static str) -> Self {
        Answer::new(status, content_type, Body::Text(text))
    }

    /// Bytes made for this answer.
    #[must_use]
    pub fn owned(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Answer::new(status, content_type, Body::Owned(body))
    }

    /// Bytes that many answers share.
    #[must_use]
    pub fn shared(status: u16, content_type: &'static str, body: Bytes) -> Self {
        Answer::new(status, content_type, Body::Shared(body))
    }

    /// A shared listing with status 200; compressed ones say so.
    #[must_use]
    pub fn listing(content_type: &'static str, listing: Arc<Listing>) -> Self {
        let gzip = listing.gzip;
        let answer = Answer::new(200, content_type, Body::Parts(listing));
        if gzip { answer.with("content-encoding", Value::Text("gzip")) } else { answer }
    }

    /// The same with a further header line.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.extra.push((name, value));
        self
    }

    /// Writes the head, and the body when it is short; [`Body::parts`] are left to the connection.
    pub(super) fn write(&self, out: &mut Vec<u8>, date: &[u8], head_only: bool, close: bool) {
        write::status_line(out, self.status, reason(self.status).as_bytes());
        write::field(out, b"date", date);
        if let Some(content_type) = self.content_type {
            write::field(out, b"content-type", content_type.as_bytes());
        }
        for (name, value) in &self.extra {
            value.write(out, name);
        }
        if close {
            write::field(out, b"connection", b"close");
        }
        if self.status != 204 {
            write::content_length(out, self.body.bytes());
        }
        write::end(out);
        match &self.body {
            _ if head_only => {}
            Body::Text(text) => out.extend_from_slice(text.as_bytes()),
            Body::Owned(bytes) => out.extend_from_slice(bytes),
            Body::Shared(bytes) if bytes.len() <= COPY_BYTES_MAX => out.extend_from_slice(bytes),
            Body::Empty | Body::Shared(_) | Body::Parts(_) => {}
        }
    }
}

impl Value {
    fn write(&self, out: &mut Vec<u8>, name: &str) {
        match self {
            Value::Text(value) => write::field(out, name.as_bytes(), value.as_bytes()),
            Value::Number(value) => {
                let value = value.to_string();
                write::field(out, name.as_bytes(), value.as_bytes());
            }
            Value::Owned(value) => {
                let clean = |byte: u8| if byte < 0x20 || byte == 0x7f { b' ' } else { byte };
                let value: Vec<u8> = value.bytes().map(clean).collect();
                write::field(out, name.as_bytes(), &value);
            }
        }
    }
}

/// The reason phrase of a status that a door sends.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        204 => "No Content",
        302 => "Found",
        304 => "Not Modified",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        415 => "Unsupported Media Type",
        _ => write::reason(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(answer: &Answer, head_only: bool, close: bool) -> String {
        let mut out = Vec::new();
        answer.write(&mut out, b"now", head_only, close);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_stored_value_cannot_end_its_line() {
        let value = Value::Owned("a\r\nset-cookie: b".to_owned());
        let text = written(&Answer::empty(200).with("x-key", value), false, false);
        assert_eq!(
            text,
            "HTTP/1.1 200 OK\r\ndate: now\r\nx-key: a  set-cookie: b\r\ncontent-length: 0\r\n\r\n"
        );
    }

    #[test]
    fn short_shared_bytes_follow_their_head_and_long_ones_are_parts() {
        let short = Answer::shared(200, "text/plain", Bytes::from_static(b"short"));
        assert!(written(&short, false, true).ends_with("content-length: 5\r\n\r\nshort"));
        assert!(written(&short, true, true).ends_with("content-length: 5\r\n\r\n"));
        assert!(short.body.parts().is_empty());
        let long = Answer::shared(200, "text/plain", vec![b'x'; COPY_BYTES_MAX + 1].into());
        assert!(written(&long, false, false).ends_with("content-length: 16385\r\n\r\n"));
        assert_eq!(long.body.parts().len(), 1);
    }

    #[test]
    fn no_content_has_no_length() {
        assert_eq!(
            written(&Answer::empty(204), false, false),
            "HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n"
        );
    }
}
