//! A client that writes frames of HTTP/2 by hand, to do what no library does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::client::PATIENCE;

/// Types of frames.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

/// Codes of errors.
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    /// Connects, with settings that are already written, and ends the handshake.
    pub(crate) fn connect(address: SocketAddr, settings: &[u8]) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        let mut raw = Raw(stream);
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        raw.send(&frame(SETTINGS, 0, 0, settings));
        raw.send(&frame(SETTINGS, 1, 0, &[]));
        raw
    }

    /// Sends frames. A server that has had enough may close before it has read them all.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Reads frames until one of a type comes, and gives its payload; `None` when the connection
    /// ends before.
    pub(crate) fn await_frame(&mut self, wanted: u8) -> Option<Vec<u8>> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).ok()?;
            let bytes = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; bytes];
            self.0.read_exact(&mut payload).ok()?;
            if head[3] == wanted {
                return Some(payload);
            }
        }
    }

    /// The code with which the server ends the connection.
    pub(crate) fn goaway(&mut self) -> Option<u32> {
        let payload = self.await_frame(GOAWAY)?;
        Some(u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?))
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut out = vec![length[1], length[2], length[3], kind, flags];
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// The head of a call; `end` says that nothing follows.
pub(crate) fn head(stream: u32, path: &str, end: bool) -> Vec<u8> {
    // `:method: POST`, `:scheme: http`, then `:path`, `:authority` and `content-type` in full.
    let mut block = vec![0x83, 0x86];
    literal(&mut block, &[0x04], path);
    literal(&mut block, &[0x01], "nacos");
    literal(&mut block, &[0x0f, 0x10], "application/grpc");
    frame(HEADERS, 4 | u8::from(end), stream, &block)
}

fn literal(block: &mut Vec<u8>, name: &[u8], value: &str) {
    block.extend_from_slice(name);
    block.push(u8::try_from(value.len()).expect("a short value"));
    block.extend_from_slice(value.as_bytes());
}
