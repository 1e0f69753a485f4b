//! Builds a request from the arguments of a method.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::values;

/// Unreserved characters of RFC 3986 stay; everything else in a value is encoded.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An HTTP method that a client may declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::upper_case_acronyms, reason = "they are written so in HTTP")]
pub enum Verb {
    /// Reads.
    GET,
    /// Does.
    POST,
    /// Replaces.
    PUT,
    /// Changes.
    PATCH,
    /// Removes.
    DELETE,
}

/// A request under construction. The first argument that does not fit is kept and told by the call.
#[derive(Debug)]
pub struct Request {
    verb: Verb,
    name: &'static str,
    path: String,
    has_query: bool,
    headers: HeaderMap,
    body: Bytes,
    keyed: bool,
    timeout: Option<Duration>,
    retries: Option<u32>,
    wrong: Option<String>,
}

/// A finished request.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Making the call twice does what making it once does.
    pub(crate) repeatable: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
}

impl Request {
    /// A request of a method of the trait.
    pub fn new(verb: Verb, name: &'static str, has_query: bool) -> Self {
        Self {
            verb,
            name,
            path: String::with_capacity(64),
            has_query,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            keyed: false,
            timeout: None,
            retries: None,
            wrong: None,
        }
    }

    /// Text of the path, as it is.
    pub fn literal(&mut self, text: &str) {
        self.path.push_str(text);
    }

    /// A value in the path, percent-encoded.
    pub fn path<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let mut found: Option<String> = None;
        let mut count = 0_usize;
        let read = values::each(value, &mut |_, text| {
            count += 1;
            found = Some(text.to_owned());
        });
        match (read, found, count) {
            (Err(error), ..) => self.refuse(format!("argument `{name}`: {error}")),
            // Servers and proxies fold these segments away, whether encoded or not.
            (Ok(()), Some(text), 1) if !text.is_empty() && text != "." && text != ".." => {
                self.path.extend(utf8_percent_encode(&text, VALUE));
            }
            _ => {
                self.refuse(format!("argument `{name}` is empty, `.`, `..` or a list in the path"))
            }
        }
    }

    /// A parameter of the query; a list repeats it, a structure gives one for each field.
    pub fn query<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let Self { path, has_query, .. } = self;
        let read = values::each(value, &mut |field, text| {
            path.push(if *has_query { '&' } else { '?' });
            *has_query = true;
            path.extend(utf8_percent_encode(field.unwrap_or(name), VALUE));
            path.push('=');
            path.extend(utf8_percent_encode(text, VALUE));
        });
        if let Err(error) = read {
            self.refuse(format!("argument `{name}`: {error}"));
        }
    }

    /// A header; a list repeats it, nothing leaves it out.
    pub fn header<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let header = HeaderName::from_static(name);
        let Self { headers, wrong, .. } = self;
        let read = values::each(value, &mut |_, text| match HeaderValue::from_str(text) {
            Ok(value) => _ = headers.append(header.clone(), value),
            Err(_) => {
                wrong.get_or_insert_with(|| {
                    format!("the value of header `{name}` has a line break or control character")
                });
            }
        });
        if let Err(error) = read {
            self.refuse(format!("header `{name}`: {error}"));
        }
    }

    /// The key by which the service knows a repetition.
    pub fn idempotency_key<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.header("idempotency-key", value);
        let given = self.headers.get("idempotency-key").is_some_and(|key| !key.is_empty());
        if given {
            self.keyed = true;
        } else {
            self.refuse("the idempotency key is empty".to_owned());
        }
    }

    /// The body, as JSON.
    pub fn json<T: Serialize + ?Sized>(&mut self, value: &T) {
        match serde_json::to_vec(value) {
            Ok(body) => {
                self.body = body.into();
                let json = HeaderValue::from_static("application/json");
                self.headers.insert(http::header::CONTENT_TYPE, json);
            }
            Err(error) => self.refuse(format!("the body cannot be written as JSON: {error}")),
        }
    }

    /// Time of the call, retries included.
    pub fn timeout(&mut self, timeout: Duration) {
        self.timeout = Some(timeout);
    }

    /// Further tries.
    pub fn retries(&mut self, retries: u32) {
        self.retries = Some(retries);
    }

    /// The finished request, or which argument does not fit and why.
    pub(crate) fn finish(self) -> Result<Parts, (&'static str, String)> {
        if let Some(wrong) = self.wrong {
            return Err((self.name, wrong));
        }
        Ok(Parts {
            name: self.name,
            method: self.verb.method(),
            path: self.path,
            headers: self.headers,
            body: self.body,
            repeatable: self.keyed || !matches!(self.verb, Verb::POST | Verb::PATCH),
            timeout: self.timeout,
            retries: self.retries,
        })
    }

    fn refuse(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::GET => Method::GET,
            Self::POST => Method::POST,
            Self::PUT => Method::PUT,
            Self::PATCH => Method::PATCH,
            Self::DELETE => Method::DELETE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, Verb};

    #[test]
    fn encodes_what_it_puts_into_a_url() {
        let mut request = Request::new(Verb::GET, "find", false);
        request.literal("/items/");
        request.path("id", "a/b ü?#%");
        request.query("q", "x&y=1+2");
        request.query("tag", &["a", "b"]);
        request.query("none", &None::<u8>);
        let parts = request.finish().unwrap();
        assert_eq!(parts.path, "/items/a%2Fb%20%C3%BC%3F%23%25?q=x%26y%3D1%2B2&tag=a&tag=b");
        assert!(parts.repeatable && parts.body.is_empty());
    }

    #[test]
    fn refuses_what_would_change_the_request() {
        let wrong = |fill: fn(&mut Request)| {
            let mut request = Request::new(Verb::POST, "make", false);
            fill(&mut request);
            request.finish().unwrap_err().1
        };
        assert!(wrong(|request| request.path("id", "..")).contains("`id`"));
        assert!(wrong(|request| request.path("id", "")).contains("`id`"));
        assert!(wrong(|request| request.path("id", &[1, 2])).contains("`id`"));
        assert!(wrong(|request| request.header("x-a", "1\r\nx-b: 2")).contains("line break"));
        assert!(wrong(|request| request.header("x-a", "1\n")).contains("line break"));
        assert!(wrong(|request| request.idempotency_key("")).contains("empty"));
        assert!(wrong(|request| request.idempotency_key(&None::<&str>)).contains("empty"));
    }

    #[test]
    fn a_key_makes_a_post_repeatable() {
        let mut request = Request::new(Verb::POST, "make", false);
        assert!(!Request::new(Verb::POST, "make", false).finish().unwrap().repeatable);
        request.idempotency_key("order-1");
        request.json(&7);
        let parts = request.finish().unwrap();
        assert!(parts.repeatable);
        assert_eq!(&parts.body[..], b"7");
        assert_eq!(parts.headers["content-type"], "application/json");
    }
}
