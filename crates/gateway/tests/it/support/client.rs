//! A client that writes what it is given and reads answers strictly.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use rialto_http1::{Body, parse_response, slots};

use super::PATIENCE;

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// The values of a header, in order.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        values(&self.head, name)
    }
}

/// The values of a header in a head.
pub(crate) fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) input: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the gateway accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, input: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the gateway reads");
    }

    /// Sends as much as the gateway takes.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET").expect("an answer")
    }

    /// The next answer; None when the gateway closes before its first byte.
    pub(crate) fn answer_to(&mut self, method: &str) -> Option<Answer> {
        loop {
            let read = {
                let mut slots = slots();
                let read = parse_response(&self.input, method == "HEAD", &mut slots);
                let read = read.expect("the gateway sends valid answers");
                read.map(|(head, used)| (head.status, Body::new(head.framing), used))
            };
            let Some((status, body, used)) = read else {
                if !self.more() {
                    assert!(self.input.is_empty(), "cut off: {:?}", self.input.escape_ascii());
                    return None;
                }
                continue;
            };
            let head = String::from_utf8_lossy(&self.input[..used]).into_owned();
            self.input.drain(..used);
            let body = self.body(body);
            return Some(Answer { status, head, body });
        }
    }

    fn body(&mut self, mut body: Body) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let piece = body.decode(&mut self.input).expect("the gateway sends valid bodies");
            bytes.extend_from_slice(&self.input[piece.data]);
            self.input.drain(..piece.consumed);
            if body.is_done() {
                return bytes;
            }
            if !self.more() {
                assert!(body.may_end(), "the body is cut off after {} bytes", bytes.len());
                return bytes;
            }
        }
    }

    /// Reads on; false when the gateway has closed.
    pub(crate) fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(read) => {
                self.input.extend_from_slice(&buffer[..read]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer in time: {error}"),
        }
    }

    /// Everything until the gateway closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.input)
    }

    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        assert!(self.input.is_empty() && !self.more(), "the gateway should close");
    }
}
