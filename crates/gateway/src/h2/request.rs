//! An HTTP/2 request as the rest of the gateway sees requests, held to the same rules.

use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http_body::Body;
use hyper::body::Incoming as Frames;
use rialto_http1::{Field, Framing, Refusal, check_host};

/// What does not point into hyper's head.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) host: String,
    pub(super) target: String,
    pub(super) framing: Framing,
    /// Cookies may come in several lines by HTTP/2, but not by HTTP/1.1.
    cookies: Option<Vec<u8>>,
}

impl Read {
    pub(super) fn new(parts: &Parts, body: &Frames) -> Result<Self, Refusal> {
        let header = |name| {
            let mut values = parts.headers.get_all(name).iter();
            let first = values.next();
            if values.next().is_some() { Err(()) } else { Ok(first) }
        };
        let named = header(HOST).map_err(|()| Refusal::Host)?;
        let host = match (parts.uri.authority(), named) {
            (Some(authority), Some(host)) => {
                if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) {
                    return Err(Refusal::AuthorityMismatch);
                }
                authority.as_str()
            }
            (Some(authority), None) => authority.as_str(),
            (None, Some(host)) => host.to_str().map_err(|_| Refusal::Host)?,
            (None, None) => return Err(Refusal::Host),
        };
        let host = check_host(host.as_bytes())?.to_owned();
        let announced = header(CONTENT_LENGTH).map_err(|()| Refusal::ContentLength)?;
        let framing = match (body.is_end_stream(), body.size_hint().exact(), announced) {
            (true, _, None) => Framing::None,
            (_, Some(bytes), Some(_)) => Framing::Length(bytes),
            (true, None, Some(_)) => return Err(Refusal::ContentLength),
            (false, _, _) => Framing::Chunked,
        };
        let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let several = parts.headers.get_all(COOKIE).iter().nth(1).is_some();
        let cookies = several.then(|| {
            let values: Vec<&[u8]> =
                parts.headers.get_all(COOKIE).iter().map(|value| value.as_bytes()).collect();
            values.join(&b"; "[..])
        });
        Ok(Self { host, target: target.to_owned(), framing, cookies })
    }

    /// The field lines.
    pub(super) fn lines<'a>(&'a self, parts: &'a Parts) -> Vec<Field<'a>> {
        let one_cookie = self.cookies.is_none();
        let lines = parts.headers.iter().filter(|(name, _)| one_cookie || **name != COOKIE);
        let lines =
            lines.map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() });
        let cookies = self.cookies.as_ref().map(|value| Field { name: "cookie", value });
        lines.chain(cookies).collect()
    }
}
