//! Response heads, as servers behind a proxy send them.

use crate::body::Framing;
use crate::field::{Fields, Slots};
use crate::limits::HEAD_MAX_BYTES;
use crate::refusal::Refusal;
use crate::request::{Framer, check_line_ends};

/// A response head that has exactly one reading.
#[derive(Debug, Clone)]
pub struct Response<'s, 'b> {
    /// Status, 100 to 999.
    pub status: u16,
    /// Reason phrase, possibly empty.
    pub reason: &'b str,
    /// Field lines.
    pub fields: Fields<'s, 'b>,
    /// Where the body ends, this status and the request's method considered.
    pub framing: Framing,
    /// Content-Length as given, also where no body follows (answers to HEAD, 304).
    pub length: Option<u64>,
    /// Whether another request may follow on the connection once the body is done.
    pub keep_alive: bool,
}

/// Reads a response head from the beginning of `input`. None asks for more bytes; otherwise the
/// second value is how many bytes the head took.
///
/// # Errors
/// [`Refusal`]; the connection is of no use any more.
pub fn parse_response<'s, 'b>(
    input: &'b [u8],
    to_head: bool,
    slots: &'s mut Slots<'b>,
) -> Result<Option<(Response<'s, 'b>, usize)>, Refusal> {
    let mut raw = httparse::Response::new(&mut []);
    let Slots { lines, kinds } = slots;
    let status = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut raw, input, lines)
        .map_err(|error| match error {
            httparse::Error::TooManyHeaders => Refusal::HeadTooLarge,
            _ => Refusal::Syntax,
        })?;
    let httparse::Status::Complete(length) = status else {
        return if input.len() < HEAD_MAX_BYTES { Ok(None) } else { Err(Refusal::HeadTooLarge) };
    };
    if length > HEAD_MAX_BYTES {
        return Err(Refusal::HeadTooLarge);
    }
    check_line_ends(&input[..length])?;
    let (Some(status), Some(minor)) = (raw.code, raw.version) else {
        return Err(Refusal::Syntax);
    };
    if status < 100 {
        return Err(Refusal::Syntax);
    }
    let reason = raw.reason.unwrap_or_default();
    let head = Framer::read(raw.headers, kinds, &input[..length])?;
    let framing = head.framing(minor)?;
    let connection = head.connection;
    let bodiless = to_head || status < 200 || matches!(status, 204 | 304);
    let response = Response {
        status,
        reason,
        fields: head.fields,
        framing: if bodiless { Framing::None } else { framing.unwrap_or(Framing::UntilClose) },
        length: match framing {
            Some(Framing::Length(bytes)) => Some(bytes),
            _ => None,
        },
        keep_alive: !connection.close && (minor == 1 || connection.keep_alive),
    };
    Ok(Some((response, length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::slots;

    fn framing(input: &str, to_head: bool) -> Result<(u16, Framing, bool), Refusal> {
        let mut slots = slots();
        let (response, used) = parse_response(input.as_bytes(), to_head, &mut slots)?.unwrap();
        assert!(input[..used].ends_with("\r\n\r\n"));
        Ok((response.status, response.framing, response.keep_alive))
    }

    #[test]
    fn every_way_to_end() {
        for (input, to_head, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, Framing::Length(3)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, Framing::None),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, Framing::Chunked),
            ("HTTP/1.1 200 OK\r\n\r\n", false, Framing::UntilClose),
            ("HTTP/1.1 204 No Content\r\n\r\n", false, Framing::None),
            ("HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", false, Framing::None),
            ("HTTP/1.1 100 Continue\r\n\r\n", false, Framing::None),
        ] {
            assert_eq!(framing(input, to_head).unwrap().1, expected, "{input:?}");
        }
    }

    #[test]
    fn persistence() {
        for (input, expected) in [
            ("HTTP/1.1 204 x\r\n\r\n", true),
            ("HTTP/1.1 204 x\r\nConnection: Close\r\n\r\n", false),
            ("HTTP/1.0 204 x\r\n\r\n", false),
            ("HTTP/1.0 204 x\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(framing(input, false).unwrap().2, expected, "{input:?}");
        }
    }

    #[test]
    fn ambiguous_answers_are_refused() {
        for (input, expected) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                Refusal::LengthAndChunked,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
                Refusal::ContentLength,
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n", Refusal::ContentLength),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Refusal::TransferEncoding),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::TransferEncoding),
            ("HTTP/1.1 200 OK\nA: b\n\n", Refusal::BareLineEnd),
            ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Refusal::Syntax),
            ("HTTP/1.1 099 OK\r\n\r\n", Refusal::Syntax),
            ("ICY 200 OK\r\n\r\n", Refusal::Syntax),
        ] {
            assert_eq!(framing(input, false).unwrap_err(), expected, "{input:?}");
        }
    }

    #[test]
    fn a_head_is_limited() {
        let mut slots = slots();
        let input = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(HEAD_MAX_BYTES));
        let refused = parse_response(input.as_bytes(), false, &mut slots).unwrap_err();
        assert_eq!(refused, Refusal::HeadTooLarge);
    }
}
