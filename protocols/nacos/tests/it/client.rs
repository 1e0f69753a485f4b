//! A client over HTTP that sends exactly what it is told and reads exactly one answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a test waits for anything; longer than the shortest long poll.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case, in the order received.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.text()))
    }
}

/// Writes parameters as a form.
pub(crate) fn form<N: AsRef<str>, V: AsRef<str>>(parameters: &[(N, V)]) -> String {
    let mut out = String::new();
    for (name, value) in parameters {
        if !out.is_empty() {
            out.push('&');
        }
        rialto_nacos::codec::form::encode(name.as_ref(), &mut out);
        out.push('=');
        rialto_nacos::codec::form::encode(value.as_ref(), &mut out);
    }
    out
}

/// Sends one request on a connection of its own, to the address's host unless a header says which.
pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Option<Response> {
    let mut request = format!("{method} {path} HTTP/1.1\r\n");
    if headers.iter().all(|(name, _)| *name != "Host") {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("Connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(address).expect("the door accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.write_all(request.as_bytes()).expect("the door takes the head");
    // A door that refuses a large body stops reading it.
    let sent = stream.write_all(body.unwrap_or_default());
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        assert!(sent.is_err() || read.is_err(), "{method} {path}: no answer");
        return None;
    }
    parse(&answer)
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
    Some(Response { status, headers, body: answer[end + 4..].to_vec() })
}
