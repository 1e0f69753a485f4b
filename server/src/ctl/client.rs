//! A small client for our own REST interface: a connection per request, JSON, errors in words.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rialto_api::rest::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::exit::{Exit, Failure};

/// Largest answer read.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Longest wait for a connection, and then for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a path segment or query value keeps as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where the API is and how to sign in.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    authority: String,
    authorization: Option<HeaderValue>,
}

/// Text made fit for a path segment or a query value.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

impl Client {
    /// A client of the API at `http://host:port`.
    ///
    /// # Errors
    /// When the address has another form, or the token is not one.
    pub(crate) fn new(server: &str, token: Option<&str>) -> Result<Self, Failure> {
        let refuse = |reason: &str| {
            let message =
                format!("server address {server:?}: {reason}; write it like http://127.0.0.1:7000");
            Failure::new(Exit::Usage, message)
        };
        let rest = server.strip_prefix("http://").ok_or_else(|| refuse("it is not http://"))?;
        let authority = rest.trim_end_matches('/');
        let parsed: http::uri::Authority =
            authority.parse().map_err(|_| refuse("it has no host and port"))?;
        if parsed.host().is_empty() || authority.contains('@') {
            return Err(refuse("it has no host"));
        }
        let port = parsed.port_u16().unwrap_or(80);
        let authorization = match token.map(str::trim).filter(|token| !token.is_empty()) {
            Some(token) => {
                let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
                    let message = "the token holds characters that no token has";
                    Failure::new(Exit::Usage, message)
                })?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(Self { authority: format!("{}:{port}", parsed.host()), authorization })
    }

    /// `GET` below `/api/v1`, decoded.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or answers something else.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let body = self.call(Method::GET, path, None).await?;
        serde_json::from_slice(&body).map_err(|error| self.strange(&error.to_string()))
    }

    /// Any other request below `/api/v1`; the answer as JSON, null when it is empty.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) async fn send<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<Json, Failure> {
        let body = match body {
            Some(body) => Some(serde_json::to_vec(body).map_err(|error| {
                Failure::new(Exit::Failed, format!("request cannot be written: {error}"))
            })?),
            None => None,
        };
        let answer = self.call(method, path, body).await?;
        if answer.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| self.strange(&error.to_string()))
    }

    /// Opens a stream of server-sent events below `/api/v1`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(crate) async fn stream(&self, path: &str) -> Result<Stream, Failure> {
        let request = self.request(Method::GET, path, "text/event-stream", Bytes::new());
        let response = self.exchange(request).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        Ok(Stream { body: response.into_body(), buffer: Vec::new() })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Bytes, Failure> {
        let body = Bytes::from(body.unwrap_or_default());
        let request = self.request(method, path, "application/json", body);
        let response = self.exchange(request).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        self.read(response).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        let target = format!("/api/v1{path}");
        *request.uri_mut() = target.parse().expect("every variable part is escaped");
        let headers = request.headers_mut();
        let host = HeaderValue::try_from(&self.authority).expect("checked when it was parsed");
        headers.insert(HOST, host);
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let connect = timeout(PATIENCE, TcpStream::connect(&self.authority)).await;
        let stream = match connect {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.unreachable(&error.to_string())),
            Err(_) => return Err(self.unreachable("no answer within 10 s")),
        };
        let answered = timeout(PATIENCE, async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // The connection's own error is seen by the request, too.
            tokio::spawn(connection);
            sender.send_request(request).await
        });
        match answered.await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.unreachable(&crate::exit::chain(&error))),
            Err(_) => Err(self.unreachable("no answer within 10 s")),
        }
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes, Failure> {
        let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES);
        match timeout(PATIENCE, body.collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) => Err(self.strange(&error.to_string())),
            Err(_) => Err(self.unreachable("the answer stopped half-way")),
        }
    }

    async fn refusal(&self, response: Response<Incoming>) -> Failure {
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            let message = format!(
                "{} does not accept this sign-in. Use --token, --token-file or RIALTO_TOKEN, or \
                 --data with the server's data folder",
                self.authority
            );
            return Failure::new(Exit::Refused, message);
        }
        let body = match self.read(response).await {
            Ok(body) => body,
            Err(failure) => return failure,
        };
        let detail = serde_json::from_slice::<Problem>(&body).map_or_else(
            |_| format!("{} answered {status}", self.authority),
            |problem| problem.detail,
        );
        Failure::new(Exit::Refused, detail)
    }

    fn unreachable(&self, reason: &str) -> Failure {
        let message = format!(
            "no Rialto answers at {}: {reason}. Start one with `rialto serve`, or say where it is \
             with --server",
            self.authority
        );
        Failure::new(Exit::Unreachable, message)
    }

    fn strange(&self, reason: &str) -> Failure {
        let message = format!(
            "{} answered something that this version does not understand: {reason}",
            self.authority
        );
        Failure::new(Exit::Failed, message)
    }
}

/// Server-sent events as they arrive.
#[derive(Debug)]
pub(crate) struct Stream {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Stream {
    /// The data of the next event; nothing when the server ended the stream.
    ///
    /// # Errors
    /// When the connection breaks, or an event is larger than an answer may be.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(data) = take_event(&mut self.buffer) {
                return Ok(Some(data));
            }
            if self.buffer.len() > ANSWER_MAX_BYTES {
                return Err(Failure::new(Exit::Failed, "an event of the server never ends"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(Failure::caused(Exit::Unreachable, &error)),
                None => return Ok(None),
            }
        }
    }
}

/// Takes the first whole event that has data out of the buffer.
fn take_event(buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        let end = buffer.windows(2).position(|two| two == b"\n\n")?;
        let event: Vec<u8> = buffer.drain(..end + 2).collect();
        let text = String::from_utf8_lossy(&event);
        let data: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect();
        if !data.is_empty() {
            return Some(data.join("\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_at_empty_lines() {
        let mut buffer =
            b": hello\n\nid: 1\ndata: {\"a\":1}\n\ndata: x\ndata:y\n\ndata: cut".to_vec();
        assert_eq!(take_event(&mut buffer).as_deref(), Some("{\"a\":1}"));
        assert_eq!(take_event(&mut buffer).as_deref(), Some("x\ny"));
        assert_eq!(take_event(&mut buffer), None);
        assert_eq!(buffer, b"data: cut");
    }

    #[test]
    fn addresses_of_another_form_are_refused_with_an_example() {
        for bad in ["127.0.0.1:7000", "https://a", "http://", "http://u@h:1"] {
            let failure = Client::new(bad, None).unwrap_err();
            assert!(failure.message().contains("like http://127.0.0.1:7000"), "{failure:?}");
        }
        let client = Client::new("http://localhost:7000/", Some(" secret ")).unwrap();
        assert_eq!(client.authority, "localhost:7000");
        assert!(!format!("{client:?}").contains("secret"));
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape("a/b c?d"), "a%2Fb%20c%3Fd");
    }
}
