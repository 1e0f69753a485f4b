//! How answers and pushes look on the wire: JSON in its envelope, headers and trailers.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::request::{Members, Response};
use crate::codec::payload;
use crate::naming::PushRequest;

/// Up to this many bytes, shared JSON is copied behind its envelope.
const COPY_BYTES_MAX: usize = 4 * 1024;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// gRPC's own statuses, of calls that never become a request of Nacos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok = 0,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    AlreadyExists = 6,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
}

/// Bytes that wait to go out on a stream.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl Outgoing {
    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    /// An answer.
    pub(super) fn response(response: &Response, request_id: Option<&str>) -> Self {
        let mut front = Vec::with_capacity(160);
        let result = if response.error_code == 0 { "200" } else { "500" };
        front.extend_from_slice(b"{\"resultCode\":");
        front.extend_from_slice(result.as_bytes());
        front.extend_from_slice(b",\"errorCode\":");
        front.extend_from_slice(itoa::Buffer::new().format(response.error_code).as_bytes());
        if let Some(message) = &response.message {
            front.extend_from_slice(b",\"message\":");
            text(&mut front, message);
        }
        if let Some(id) = request_id {
            front.extend_from_slice(b",\"requestId\":");
            text(&mut front, id);
        }
        let back: &[u8] =
            if response.error_code == 0 { b",\"success\":true}" } else { b",\"success\":false}" };
        let shared = match &response.fields {
            Members::None => &Bytes::new(),
            Members::Written(members) => {
                front.push(b',');
                front.extend_from_slice(members);
                &Bytes::new()
            }
            Members::Shared(name, value) => {
                front.extend_from_slice(b",\"");
                front.extend_from_slice(name.as_bytes());
                front.extend_from_slice(b"\":");
                value
            }
        };
        Self::message(response.kind, &front, shared, back)
    }

    /// A push, under its number on this connection.
    pub(super) fn request(push: &PushRequest, number: u64) -> Self {
        let mut front = Vec::with_capacity(64);
        front.extend_from_slice(b"{\"headers\":{},\"requestId\":\"");
        front.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        front.extend_from_slice(b"\",");
        Self::message(push.kind, &front, &push.shared, b"")
    }

    /// A request that nobody shares.
    pub(super) fn own(kind: &str, body: &[u8]) -> Self {
        Self::message(kind, body, &Bytes::new(), b"")
    }

    /// An envelope around JSON in three pieces, of which the middle one is not copied when long.
    fn message(kind: &str, front: &[u8], shared: &Bytes, back: &[u8]) -> Self {
        let body_bytes = front.len() + shared.len() + back.len();
        let head_bytes = payload::head_bytes(kind, body_bytes);
        let mut outgoing = Outgoing::default();
        let is_short = shared.len() <= COPY_BYTES_MAX;
        let copied = if is_short { body_bytes } else { front.len() };
        let mut out = Vec::with_capacity(head_bytes + copied);
        payload::head(&mut out, kind, body_bytes);
        out.extend_from_slice(front);
        if is_short {
            out.extend_from_slice(shared);
            out.extend_from_slice(back);
            outgoing.push(out.into());
        } else {
            outgoing.push(out.into());
            outgoing.push(shared.clone());
            if !back.is_empty() {
                outgoing.push(Bytes::copy_from_slice(back));
            }
        }
        outgoing
    }

    /// Hands to the stream what the client has room for; ready when nothing is left. Adds up what
    /// was handed over.
    pub(super) fn pump(
        &mut self,
        stream: &mut SendStream<Bytes>,
        context: &mut Context<'_>,
        handed: &mut usize,
    ) -> Poll<Result<(), h2::Error>> {
        while let Some(chunk) = self.chunks.front_mut() {
            stream.reserve_capacity(self.bytes);
            let mut room = stream.capacity();
            if room == 0 {
                match ready!(stream.poll_capacity(context)) {
                    Some(granted) => room = granted?,
                    None => return Poll::Ready(Err(h2::Reason::STREAM_CLOSED.into())),
                }
                if room == 0 {
                    continue;
                }
            }
            let piece = chunk.split_to(room.min(chunk.len()));
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
            self.bytes -= piece.len();
            *handed += piece.len();
            stream.send_data(piece, false)?;
        }
        Poll::Ready(Ok(()))
    }
}

/// The head of an answer that has a body.
pub(super) fn head() -> http::Response<()> {
    let mut response = http::Response::new(());
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// The head of an answer that is nothing but a status.
pub(super) fn refusal(status: Status, message: &str) -> http::Response<()> {
    let mut response = head();
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(status as u16));
    // Printable ASCII alone; gRPC would have the rest percent-encoded.
    if let Ok(message) = HeaderValue::from_str(&message.replace('%', "%25")) {
        headers.insert(MESSAGE, message);
    }
    response
}

/// What ends an answer.
pub(super) fn trailers(status: Status) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(STATUS, HeaderValue::from(status as u16));
    trailers
}

fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text in memory can always be written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::payload::{Frame, decode, frame};

    fn body(outgoing: &Outgoing) -> (String, String) {
        let bytes: Vec<u8> = outgoing.chunks.iter().flat_map(|it| it.iter().copied()).collect();
        assert_eq!(bytes.len(), outgoing.bytes());
        let Ok(Frame::Whole(message)) = frame(&bytes) else { panic!("no whole frame") };
        let payload = decode(message).unwrap();
        (payload.kind.to_owned(), String::from_utf8(payload.body.to_vec()).unwrap())
    }

    #[test]
    fn answers_have_what_every_client_looks_at() {
        let ok = Response::ok("ServiceListResponse", Members::Written(b"\"count\":0".to_vec()));
        let (kind, json) = body(&Outgoing::response(&ok.with_message("a\"b"), Some("7")));
        assert_eq!(kind, "ServiceListResponse");
        assert_eq!(
            json,
            "{\"resultCode\":200,\"errorCode\":0,\"message\":\"a\\\"b\",\"requestId\":\"7\",\
             \"count\":0,\"success\":true}"
        );
        let (kind, json) = body(&Outgoing::response(&Response::error(302, "none"), None));
        assert_eq!(kind, "ErrorResponse");
        assert_eq!(
            json,
            "{\"resultCode\":500,\"errorCode\":302,\"message\":\"none\",\"success\":false}"
        );
    }

    #[test]
    fn long_shared_values_are_not_copied() {
        for bytes in [2, COPY_BYTES_MAX, COPY_BYTES_MAX + 1, 100_000] {
            let value = Bytes::from(format!("\"{}\"", "x".repeat(bytes - 2)));
            let fields = Members::Shared("serviceInfo", value.clone());
            let outgoing = Outgoing::response(&Response::ok("QueryServiceResponse", fields), None);
            let is_shared = outgoing.chunks.iter().any(|it| it.as_ptr() == value.as_ptr());
            assert_eq!(is_shared, bytes > COPY_BYTES_MAX);
            let (_, json) = body(&outgoing);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(read["serviceInfo"].as_str().unwrap().len(), bytes - 2);
        }
    }
}
