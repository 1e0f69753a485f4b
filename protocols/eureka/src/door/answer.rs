//! Answers and how they are written to the wire.

use std::sync::Arc;

use bytes::Bytes;
use rialto_http1::write;

use crate::codec::{Media, Problem, ProblemBody};

/// An answer to one call.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: Option<&'static str>,
    /// One more header line, with the kinds of values that the protocol needs.
    pub(super) extra: Option<(&'static str, Extra)>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Extra {
    Text(&'static str),
    Number(u64),
}

#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Text(&'static str),
    Owned(Vec<u8>),
    Listing(Arc<Listing>),
}

/// A body in parts that many answers share.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) parts: Vec<Bytes>,
    pub(super) bytes: u64,
    pub(super) gzip: bool,
}

impl Body {
    fn bytes(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Text(text) => text.len() as u64,
            Body::Owned(bytes) => bytes.len() as u64,
            Body::Listing(listing) => listing.bytes,
        }
    }
}

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Answer { status, content_type: None, extra: None, body: Body::Empty }
    }

    pub(super) fn text(status: u16, content_type: &'static str, text: &'static str) -> Self {
        let body = Body::Text(text);
        Answer { status, content_type: Some(content_type), extra: None, body }
    }

    pub(super) fn owned(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        let body = Body::Owned(body);
        Answer { status, content_type: Some(content_type), extra: None, body }
    }

    /// The recorded server's way to say what a request lacks: a bare sentence, labelled as the
    /// language that the client asked for.
    pub(super) fn sentence(status: u16, media: Media, sentence: String) -> Self {
        Answer::owned(status, media.content_type(), sentence.into_bytes())
    }

    pub(super) fn listing(media: Media, listing: Arc<Listing>) -> Self {
        let extra = listing.gzip.then_some(("content-encoding", Extra::Text("gzip")));
        let body = Body::Listing(listing);
        Answer { status: 200, content_type: Some(media.content_type()), extra, body }
    }

    pub(super) fn problem(status: u16, form: ProblemBody, path: &str, now_ms: u64) -> Self {
        let reason = reason(status);
        let body = Body::Owned(Problem { status, reason, path, now_ms }.write(form));
        Answer { status, content_type: form.content_type(), extra: None, body }
    }

    pub(super) fn with(mut self, name: &'static str, value: Extra) -> Self {
        self.extra = Some((name, value));
        self
    }

    /// Writes the head, and the body when it is short; a listing is left to the connection.
    pub(super) fn write(&self, out: &mut Vec<u8>, date: &[u8], head_only: bool, close: bool) {
        write::status_line(out, self.status, reason(self.status).as_bytes());
        write::field(out, b"date", date);
        if let Some(content_type) = self.content_type {
            write::field(out, b"content-type", content_type.as_bytes());
        }
        match &self.extra {
            Some((name, Extra::Text(value))) => {
                write::field(out, name.as_bytes(), value.as_bytes())
            }
            Some((name, Extra::Number(value))) => {
                let value = value.to_string();
                write::field(out, name.as_bytes(), value.as_bytes());
            }
            None => {}
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
            Body::Empty | Body::Listing(_) => {}
        }
    }
}

/// The reason phrase of every status that the door sends.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        204 => "No Content",
        406 => "Not Acceptable",
        409 => "Conflict",
        415 => "Unsupported Media Type",
        _ => write::reason(status),
    }
}
