//! One request as a handler sees it, and where it comes from.

use std::net::SocketAddr;

use rialto_http1::{Fields, Request};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// Which of the door's addresses it came to, as they were given to `open`.
    pub listener: usize,
    /// Whether it is encrypted.
    pub secure: bool,
}

/// One request with its whole body.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Method, a token.
    pub method: &'a str,
    /// Path as the client wrote it, without the query.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: Option<&'a str>,
    /// The one valid Host; empty only on HTTP/1.0.
    pub host: &'a str,
    /// Header lines.
    pub fields: Fields<'a, 'a>,
    /// The body; empty without one.
    pub body: &'a [u8],
    /// Where it comes from.
    pub origin: Origin,
}

impl<'a> Call<'a> {
    pub(super) fn new(request: &Request<'a, 'a>, body: &'a [u8], origin: Origin) -> Self {
        Call {
            method: request.method,
            path: request.target.path,
            query: request.target.query,
            host: request.host,
            fields: request.fields,
            body,
            origin,
        }
    }

    /// The first header of a name, whatever its case. A value that is no text counts as absent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.fields.get(name)?).ok()
    }
}
