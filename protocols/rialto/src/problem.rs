//! Errors of the REST interface: RFC 9457, with a code that programs can rely on and a detail that
//! helps people.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use rialto_api::rest::Problem as Body;
use rialto_catalog::{InvalidName, Refused};
use rialto_engine::ProposeError;

/// An answer that says what went wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), header: None }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail);
        // No Basic challenge: a browser would show its own dialogue over the console.
        let challenge = HeaderValue::from_static("Bearer realm=\"rialto\"");
        problem.header = Some((WWW_AUTHENTICATE, challenge));
        problem
    }

    pub(crate) fn too_many(detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail);
        problem.header = Some((RETRY_AFTER, HeaderValue::from(retry_after_seconds)));
        problem
    }

    /// Status, code and detail.
    pub(crate) fn into_parts(self) -> (StatusCode, &'static str, String) {
        (self.status, self.code, self.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, detail, header } = self;
        let body = Body { status: status.as_u16(), code: code.to_owned(), detail };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(header);
        response
    }
}

impl From<InvalidName> for Problem {
    fn from(error: InvalidName) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::InvalidName(_) | Refused::InvalidValue { .. } => Self::invalid(detail),
            Refused::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
            }
            Refused::Full { .. } => Self::new(StatusCode::INSUFFICIENT_STORAGE, "full", detail),
            Refused::UnknownInstance { .. } => Self::not_found(detail),
            _ => Self::conflict(detail),
        }
    }
}

impl From<ProposeError> for Problem {
    fn from(error: ProposeError) -> Self {
        let detail = error.to_string();
        match error {
            ProposeError::Refused(refused) => refused.into(),
            ProposeError::Busy => Self::too_many(detail, 1),
            ProposeError::DiskFull => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail)
            }
            ProposeError::Unavailable { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
            ProposeError::Indeterminate { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "indeterminate", detail)
            }
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type",
            _ => "invalid",
        };
        let detail = match status {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("the body exceeds the limit of {} bytes", crate::limits::BODY_BYTES_MAX)
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                "the body must be JSON; send it with content-type: application/json".to_owned()
            }
            _ => rejection.body_text(),
        };
        Self::new(status, code, detail)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}
