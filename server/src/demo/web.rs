//! A client of the shop: what a browser would be.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;

/// Largest answer read.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Idle connections kept to one address.
const IDLE_MAX: usize = 256;

/// Keeps connections; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Header.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

impl Web {
    /// A client without connections yet.
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_MAX));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Self { client }
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    /// When there is no whole answer, in words.
    pub(crate) async fn post(
        &self,
        url: &str,
        json: String,
        key: Option<&str>,
    ) -> Result<Answer, String> {
        self.send(Method::POST, url, json, key).await
    }

    /// `GET`, decoded.
    ///
    /// # Errors
    /// When there is no whole answer, or another one, in words.
    pub(crate) async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let answer = self.send(Method::GET, url, String::new(), None).await?;
        if !answer.status.is_success() {
            return Err(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)));
        }
        serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        json: String,
        key: Option<&str>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(url);
        if !json.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request =
            request.body(Full::new(Bytes::from(json))).map_err(|error| error.to_string())?;
        let response =
            self.client.request(request).await.map_err(|error| crate::exit::chain(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
        let body = body.map_err(|error| format!("{}, then it broke: {error}", head.status))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}
