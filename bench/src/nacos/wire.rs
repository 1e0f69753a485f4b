//! A Nacos client over gRPC that costs next to nothing: HTTP/2 by hand.
//!
//! Thousands of clients share two processors with the server under test; a full HTTP/2 stack in
//! each would be measured instead of the server. Frames are told apart, headers are never decoded:
//! that a call succeeded is seen in its answer.

use std::io;
use std::net::SocketAddr;

use rialto_nacos::codec::payload::{self, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
/// Largest frame that a peer takes without being asked.
const FRAME_MAX_BYTES: usize = 16_384;
/// Window that a peer grants without being asked, for the connection and for each stream.
const WINDOW_BYTES: usize = 65_535;
/// Window that we grant; nothing here receives more over one connection.
const GRANTED_BYTES: u32 = 1 << 30;
/// Read at once; small, for there are thousands.
const READ_BYTES: usize = 4_096;
/// The stream of pushes is the first that a client opens.
const PUSH_STREAM: u32 = 1;
/// Tries until the server knows the connection.
const SET_UP_TRIES: u32 = 200;

mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
}

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
const PADDED: u8 = 8;

/// A connection that is set up as the SDKs do it.
pub(super) struct Client {
    stream: TcpStream,
    /// Received and not yet understood.
    input: Vec<u8>,
    output: Vec<u8>,
    /// The stream of the last call.
    call: u32,
    answer: Vec<u8>,
    pushes: Vec<u8>,
    /// What may still be sent over the connection.
    window: usize,
    is_answered: bool,
}

