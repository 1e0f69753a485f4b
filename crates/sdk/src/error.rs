//! What can go wrong: [`Error`] while setting up, [`CallError`] while calling.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::de::DeserializeOwned;

/// What a call returns.
pub type Result<T, E = CallError> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Connecting or registering was asked for with settings that cannot work. A server that is away is
/// no error: the client waits for it in the background.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server's address cannot be used.
    #[error("server address {address:?}: {reason}; write it as http://127.0.0.1:7000")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token file that was named cannot be read.
    #[error("token file {}: cannot be read; check RIALTO_TOKEN_FILE", path.display())]
    TokenFile {
        /// As given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The token cannot stand in a header.
    #[error("the token holds characters that cannot be sent; copy it again from service.token")]
    Token,
    /// The server understood the registration and refused it.
    #[error("registration of {service}: {detail}")]
    Refused {
        /// Service that was to be registered.
        service: String,
        /// `invalid`, `forbidden`, `unauthenticated`, `too_many`.
        code: String,
        /// The server's own words.
        detail: String,
    },
    /// The process registers too much.
    #[error("this process has {0} registrations already; use one `Rialto` for each part of it")]
    TooMany(usize),
}

/// A call that brought no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// An argument cannot be put into a request: nothing was sent.
    #[error("{service}.{method}: {what}")]
    Invalid {
        /// Service.
        service: Arc<str>,
        /// Method of the trait.
        method: &'static str,
        /// Which argument, and why.
        what: String,
    },
    /// No instance of the service may be called.
    #[error("{service}: no instance is known and available; is it running and registered?")]
    NoInstance {
        /// Service.
        service: Arc<str>,
    },
    /// This process protects the service or itself, and sent nothing.
    #[error("{service}: not called, because {reason}")]
    Blocked {
        /// Service.
        service: Arc<str>,
        /// Which protection.
        reason: Block,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// The time given to the call is over.
    #[error("{service}: no answer within {} ms", timeout.as_millis())]
    Timeout {
        /// Service.
        service: Arc<str>,
        /// The time that the call had.
        timeout: Duration,
    },
    /// No connection to the instance; nothing was sent.
    #[error("{service}: cannot connect to {instance}")]
    Connect {
        /// Service.
        service: Arc<str>,
        /// Address of the instance.
        instance: String,
        /// Why.
        source: Source,
    },
    /// The connection broke: whether the service did its work is not known.
    #[error("{service}: the connection to {instance} broke")]
    Transport {
        /// Service.
        service: Arc<str>,
        /// Address of the instance.
        instance: String,
        /// Why.
        source: Source,
    },
    /// The service answered with an error.
    #[error("{0}")]
    Status(Box<StatusError>),
    /// The answer is not what the method returns.
    #[error("{service}.{method}: the answer cannot be read")]
    Decode {
        /// Service.
        service: Arc<str>,
        /// Method of the trait.
        method: &'static str,
        /// Where and why.
        source: Source,
    },
}

/// Why a call was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Block {
    /// Too many calls of the service failed lately.
    #[error("its circuit breaker is open")]
    Breaker,
    /// Too many calls of the service are under way.
    #[error("too many calls of it are under way")]
    Concurrency,
}

/// An answer with a status of 300 or above.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service}.{method}: {instance} answered {status}{}", snippet(body))]
#[non_exhaustive]
pub struct StatusError {
    /// Service.
    pub service: Arc<str>,
    /// Method of the trait.
    pub method: &'static str,
    /// Address of the instance.
    pub instance: String,
    /// Status.
    pub status: StatusCode,
    /// The body, cut off at 64 KiB.
    pub body: Bytes,
    /// The `Retry-After` that came with it.
    pub retry_after: Option<Duration>,
}

impl StatusError {
    /// The body as a value, for services whose errors are JSON.
    ///
    /// # Errors
    /// When the body is not such a value.
    pub fn json<T: DeserializeOwned>(&self) -> std::result::Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl CallError {
    /// Whether the same call may succeed a little later. Says nothing about whether it is safe to
    /// make twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Invalid { .. } | Self::Decode { .. } => false,
            Self::Status(error) => {
                matches!(error.status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            _ => true,
        }
    }

    /// When to try again, if the service or a protection said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Blocked { retry_after, .. } => *retry_after,
            Self::Status(error) => error.retry_after,
            _ => None,
        }
    }

    /// The status that the service answered, if it answered.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(error) => Some(error.status),
            _ => None,
        }
    }

    /// Whether a fallback may answer in place of the service: the service or the way to it failed,
    /// rather than the request.
    pub fn permits_fallback(&self) -> bool {
        match self {
            Self::Invalid { .. } => false,
            Self::Status(error) => error.status.is_server_error() || error.status == 429,
            _ => true,
        }
    }
}

/// The beginning of a body for people.
fn snippet(body: &Bytes) -> String {
    const SHOWN_CHARS: usize = 200;
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_CHARS)]);
    let text: String =
        text.chars().filter(|character| !character.is_control()).take(SHOWN_CHARS).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::StatusCode;

    use super::{Block, CallError, StatusError};

    fn status(status: u16) -> CallError {
        CallError::Status(Box::new(StatusError {
            service: "stock".into(),
            method: "item",
            instance: "127.0.0.1:9001".into(),
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from_static(br#"{"code":"sold_out"}"#),
            retry_after: Some(Duration::from_secs(2)),
        }))
    }

    #[test]
    fn says_what_happened_and_what_to_do() {
        assert_eq!(
            status(409).to_string(),
            r#"stock.item: 127.0.0.1:9001 answered 409 Conflict: {"code":"sold_out"}"#
        );
        let blocked = CallError::Blocked {
            service: "stock".into(),
            reason: Block::Breaker,
            retry_after: Some(Duration::from_secs(1)),
        };
        assert_eq!(blocked.to_string(), "stock: not called, because its circuit breaker is open");
        assert_eq!(blocked.retry_after(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn tells_the_service_s_fault_from_the_request_s() {
        for (code, retryable, fallback) in
            [(400, false, false), (404, false, false), (429, true, true), (503, true, true)]
        {
            assert_eq!(status(code).is_retryable(), retryable, "{code}");
            assert_eq!(status(code).permits_fallback(), fallback, "{code}");
        }
        assert_eq!(status(409).retry_after(), Some(Duration::from_secs(2)));
    }
}
