//! A client that sends exactly what it is told and reads exactly one answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case, in the order received.
    pub(crate) headers: Vec<(String, String)>,
    /// Inflated.
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("answers are UTF-8")
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Response {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("Connection: close\r\n\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    raw(address, &bytes).expect("the door answers")
}

/// Sends bytes and reads until the door closes; `None` when it closes without an answer.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Option<Response> {
    let mut stream = connect(address);
    stream.write_all(bytes).expect("the door takes the request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the door closes in time");
    parse(&answer)
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the door accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

/// Reads one answer that has a Content-Length, leaving the connection open.
pub(crate) fn read_one(stream: &mut TcpStream) -> Response {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("the door answers with a whole head");
        answer.push(byte[0]);
    }
    let head = parse(&answer).expect("a head was read");
    let length = head.header("content-length").map_or(0, |it| it.parse().expect("a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the door answers with a whole body");
    answer.extend_from_slice(&body);
    parse(&answer).expect("an answer was read")
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).expect("heads are text");
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status is a number");
    let headers = lines
        .map(|line| line.split_once(": ").expect("a header has a value"))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut response = Response { status, headers, body: answer[end + 4..].to_vec() };
    if response.header("content-encoding") == Some("gzip") && !response.body.is_empty() {
        let mut body = Vec::new();
        let mut inflate = flate2::bufread::GzDecoder::new(response.body.as_slice());
        inflate.read_to_end(&mut body).expect("what is said to be gzip is gzip");
        response.body = body;
    }
    Some(response)
}
