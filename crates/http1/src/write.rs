//! Heads and chunks as they go out: generated, never copied.

/// Writes `METHOD target HTTP/1.1`.
pub fn request_line(out: &mut Vec<u8>, method: &[u8], path: &[u8], query: Option<&[u8]>) {
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(path);
    if let Some(query) = query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Writes `HTTP/1.1 status reason`.
pub fn status_line(out: &mut Vec<u8>, status: u16, reason: &[u8]) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

/// Writes one field line.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes `content-length`.
pub fn content_length(out: &mut Vec<u8>, bytes: u64) {
    out.extend_from_slice(b"content-length: ");
    decimal(out, bytes);
    out.extend_from_slice(b"\r\n");
}

/// Writes `transfer-encoding: chunked`.
pub fn transfer_chunked(out: &mut Vec<u8>) {
    out.extend_from_slice(b"transfer-encoding: chunked\r\n");
}

/// Writes the empty line that ends a head.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Writes one chunk; nothing at all when `data` is empty, since that would end the body.
pub fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let (line, length) = chunk_line(data.len());
    out.extend_from_slice(&line[..length]);
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// The size line before a chunk of `bytes`, and how much of the array it takes.
#[must_use]
pub fn chunk_line(bytes: usize) -> ([u8; 18], usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut line = [0; 18];
    let digits = (bytes.max(1).ilog2() / 4 + 1) as usize;
    for (at, slot) in line[..digits].iter_mut().enumerate() {
        *slot = DIGITS[(bytes >> ((digits - 1 - at) * 4)) & 15];
    }
    line[digits..digits + 2].copy_from_slice(b"\r\n");
    (line, digits + 2)
}

/// Writes the chunk that ends a body, without trailers.
pub fn last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

/// Writes a number in decimal digits.
pub fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The usual reason phrase of a status, or nothing.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_head() {
        let mut out = Vec::new();
        request_line(&mut out, b"GET", b"/a", Some(b"b=c"));
        field(&mut out, b"Host", b"x");
        content_length(&mut out, 1_234_567_890);
        transfer_chunked(&mut out);
        end(&mut out);
        let expected = "GET /a?b=c HTTP/1.1\r\nHost: x\r\ncontent-length: 1234567890\r\n\
                        transfer-encoding: chunked\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn chunk_lines() {
        for (bytes, expected) in [(1, "1"), (15, "f"), (16, "10"), (0x1234, "1234"), (0, "0")] {
            let (line, length) = chunk_line(bytes);
            assert_eq!(&line[..length], format!("{expected}\r\n").as_bytes());
        }
        let (line, length) = chunk_line(usize::MAX);
        assert_eq!(&line[..length], format!("{:x}\r\n", usize::MAX).as_bytes());
    }

    #[test]
    fn an_empty_chunk_does_not_end_the_body() {
        let mut out = Vec::new();
        chunk(&mut out, b"");
        assert!(out.is_empty());
        status_line(&mut out, 404, reason(404).as_bytes());
        assert_eq!(out, b"HTTP/1.1 404 Not Found\r\n");
        assert_eq!(reason(299), "");
    }
}
