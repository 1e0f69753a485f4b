//! Load generators: closed loop of our own, open loop at a fixed rate, and wrk.

mod closed;
mod connection;
mod open;
mod wrk;

pub(crate) use closed::{Done, closed};
pub(crate) use connection::fetch;
pub(crate) use open::{Latency, open};
pub(crate) use wrk::{WrkDone, wrk};

use std::future::Future;

use crate::error::Error;

/// Runs one generator on a runtime of its own, on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start a load generator"))?;
    Ok(runtime.block_on(work))
}

/// A request without a body, ready to be sent.
pub(crate) fn request(method: &str, path: &str, headers: &[&str]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if matches!(method, "PUT" | "POST") {
        text.push_str("Content-Length: 0\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A request with a JSON body, ready to be sent.
pub(crate) fn post_json(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
