//! One request as the handlers see it.

use std::borrow::Cow;

use rialto_door::http::Call as Received;
use rialto_http1::Fields;

use crate::codec::Media;

/// The headers that mean something to this door. Values that are no text count as absent.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Headers<'a> {
    pub(super) accept: Option<&'a str>,
    pub(super) accept_encoding: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) content_encoding: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    /// `X-Eureka-Accept`
    pub(super) style: Option<&'a str>,
    /// Whether a peer passes on what a client did.
    pub(super) replicated: bool,
    /// Whether a page in a browser calls: no client of this protocol names an origin.
    pub(super) from_page: bool,
}

impl<'a> Headers<'a> {
    pub(super) fn of(fields: &Fields<'_, 'a>) -> Self {
        let mut headers = Headers::default();
        for (line, _) in fields.iter() {
            // The lengths differ, so that most lines are told apart without a comparison.
            let slot = match line.name.len() {
                6 if line.name.eq_ignore_ascii_case("accept") => &mut headers.accept,
                6 if line.name.eq_ignore_ascii_case("origin") => {
                    headers.from_page = true;
                    continue;
                }
                12 if line.name.eq_ignore_ascii_case("content-type") => &mut headers.content_type,
                13 if line.name.eq_ignore_ascii_case("authorization") => &mut headers.authorization,
                15 if line.name.eq_ignore_ascii_case("accept-encoding") => {
                    &mut headers.accept_encoding
                }
                15 if line.name.eq_ignore_ascii_case("x-eureka-accept") => &mut headers.style,
                16 if line.name.eq_ignore_ascii_case("content-encoding") => {
                    &mut headers.content_encoding
                }
                31 if line.name.eq_ignore_ascii_case("x-netflix-discovery-replication") => {
                    headers.replicated = line.value == b"true";
                    continue;
                }
                _ => continue,
            };
            *slot = slot.or_else(|| std::str::from_utf8(line.value).ok());
        }
        headers
    }
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: Headers<'a>,
    pub(super) body: &'a [u8],
}

impl<'a> Call<'a> {
    pub(super) fn new(received: &Received<'a>) -> Self {
        Call {
            method: received.method,
            path: received.path,
            query: received.query,
            headers: Headers::of(&received.fields),
            body: received.body,
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        super::route::parameter(self.query, name)
    }

    /// The language of the body: `None` for any other type, which is refused with 415.
    pub(super) fn body_media(&self) -> Option<Media> {
        let kind = self.headers.content_type?.split(';').next()?.trim();
        [Media::Json, Media::Xml]
            .into_iter()
            .find(|it| kind.eq_ignore_ascii_case(it.content_type()))
    }
}
