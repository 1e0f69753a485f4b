//! Who sends, and what instances are told about it.

use std::net::SocketAddr;

use rialto_http1::{Fields, write};

/// The client of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address as text.
    pub(crate) text: Box<str>,
    /// Its forwarding headers are believed.
    pub(crate) trusted: bool,
    /// What instances are told about it, ready to be written, when it is not.
    pub(crate) lines: Vec<u8>,
    /// Port that it reached us on.
    port: u16,
}

impl Peer {
    pub(crate) fn new(from: SocketAddr, port: u16, trusted: bool) -> Self {
        let text = from.ip().to_canonical().to_string().into_boxed_str();
        let mut lines = Vec::new();
        write::field(&mut lines, b"x-forwarded-for", text.as_bytes());
        write::field(&mut lines, b"x-forwarded-proto", b"http");
        write::field(&mut lines, b"x-forwarded-port", port.to_string().as_bytes());
        Self { text, trusted, lines, port }
    }

    /// Writes what a trusted peer says, with itself added; returns the host that it says.
    pub(crate) fn append<'b>(
        &self,
        fields: &Fields<'_, 'b>,
        out: &mut Vec<u8>,
    ) -> Option<&'b [u8]> {
        out.extend_from_slice(b"x-forwarded-for: ");
        if let Some(before) = fields.get("x-forwarded-for") {
            out.extend_from_slice(before);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(b"\r\n");
        let scheme = fields.get("x-forwarded-proto").unwrap_or(b"http");
        write::field(out, b"x-forwarded-proto", scheme);
        let own = self.port.to_string();
        let port = fields.get("x-forwarded-port").unwrap_or(own.as_bytes());
        write::field(out, b"x-forwarded-port", port);
        fields.get("x-forwarded-host")
    }
}
