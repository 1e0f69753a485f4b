//! The gRPC envelope: the one protobuf message that carries every request and response, read by
//! hand and without copies, and the five bytes in front of it.
//!
//! `Payload { metadata = 2 { type = 3, headers = 7, clientIp = 8 }, body = 3 { value = 2 } }`.
//! Fields that are not known are skipped, as protobuf wants it; what is damaged is refused.

use crate::limits::{
    GRPC_HEADER_BYTES_MAX, GRPC_HEADERS_MAX, GRPC_MESSAGE_BYTES_MAX, GRPC_TYPE_BYTES_MAX,
};

/// A message as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The simple name of the class whose JSON the body is.
    pub kind: &'a str,
    /// The sender's own idea of its address.
    pub client_ip: &'a str,
    /// Headers.
    pub headers: Headers<'a>,
    /// JSON.
    pub body: &'a [u8],
}

/// The headers of a payload, found anew whenever one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Headers<'a> {
    /// A payload that was read once without an error.
    payload: &'a [u8],
}

/// Why bytes are no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It ends in the middle of a field, or a length points beyond its end.
    #[error("the payload is cut short")]
    Short,
    /// A field has a number or a type that protobuf doesn't have.
    #[error("the payload is no protobuf message")]
    Field,
    /// A text is not UTF-8.
    #[error("the payload holds a text that is not UTF-8")]
    Text,
    /// There are too many headers, or their bytes are too many.
    #[error(
        "the payload has more than {GRPC_HEADERS_MAX} headers or more than \
         {GRPC_HEADER_BYTES_MAX} bytes of them"
    )]
    Headers,
    /// The type's name is too long.
    #[error("the payload's type is longer than {GRPC_TYPE_BYTES_MAX} bytes")]
    Kind,
}

/// What is at the beginning of a stream of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message; its length and the prefix's are taken.
    Whole(&'a [u8]),
    /// More bytes are needed: so many in all.
    Partial(usize),
}

/// Why a message is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is compressed.
    #[error("compressed messages are not supported; send them with grpc-encoding identity")]
    Compressed,
    /// It is larger than a message may be.
    #[error("a message of {0} bytes is larger than {GRPC_MESSAGE_BYTES_MAX}")]
    TooLarge(u32),
    /// The first byte is neither 0 nor 1.
    #[error("the flag before a message is {0}; it must be 0")]
    Flag(u8),
}

/// Bytes before each message: a flag and the length.
pub const PREFIX_BYTES: usize = 5;

/// Looks at the beginning of a stream of messages.
///
/// # Errors
/// When the message is compressed or too large; nothing that follows can be read then.
pub fn frame(input: &[u8]) -> Result<Frame<'_>, FrameError> {
    let Some((&[flag, a, b, c, d], rest)) = input.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(Frame::Partial(PREFIX_BYTES));
    };
    match flag {
        0 => {}
        1 => return Err(FrameError::Compressed),
        other => return Err(FrameError::Flag(other)),
    }
    let bytes = u32::from_be_bytes([a, b, c, d]);
    if bytes as usize > GRPC_MESSAGE_BYTES_MAX {
        return Err(FrameError::TooLarge(bytes));
    }
    let message = rest.get(..bytes as usize);
    Ok(message.map_or(Frame::Partial(PREFIX_BYTES + bytes as usize), Frame::Whole))
}

/// Reads a payload.
///
/// # Errors
/// When it is damaged or beyond a limit.
pub fn decode(input: &[u8]) -> Result<Payload<'_>, PayloadError> {
    let mut payload = Payload { kind: "", client_ip: "", headers: Headers::default(), body: &[] };
    let (mut headers, mut header_bytes) = (0, 0);
    let mut fields = Fields(input);
    while let Some(field) = fields.next()? {
        match field {
            (2, Value::Bytes(metadata)) => {
                let mut fields = Fields(metadata);
                while let Some(field) = fields.next()? {
                    match field {
                        (3, Value::Bytes(kind)) => payload.kind = text(kind)?,
                        (8, Value::Bytes(address)) => payload.client_ip = text(address)?,
                        (7, Value::Bytes(entry)) => {
                            header(entry)?;
                            headers += 1;
                            header_bytes += entry.len();
                        }
                        _ => {}
                    }
                }
            }
            (3, Value::Bytes(any)) => {
                let mut fields = Fields(any);
                while let Some(field) = fields.next()? {
                    if let (2, Value::Bytes(value)) = field {
                        payload.body = value;
                    }
                }
            }
            _ => {}
        }
    }
    if headers > GRPC_HEADERS_MAX || header_bytes > GRPC_HEADER_BYTES_MAX {
        return Err(PayloadError::Headers);
    }
    if payload.kind.len() > GRPC_TYPE_BYTES_MAX {
        return Err(PayloadError::Kind);
    }
    if headers > 0 {
        payload.headers = Headers { payload: input };
    }
    Ok(payload)
}

