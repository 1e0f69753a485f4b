//! A client connection that knows just enough HTTP/1.1 to tell where an answer ends.
//!
//! A full client would cost more CPU than the servers under test, on the same two cores.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::block_on;
use crate::error::Error;

/// Longest head of an answer.
const HEAD_MAX_BYTES: usize = 16 * 1_024;

/// Read at once; large enough that a full fetch costs few calls.
const READ_BYTES: usize = 128 * 1_024;

/// A kept-alive connection.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body_bytes: u64,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; READ_BYTES] })
    }

    /// Sends `request` and reads the answer; its body goes to `keep`, when that is given.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        mut keep: Option<&mut Vec<u8>>,
    ) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let head = loop {
            let count = self.stream.read(&mut self.buffer[filled..]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += count;
            if let Some(head) = Head::parse(&self.buffer[..filled])? {
                break head;
            }
        };
        let mut body = Body::new(head.framing);
        let first = &self.buffer[head.length..filled];
        let mut ended = body.feed(first, keep.as_deref_mut())?;
        while !ended {
            let count = self.stream.read(&mut self.buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            ended = body.feed(&self.buffer[..count], keep.as_deref_mut())?;
        }
        Ok(Answer { status: head.status, body_bytes: body.bytes })
    }
}

/// One request on a connection of its own: status and body.
pub(crate) fn fetch(address: SocketAddr, request: &[u8]) -> Result<(u16, Vec<u8>), Error> {
    let work = async {
        let mut body = Vec::new();
        let answer = Connection::open(address).await?.exchange(request, Some(&mut body)).await?;
        Ok((answer.status, body))
    };
    block_on(work)?.map_err(Error::io(format!("fetch from {address}")))
}

/// How an answer's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
}

struct Head {
    status: u16,
    length: usize,
    framing: Framing,
}

impl Head {
    /// `None` when more bytes are needed.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if bytes.len() > HEAD_MAX_BYTES {
                Err(invalid("head too long"))
            } else {
                Ok(None)
            };
        };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid("head is no text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status: u16 = status.and_then(|s| s.parse().ok()).ok_or_else(|| invalid("status"))?;
        let mut framing = match status {
            204 | 304 => Some(Framing::Length(0)),
            _ => None,
        };
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") && framing.is_none() {
                let length = value.trim().parse().map_err(|_| invalid("content length"))?;
                framing = Some(Framing::Length(length));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Some(Framing::Chunked);
            }
        }
        let framing = framing.ok_or_else(|| invalid("answer without framing"))?;
        Ok(Some(Self { status, length: end + 4, framing }))
    }
}

/// Follows a body to its end.
struct Body {
    state: State,
    bytes: u64,
}

#[derive(Clone, Copy)]
enum State {
    /// So many bytes of the body, or of a chunk, are left.
    Data {
        left: u64,
        is_chunk: bool,
    },
    /// In the line that tells a chunk's size; digits end at the first other byte.
    Size {
        value: u64,
        in_digits: bool,
    },
    /// The line end behind a chunk.
    ChunkEnd,
    /// Lines behind the last chunk; an empty one ends the body.
    Trailer {
        line_bytes: usize,
    },
    Ended,
}

impl Body {
    fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Ended,
            Framing::Length(left) => State::Data { left, is_chunk: false },
            Framing::Chunked => State::Size { value: 0, in_digits: true },
        };
        Self { state, bytes: 0 }
    }

    /// Takes what was read; true when the body is complete.
    fn feed(&mut self, mut input: &[u8], mut keep: Option<&mut Vec<u8>>) -> io::Result<bool> {
        while !input.is_empty() {
            match self.state {
                State::Data { left, is_chunk } => {
                    let taken = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if let Some(keep) = keep.as_deref_mut() {
                        keep.extend_from_slice(&input[..taken]);
                    }
                    self.bytes += taken as u64;
                    input = &input[taken..];
                    self.state = match (left - taken as u64, is_chunk) {
                        (0, true) => State::ChunkEnd,
                        (0, false) => State::Ended,
                        (left, is_chunk) => State::Data { left, is_chunk },
                    };
                }
                State::Ended => return Err(invalid("bytes behind the answer")),
                state => {
                    self.state = after_byte(state, input[0])?;
                    input = &input[1..];
                }
            }
        }
        Ok(matches!(self.state, State::Ended))
    }
}

/// The state after one byte of a chunked body's framing.
fn after_byte(state: State, byte: u8) -> io::Result<State> {
    Ok(match state {
        State::Size { value, in_digits } => match byte {
            b'\n' if value == 0 => State::Trailer { line_bytes: 0 },
            b'\n' => State::Data { left: value, is_chunk: true },
            digit if in_digits && digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16).unwrap_or_default();
                let value = value.checked_mul(16).ok_or_else(|| invalid("chunk size"))?;
                State::Size { value: value + u64::from(digit), in_digits }
            }
            _ => State::Size { value, in_digits: false },
        },
        State::ChunkEnd if byte == b'\n' => State::Size { value: 0, in_digits: true },
        State::Trailer { line_bytes: 0 } if byte == b'\n' => State::Ended,
        State::Trailer { .. } if byte == b'\n' => State::Trailer { line_bytes: 0 },
        State::Trailer { line_bytes } if byte != b'\r' => {
            State::Trailer { line_bytes: line_bytes + 1 }
        }
        other => other,
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(framing: Framing, body: &[u8], expected: &[u8]) {
        for split in 0..=body.len() {
            let mut reader = Body::new(framing);
            let mut kept = Vec::new();
            let mut ended = reader.feed(&body[..split], Some(&mut kept)).expect("valid");
            ended |= reader.feed(&body[split..], Some(&mut kept)).expect("valid");
            assert!(ended, "split at {split}");
            assert_eq!(kept, expected, "split at {split}");
        }
    }

    #[test]
    fn bodies_end_where_they_say() {
        check(Framing::Length(3), b"abc", b"abc");
        check(
            Framing::Chunked,
            b"3\r\nabc\r\n1a;x=1\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
            b"abcabcdefghijklmnopqrstuvwxyz",
        );
        check(Framing::Chunked, b"0\r\nA: b\r\n\r\n", b"");
    }

    #[test]
    fn excess_bytes_are_noticed() {
        assert!(Body::new(Framing::Length(1)).feed(b"ab", None).is_err());
    }

    #[test]
    fn heads_tell_their_framing() {
        let head = |text: &str| Head::parse(text.as_bytes()).ok().flatten().map(|h| h.framing);
        assert_eq!(head("HTTP/1.1 204 No Content\r\n\r\n"), Some(Framing::Length(0)));
        assert_eq!(head("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"), Some(Framing::Length(7)));
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Some(Framing::Chunked)
        );
        assert_eq!(head("HTTP/1.1 200 OK\r\ncontent-len"), None);
    }
}