impl Client {
    /// Connects and sets up a client of the naming module.
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream,
            input: Vec::new(),
            output: PREFACE.to_vec(),
            call: PUSH_STREAM,
            answer: Vec::new(),
            pushes: Vec::new(),
            window: WINDOW_BYTES,
            is_answered: false,
        };
        // Identifier 4 is the initial window of streams.
        let mut settings = vec![0, 4];
        settings.extend(GRANTED_BYTES.to_be_bytes());
        client.frame(kind::SETTINGS, 0, 0, &settings);
        client.frame(kind::WINDOW_UPDATE, 0, 0, &GRANTED_BYTES.to_be_bytes());
        client.open(PUSH_STREAM, "/BiRequestStream/requestBiStream");
        client.say(
            PUSH_STREAM,
            &message(
                "ConnectionSetupRequest",
                "{\"headers\":{},\"clientVersion\":\"Nacos-Java-Client:v2.5.1\",\"tenant\":\"\",\
                 \"labels\":{\"source\":\"sdk\",\"module\":\"naming\",\"AppName\":\"bench\"},\
                 \"abilityTable\":{},\"module\":\"internal\"}",
            ),
            false,
        );
        let check = message("HealthCheckRequest", "{\"headers\":{},\"module\":\"internal\"}");
        for _ in 0..SET_UP_TRIES {
            // Refused until the server has taken in the set-up.
            if client.call(&check).await.is_ok() {
                return Ok(client);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Err(invalid("the connection is never set up"))
    }

    /// Sends a message and waits for its answer; pushes in between are acknowledged.
    pub(super) async fn call(&mut self, message: &[u8]) -> io::Result<()> {
        self.call += 2;
        self.answer.clear();
        self.is_answered = false;
        while self.window < message.len() {
            self.turn(&mut |_, _| {}).await?;
        }
        self.open(self.call, "/Request/request");
        self.say(self.call, message, true);
        while !self.is_answered {
            self.turn(&mut |_, _| {}).await?;
        }
        let whole = match payload::frame(&self.answer) {
            Ok(Frame::Whole(whole)) => whole,
            _ => return Err(invalid("an answer without a message")),
        };
        let answer = payload::decode(whole).map_err(|error| invalid(&error.to_string()))?;
        if find(answer.body, b"\"resultCode\":200").is_none() {
            return Err(invalid(&String::from_utf8_lossy(answer.body)));
        }
        Ok(())
    }

    /// Acknowledges pushes for ever and shows them to `seen`, which must be quick.
    pub(super) async fn listen(&mut self, mut seen: impl FnMut(&str, &[u8])) -> io::Result<()> {
        loop {
            self.turn(&mut seen).await?;
        }
    }

    /// Sends what is to be sent, reads once, and understands what came.
    async fn turn(&mut self, seen: &mut impl FnMut(&str, &[u8])) -> io::Result<()> {
        self.flush().await?;
        let filled = self.input.len();
        self.input.resize(filled + READ_BYTES, 0);
        let count = self.stream.read(&mut self.input[filled..]).await?;
        self.input.truncate(filled + count);
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let input = std::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        while let Some((head, behind)) = rest.split_at_checked(FRAME_HEAD_BYTES) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some((body, behind)) = behind.split_at_checked(length) else { break };
            let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
            self.understand(head[3], head[4], stream, body, seen)?;
            rest = behind;
        }
        self.input = rest.to_vec();
        self.flush().await
    }

    fn understand(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        body: &[u8],
        seen: &mut impl FnMut(&str, &[u8]),
    ) -> io::Result<()> {
        match kind {
            kind::DATA if flags & PADDED != 0 => return Err(invalid("padded data")),
            kind::DATA if stream == PUSH_STREAM => {
                self.pushes.extend_from_slice(body);
                self.pushed(seen)?;
            }
            kind::DATA if stream == self.call => {
                self.answer.extend_from_slice(body);
                self.is_answered |= matches!(payload::frame(&self.answer), Ok(Frame::Whole(_)));
            }
            kind::HEADERS if flags & END_STREAM != 0 && stream == PUSH_STREAM => {
                return Err(invalid("the server ended the stream of pushes"));
            }
            kind::HEADERS if flags & END_STREAM != 0 && stream == self.call => {
                self.is_answered = true;
            }
            kind::SETTINGS if flags & ACK == 0 => self.frame(kind::SETTINGS, ACK, 0, &[]),
            kind::PING if flags & ACK == 0 => self.frame(kind::PING, ACK, 0, body),
            kind::WINDOW_UPDATE if stream == 0 => {
                let more = body.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
                self.window = self.window.saturating_add(more as usize);
            }
            kind::GOAWAY => return Err(invalid("the server ends the connection")),
            kind::RST_STREAM => return Err(invalid("the server ends a stream")),
            _ => {}
        }
        Ok(())
    }

    /// Takes whole pushes from what came and acknowledges them.
    fn pushed(&mut self, seen: &mut impl FnMut(&str, &[u8])) -> io::Result<()> {
        let pushes = std::mem::take(&mut self.pushes);
        let mut rest = pushes.as_slice();
        while let Frame::Whole(whole) =
            payload::frame(rest).map_err(|error| invalid(&error.to_string()))?
        {
            let push = payload::decode(whole).map_err(|error| invalid(&error.to_string()))?;
            seen(push.kind, push.body);
            if push.kind != "SetupAckRequest"
                && let Some(id) = text_of(push.body, b"\"requestId\":\"")
                && let Some(class) = push.kind.strip_suffix("Request")
            {
                let body = format!(
                    "{{\"resultCode\":200,\"errorCode\":0,\"requestId\":\"{id}\",\"success\":true}}"
                );
                self.say(PUSH_STREAM, &message(&format!("{class}Response"), &body), false);
            }
            rest = &rest[payload::PREFIX_BYTES + whole.len()..];
        }
        self.pushes = rest.to_vec();
        Ok(())
    }

    /// Opens a stream for a gRPC method.
    fn open(&mut self, stream: u32, path: &str) {
        // POST and http from the static table, then literals that no table keeps.
        let mut block = vec![0x83, 0x86, 0x04];
        let text = |block: &mut Vec<u8>, text: &str| {
            block.push(u8::try_from(text.len()).expect("these are short"));
            block.extend_from_slice(text.as_bytes());
        };
        text(&mut block, path);
        block.push(0x01);
        text(&mut block, "bench");
        block.extend([0x0f, 0x10]);
        text(&mut block, "application/grpc");
        block.push(0x00);
        text(&mut block, "te");
        text(&mut block, "trailers");
        self.frame(kind::HEADERS, END_HEADERS, stream, &block);
    }

    /// Sends a message over a stream, in as many frames as it needs.
    fn say(&mut self, stream: u32, message: &[u8], is_last: bool) {
        self.window = self.window.saturating_sub(message.len());
        let count = message.len().div_ceil(FRAME_MAX_BYTES);
        for (index, part) in message.chunks(FRAME_MAX_BYTES).enumerate() {
            let ends = is_last && index + 1 == count;
            self.frame(kind::DATA, if ends { END_STREAM } else { 0 }, stream, part);
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, body: &[u8]) {
        let length = u32::try_from(body.len()).expect("frames are short").to_be_bytes();
        self.output.extend([length[1], length[2], length[3], kind, flags]);
        self.output.extend(stream.to_be_bytes());
        self.output.extend_from_slice(body);
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
        }
        Ok(())
    }
}

/// A gRPC message of this type with this JSON.
pub(super) fn message(kind: &str, json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    payload::encode(&mut out, kind, "127.0.0.1", &[("app", "bench")], json.as_bytes());
    assert!(out.len() < WINDOW_BYTES, "a stream's window is not followed");
    out
}

/// The text between what `before` ends with and the next quote.
fn text_of<'a>(body: &'a [u8], before: &[u8]) -> Option<&'a str> {
    let from = find(body, before)? + before.len();
    let length = body[from..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[from..from + length]).ok()
}

fn find(body: &[u8], what: &[u8]) -> Option<usize> {
    body.windows(what.len()).position(|window| window == what)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_between_quotes() {
        let body = br#"{"headers":{},"requestId":"17","x":1}"#;
        assert_eq!(text_of(body, b"\"requestId\":\""), Some("17"));
        assert_eq!(text_of(body, b"\"seq\":\""), None);
        assert_eq!(text_of(b"\"seq\":\"7", b"\"seq\":\""), None);
    }

    #[test]
    fn messages_are_payloads() {
        let message = message("HealthCheckRequest", "{}");
        let Ok(Frame::Whole(whole)) = payload::frame(&message) else { panic!("no whole frame") };
        let payload = payload::decode(whole).expect("what is written can be read");
        assert_eq!((payload.kind, payload.body), ("HealthCheckRequest", b"{}".as_slice()));
    }
}
