//! Request heads.

use crate::body::Framing;
use crate::field::{Connection, Field, Fields, Kind, Kinds, Slots, drop_named, kind_of};
use crate::limits::{CONTENT_LENGTH_MAX_DIGITS, HEAD_MAX_BYTES, TARGET_MAX_BYTES};
use crate::refusal::Refusal;
use crate::target::{Target, split_absolute};

/// What a client sends first when it speaks HTTP/2 without asking.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A request head that has exactly one reading.
#[derive(Debug, Clone)]
pub struct Request<'s, 'b> {
    /// Method, a token.
    pub method: &'b str,
    /// Path and query. For CONNECT and for `OPTIONS *` it is what the client wrote.
    pub target: Target<'b>,
    /// The one valid Host; empty only on HTTP/1.0.
    pub host: &'b str,
    /// 0 or 1: the version is HTTP/1.`minor`.
    pub minor: u8,
    /// Field lines.
    pub fields: Fields<'s, 'b>,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client wants to send more on this connection.
    pub keep_alive: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The protocol that the client wants to change to.
    pub upgrade: Option<&'b [u8]>,
}

/// Reads a request head from the beginning of `input`. None asks for more bytes; otherwise the
/// second value is how many bytes the head took.
///
/// # Errors
/// [`Refusal`]; answer with its status and close.
pub fn parse_request<'s, 'b>(
    input: &'b [u8],
    slots: &'s mut Slots<'b>,
) -> Result<Option<(Request<'s, 'b>, usize)>, Refusal> {
    // One empty line before a request is allowed by RFC 9112 2.2; nothing else is.
    let skipped = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let input = &input[skipped..];
    match input.first() {
        Some(b'\r' | b'\n') => return Err(Refusal::BareLineEnd),
        Some(_) => {}
        None => return Ok(None),
    }
    let mut raw = httparse::Request::new(&mut []);
    let Slots { lines, kinds } = slots;
    let status =
        raw.parse_with_uninit_headers(input, lines).map_err(|error| refuse(error, input))?;
    let httparse::Status::Complete(length) = status else {
        return if input.len() < HEAD_MAX_BYTES { Ok(None) } else { Err(too_large(input)) };
    };
    if length > HEAD_MAX_BYTES {
        return Err(too_large(input));
    }
    check_line_ends(&input[..length])?;
    let (Some(method), Some(target), Some(minor)) = (raw.method, raw.path, raw.version) else {
        return Err(Refusal::Syntax);
    };
    if target.len() > TARGET_MAX_BYTES {
        return Err(Refusal::TargetTooLong);
    }
    let head = Framer::read(raw.headers, kinds, &input[..length])?;
    let request = assemble(method, target, minor, &head)?;
    Ok(Some((request, skipped + length)))
}

/// Whether bytes from `from` on can have completed a head. Cheaper than parsing again after each of
/// many small reads; `from` is how many bytes the last call saw.
#[must_use]
pub fn head_may_be_complete(input: &[u8], from: usize) -> bool {
    let start = from.saturating_sub(3);
    let Some(new) = input.get(start..) else { return false };
    input.len() >= HEAD_MAX_BYTES
        || memchr::memmem::find(new, b"\n\r\n").is_some()
        || memchr::memmem::find(new, b"\n\n").is_some()
}

fn assemble<'s, 'b>(
    method: &'b str,
    target: &'b str,
    minor: u8,
    head: &Framer<'s, 'b>,
) -> Result<Request<'s, 'b>, Refusal> {
    let host = match head.host {
        Some(value) => check_host(value)?,
        None if minor == 0 => "",
        None => return Err(Refusal::Host),
    };
    let (authority, target) = split_absolute(method, target)?;
    if authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
        return Err(Refusal::AuthorityMismatch);
    }
    let framing = head.framing(minor)?;
    let connection = head.connection;
    let wants_upgrade = minor == 1 && connection.upgrade;
    let fields = head.fields;
    let expects_continue = match fields.first(Kind::Expect) {
        Some(value) => minor == 1 && value.eq_ignore_ascii_case(b"100-continue"),
        None => false,
    };
    Ok(Request {
        method,
        target,
        host,
        minor,
        framing: framing.unwrap_or(Framing::None),
        keep_alive: !connection.close && (minor == 1 || connection.keep_alive),
        expects_continue,
        upgrade: if wants_upgrade { fields.first(Kind::Upgrade) } else { None },
        fields,
    })
}

