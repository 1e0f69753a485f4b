//! One try of a call at one instance, and what its end means.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use rialto_balance::Class;
use tokio::time::{Instant, timeout_at};

use super::transport::{Answer, Failed, Transport};
use crate::context::{CALLER_HEADER, CallContext, TIMEOUT_HEADER, TRACE_HEADER};
use crate::error::CallError;
use crate::limits::ERROR_BODY_BYTES_MAX;
use crate::support::Parts;
use crate::view::Endpoint;

/// What every try of a call shares.
pub(crate) struct Call<'a> {
    pub(crate) service: &'a Arc<str>,
    pub(crate) caller: Option<&'a Arc<str>>,
    pub(crate) parts: &'a Parts,
    pub(crate) context: &'a CallContext,
    pub(crate) timeout: Duration,
}

/// The end of a try.
pub(crate) struct Ended {
    pub(crate) result: Result<Answer, CallError>,
    pub(crate) class: Class,
    pub(crate) again: Again,
    pub(crate) retry_after: Option<Duration>,
}

/// Whether the call may be tried on another instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Nothing was done: always.
    Unsent,
    /// Something may have been done: when doing it twice is harmless.
    Repeatable,
    /// Another instance would answer the same.
    Never,
}

impl Call<'_> {
    pub(crate) async fn attempt(
        &self,
        transport: &Transport,
        endpoint: &Endpoint,
        deadline: Instant,
    ) -> Ended {
        let request = match self.request(endpoint, deadline) {
            Ok(request) => request,
            Err(error) => {
                return Ended::failed(self.invalid(&error), Class::Cancelled, Again::Never);
            }
        };
        let instance = || endpoint.authority.clone();
        let service = || self.service.clone();
        match timeout_at(deadline, transport.send(request)).await {
            Ok(Ok(answer)) => self.answered(answer, endpoint),
            Ok(Err(Failed::Connect(source))) => {
                let source = source.into();
                let error = CallError::Connect { service: service(), instance: instance(), source };
                Ended::failed(error, Class::Unreachable, Again::Unsent)
            }
            Ok(Err(Failed::Broken(source))) => {
                let error =
                    CallError::Transport { service: service(), instance: instance(), source };
                Ended::failed(error, Class::Unreachable, Again::Repeatable)
            }
            Err(_) => {
                let error = CallError::Timeout { service: service(), timeout: self.timeout };
                Ended::failed(error, Class::Unreachable, Again::Repeatable)
            }
        }
    }

    fn request(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
    ) -> Result<Request<Full<bytes::Bytes>>, http::Error> {
        let uri: Uri = format!("http://{}{}", endpoint.authority, self.parts.path).parse()?;
        let body = Full::new(self.parts.body.clone());
        let mut request = Request::builder().method(&self.parts.method).uri(uri).body(body)?;
        let headers = request.headers_mut();
        headers.clone_from(&self.parts.headers);
        let mut set = |name, value| headers.insert(HeaderName::from_static(name), value);
        set("accept", HeaderValue::from_static("application/json"));
        set(TRACE_HEADER, HeaderValue::try_from(self.context.traceparent())?);
        let left_ms = deadline.saturating_duration_since(Instant::now()).as_millis();
        set(TIMEOUT_HEADER, HeaderValue::from(u64::try_from(left_ms).unwrap_or(u64::MAX)));
        if let Some(caller) = self.caller {
            set(CALLER_HEADER, HeaderValue::try_from(&**caller)?);
        }
        Ok(request)
    }

    fn answered(&self, answer: Answer, endpoint: &Endpoint) -> Ended {
        let status = answer.status;
        let (class, again) = match status.as_u16() {
            429 => (Class::Throttled, Again::Repeatable),
            502..=504 => (Class::GatewayError, Again::Repeatable),
            500.. => (Class::ServerError, Again::Never),
            _ => (Class::Success, Again::Never),
        };
        let retry_after = retry_after(&answer);
        if status.is_success() {
            return Ended { result: Ok(answer), class, again, retry_after };
        }
        let mut body = answer.body;
        body.truncate(ERROR_BODY_BYTES_MAX);
        let error = CallError::Status(Box::new(crate::error::StatusError {
            service: self.service.clone(),
            method: self.parts.name,
            instance: endpoint.authority.clone(),
            status,
            body,
            retry_after,
        }));
        Ended { result: Err(error), class, again, retry_after }
    }

    fn invalid(&self, error: &http::Error) -> CallError {
        CallError::Invalid {
            service: self.service.clone(),
            method: self.parts.name,
            what: error.to_string(),
        }
    }
}

impl Ended {
    fn failed(error: CallError, class: Class, again: Again) -> Self {
        Self { result: Err(error), class, again, retry_after: None }
    }
}

/// Seconds only: a date would need a clock that agrees with the server's.
fn retry_after(answer: &Answer) -> Option<Duration> {
    const HOUR_SECONDS: u64 = 3_600;
    let limited =
        matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    limited.then(|| Duration::from_secs(seconds.min(HOUR_SECONDS)))
}
