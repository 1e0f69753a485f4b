//! Errors as our services answer them: a status, a code for programs and a sentence for people.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rialto_sdk::CallError;
use serde::Serialize;

/// Longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 200;

/// An answer that says what went wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    detail: &'a str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after_seconds: None }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// We could not do it just now; the same request will do later.
    pub(crate) fn later(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "try_again", detail);
        problem.retry_after_seconds = Some(1);
        problem
    }
}

/// The key that makes a request safe to repeat; our writing endpoints insist on one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    match key {
        Some(key) if !key.is_empty() && key.len() <= KEY_BYTES_MAX => Ok(key.to_owned()),
        _ => Err(Problem::invalid(format!(
            "send an Idempotency-Key header of 1 to {KEY_BYTES_MAX} characters"
        ))),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(Body { code: self.code, detail: &self.detail });
        match self.retry_after_seconds {
            Some(seconds) => {
                (self.status, [(RETRY_AFTER, seconds.to_string())], body).into_response()
            }
            None => (self.status, body).into_response(),
        }
    }
}

/// A call to another service failed. What that service refused is refused here, too; everything
/// else is worth another try.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error.status() {
            Some(status) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Self::new(status, "refused", error.to_string())
            }
            _ => Self::later(error.to_string()),
        }
    }
}

/// The database is busy or broken: the details are for us, not for the caller.
impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "database");
        Self::later("the database did not answer")
    }
}
