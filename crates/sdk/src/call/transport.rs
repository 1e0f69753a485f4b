//! Sends one try of a call to one instance over kept-alive connections.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as SendError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::limits::{
    ANSWER_BYTES_MAX, CONNECT_TIMEOUT, IDLE_CONNECTION_LIFE, IDLE_CONNECTIONS_MAX,
};

/// The connections of a process.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// No answer.
pub(crate) enum Failed {
    /// Nothing was sent.
    Connect(SendError),
    /// Something may have been done.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl Transport {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_keepalive(Some(Duration::from_secs(30)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION_LIFE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Self { client }
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
        let response: Response<_> = self.client.request(request).await.map_err(|error| {
            if error.is_connect() { Failed::Connect(error) } else { Failed::Broken(error.into()) }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(Failed::Broken)?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}
