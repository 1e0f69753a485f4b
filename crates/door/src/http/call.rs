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

    /// Whether a browser came here by a name that a stranger may have made lead here (DNS
    /// rebinding): a page of that name reads answers as its own. Addresses, `localhost` and names
    /// of one label cannot be a stranger's.
    #[must_use]
    pub fn is_rebound(&self) -> bool {
        is_strangers(self.host)
            && self.header("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"))
    }

    /// The first header of a name, whatever its case. A value that is no text counts as absent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.fields.get(name)?).ok()
    }
}

fn is_strangers(host: &str) -> bool {
    if host.starts_with('[') {
        return false;
    }
    let name = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_address = name.parse::<std::net::Ipv4Addr>().is_ok();
    name.contains('.') && !is_address && !last.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::is_strangers;

    #[test]
    fn names_that_strangers_may_own() {
        for host in ["evil.example", "evil.example:8848", "evil.example.", "127.0.0.1.evil.example"]
        {
            assert!(is_strangers(host), "{host}");
        }
        for host in
            ["", "127.0.0.1", "10.0.0.1:8848", "[::1]:8848", "localhost", "a.localhost:80", "nacos"]
        {
            assert!(!is_strangers(host), "{host}");
        }
    }
}