/// What one pass over the field lines finds out about framing.
pub(crate) struct Framer<'s, 'b> {
    pub(crate) fields: Fields<'s, 'b>,
    pub(crate) connection: Connection,
    host: Option<&'b [u8]>,
    length: Option<u64>,
    chunked: bool,
}

impl<'s, 'b> Framer<'s, 'b> {
    pub(crate) fn read(
        lines: &'s [Field<'b>],
        kinds: &'s mut Kinds,
        head: &'b [u8],
    ) -> Result<Self, Refusal> {
        let (mut host, mut length, mut chunked) = (None, None, false);
        let mut connection = Connection::default();
        for (line, slot) in lines.iter().zip(&mut *kinds) {
            let kind = kind_of(line.name.as_bytes())?;
            *slot = kind;
            match kind {
                Kind::Ordinary => {}
                Kind::Host if host.replace(line.value).is_some() => return Err(Refusal::Host),
                Kind::ContentLength if length.replace(number(line.value)?).is_some() => {
                    return Err(Refusal::ContentLength);
                }
                Kind::TransferEncoding => {
                    if chunked || !line.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Refusal::TransferEncoding);
                    }
                    chunked = true;
                }
                Kind::Connection => connection.add(line.value),
                _ => {}
            }
        }
        if connection.names_others {
            for line in lines.iter().filter(|line| line.name.eq_ignore_ascii_case("connection")) {
                drop_named(lines, kinds, line.value);
            }
        }
        let fields = Fields::new(lines, kinds, head);
        Ok(Self { fields, connection, host, length, chunked })
    }

    /// None when neither length nor coding is given.
    pub(crate) fn framing(&self, minor: u8) -> Result<Option<Framing>, Refusal> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Refusal::LengthAndChunked),
            (None, true) if minor == 0 => Err(Refusal::TransferEncoding),
            (None, true) => Ok(Some(Framing::Chunked)),
            (Some(0), false) => Ok(Some(Framing::Length(0))),
            (Some(bytes), false) => Ok(Some(Framing::Length(bytes))),
            (None, false) => Ok(None),
        }
    }
}

fn number(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || value.len() > CONTENT_LENGTH_MAX_DIGITS {
        return Err(Refusal::ContentLength);
    }
    value.iter().try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'9' => Ok(sum * 10 + u64::from(byte - b'0')),
        _ => Err(Refusal::ContentLength),
    })
}

/// Whether a Host or authority is a name or an address with an optional port, and nothing else.
///
/// # Errors
/// [`Refusal::Host`].
pub fn check_host(value: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(value).map_err(|_| Refusal::Host)?;
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(Refusal::Host)?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let address = text.starts_with('[');
    let legal = |byte: u8| match byte {
        b':' => address,
        b'-' | b'.' | b'_' | b'~' | b'%' => true,
        _ => byte.is_ascii_alphanumeric(),
    };
    let port_legal = match port.strip_prefix(':') {
        Some(digits) => digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    if name.is_empty() || !name.bytes().all(legal) || !port_legal {
        return Err(Refusal::Host);
    }
    Ok(text)
}

/// Every LF must follow a CR; a CR without LF does not get past the parser.
pub(crate) fn check_line_ends(head: &[u8]) -> Result<(), Refusal> {
    let proper = |at: usize| at > 0 && head[at - 1] == b'\r';
    if memchr::memchr_iter(b'\n', head).all(proper) { Ok(()) } else { Err(Refusal::BareLineEnd) }
}

fn refuse(error: httparse::Error, input: &[u8]) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::HeadTooLarge,
        httparse::Error::NewLine => Refusal::BareLineEnd,
        // A version of its own kind, not a garbled line.
        httparse::Error::Version if names_a_version(input) => Refusal::Version,
        _ => Refusal::Syntax,
    }
}

fn names_a_version(input: &[u8]) -> bool {
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let last = line.trim_ascii_end().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    last.len() == 8
        && last.starts_with(b"HTTP/")
        && !matches!(last, b"HTTP/1.0" | b"HTTP/1.1")
        && last[5].is_ascii_digit()
        && last[6] == b'.'
        && last[7].is_ascii_digit()
}

fn too_large(input: &[u8]) -> Refusal {
    let line = input.iter().take(TARGET_MAX_BYTES + 64).any(|byte| *byte == b'\n');
    if line { Refusal::HeadTooLarge } else { Refusal::TargetTooLong }
}

#[cfg(test)]
mod tests;