/// Writes everything of a message that comes before its JSON, which has `body_bytes` and must
/// follow at once: the prefix, and a payload without headers.
///
/// # Panics
/// When the message would have 4 GiB; bodies are limited long before.
pub fn head(out: &mut Vec<u8>, kind: &str, body_bytes: usize) {
    let any = 1 + varint_bytes(body_bytes) + body_bytes;
    let metadata = 1 + varint_bytes(kind.len()) + kind.len();
    let whole = 1 + varint_bytes(metadata) + metadata + 1 + varint_bytes(any) + any;
    out.push(0);
    let length = u32::try_from(whole).expect("a body is far below 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    delimited(out, 2, metadata);
    bytes(out, 3, kind.as_bytes());
    delimited(out, 3, any);
    delimited(out, 2, body_bytes);
}

/// How many bytes [`head`] writes.
#[must_use]
pub fn head_bytes(kind: &str, body_bytes: usize) -> usize {
    let any = 1 + varint_bytes(body_bytes) + body_bytes;
    let metadata = 1 + varint_bytes(kind.len()) + kind.len();
    let whole = 1 + varint_bytes(metadata) + metadata + 1 + varint_bytes(any) + any;
    PREFIX_BYTES + whole - body_bytes
}

/// Appends a whole message with its prefix, as a client sends it.
///
/// # Panics
/// As [`head`].
pub fn encode(
    out: &mut Vec<u8>,
    kind: &str,
    client_ip: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) {
    let mut metadata = Vec::new();
    bytes(&mut metadata, 3, kind.as_bytes());
    for (name, value) in headers {
        let mut entry = Vec::new();
        bytes(&mut entry, 1, name.as_bytes());
        bytes(&mut entry, 2, value.as_bytes());
        bytes(&mut metadata, 7, &entry);
    }
    if !client_ip.is_empty() {
        bytes(&mut metadata, 8, client_ip.as_bytes());
    }
    let mut any = Vec::with_capacity(body.len() + 8);
    bytes(&mut any, 2, body);
    let mut payload = Vec::with_capacity(metadata.len() + any.len() + 16);
    bytes(&mut payload, 2, &metadata);
    bytes(&mut payload, 3, &any);
    out.push(0);
    let length = u32::try_from(payload.len()).expect("a body is far below 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&payload);
}

/// Feeds arbitrary bytes to both decoders; what they accept must come back the same.
///
/// # Panics
/// When an accepted payload does not survive being written and read again.
pub fn fuzz(data: &[u8]) {
    if let Ok(Frame::Whole(message)) = frame(data) {
        let _ = decode(message);
    }
    let Ok(payload) = decode(data) else { return };
    let headers: Vec<_> = payload.headers.iter().collect();
    for (name, _) in &headers {
        assert!(payload.headers.get(name).is_some());
    }
    let mut out = Vec::new();
    encode(&mut out, payload.kind, payload.client_ip, &headers, payload.body);
    let message = &out[PREFIX_BYTES..];
    // Written plainly the headers may take a few bytes more than they came with.
    let Ok(again) = decode(message) else { return };
    assert_eq!((again.kind, again.client_ip), (payload.kind, payload.client_ip));
    assert_eq!(again.body, payload.body);
    assert!(again.headers.iter().eq(headers));
}

impl<'a> Headers<'a> {
    /// Every header in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let entries = Fields(self.payload).bytes(2).flat_map(|it| Fields(it).bytes(7));
        entries.filter_map(|entry| header(entry).ok())
    }

    /// The last header of a name, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        if self.payload.is_empty() {
            return None;
        }
        self.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name)).last().map(|(_, value)| value)
    }
}

/// The fields of a message.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

/// A field's value, as far as it is of use.
enum Value<'a> {
    Bytes(&'a [u8]),
    Skipped,
}

impl<'a> Fields<'a> {
    /// The next field with its number.
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, PayloadError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = key >> 3;
        if number == 0 || number > 0x1fff_ffff {
            return Err(PayloadError::Field);
        }
        let value = match key & 7 {
            0 => self.varint().map(|_| Value::Skipped)?,
            1 => self.take(8).map(|_| Value::Skipped)?,
            2 => {
                let bytes = self.varint()?;
                let bytes = usize::try_from(bytes).map_err(|_| PayloadError::Short)?;
                Value::Bytes(self.take(bytes)?)
            }
            5 => self.take(4).map(|_| Value::Skipped)?,
            _ => return Err(PayloadError::Field),
        };
        Ok(Some((number, value)))
    }

    /// Every value of one field, of a message that was read before.
    fn bytes(mut self, number: u64) -> impl Iterator<Item = &'a [u8]> {
        std::iter::from_fn(move || {
            while let Ok(Some((found, value))) = self.next() {
                if let Value::Bytes(bytes) = value
                    && found == number
                {
                    return Some(bytes);
                }
            }
            None
        })
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], PayloadError> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(PayloadError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, PayloadError> {
        let mut sum = 0;
        for (place, byte) in self.0.iter().enumerate().take(10) {
            // The tenth byte has room for one bit.
            if place == 9 && *byte > 1 {
                return Err(PayloadError::Field);
            }
            sum |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.0 = &self.0[place + 1..];
                return Ok(sum);
            }
        }
        Err(if self.0.len() < 10 { PayloadError::Short } else { PayloadError::Field })
    }
}

fn header(entry: &[u8]) -> Result<(&str, &str), PayloadError> {
    let (mut name, mut value) = ("", "");
    let mut fields = Fields(entry);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => name = text(bytes)?,
            (2, Value::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn text(bytes: &[u8]) -> Result<&str, PayloadError> {
    std::str::from_utf8(bytes).map_err(|_| PayloadError::Text)
}

fn varint_bytes(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

fn delimited(out: &mut Vec<u8>, number: u8, mut length: usize) {
    out.push(number << 3 | 2);
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn bytes(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    delimited(out, number, value.len());
    out.extend_from_slice(value);
}

#[cfg(test)]
#[path = "payload/tests.rs"]
mod tests;
