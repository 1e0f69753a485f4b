//! The channel that the calls of one service go through.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout, timeout_at};

use super::attempt::{Again, Call, Ended};
use super::guard::Permit;
use super::service::Service;
use super::transport::Answer;
use crate::context::CallContext;
use crate::error::{CallError, Result};
use crate::limits::{CALL_TIMEOUT_DEFAULT, FIRST_VIEW_WAIT, RETRIES_DEFAULT};
use crate::report::Class;
use crate::rialto::Rialto;
use crate::support::{Parts, Request};

/// Tries of a call to which nothing was sent yet, whatever its method.
const UNSENT_RETRIES_MAX: usize = 2;

/// Calls one service: chooses instances, tries again, protects. Cheap to clone.
#[derive(Clone)]
pub struct Channel {
    rialto: Rialto,
    service: Arc<Service>,
}

impl Channel {
    pub(crate) fn new(rialto: Rialto, service: Arc<Service>) -> Self {
        Self { rialto, service }
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        &self.service.name
    }

    /// Makes a call whose answer is JSON.
    #[doc(hidden)]
    pub async fn value<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        let parts = self.finish(request)?;
        let answer = self.call(&parts).await?;
        self.decode(&parts, &answer)
    }

    /// Makes a call whose answer is JSON, or nothing when it is 404.
    #[doc(hidden)]
    pub async fn optional<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>> {
        let parts = self.finish(request)?;
        match self.call(&parts).await {
            Ok(answer) => self.decode(&parts, &answer).map(Some),
            Err(error) if error.status() == Some(http::StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a call whose answer is not looked at.
    #[doc(hidden)]
    pub async fn nothing(&self, request: Request) -> Result<()> {
        let parts = self.finish(request)?;
        self.call(&parts).await.map(drop)
    }

    /// A fallback answers in place of the service: its cause must not be lost.
    #[doc(hidden)]
    pub fn fell_back(&self, method: &str, cause: &CallError) {
        let cause = cause as &dyn std::error::Error;
        tracing::warn!(service = &*self.service.name, method, cause, "the fallback answers");
    }

    fn finish(&self, request: Request) -> Result<Parts> {
        request.finish().map_err(|(method, what)| CallError::Invalid {
            service: self.service.name.clone(),
            method,
            what,
        })
    }

    fn decode<T: DeserializeOwned>(&self, parts: &Parts, answer: &Answer) -> Result<T> {
        serde_json::from_slice(&answer.body).map_err(|source| CallError::Decode {
            service: self.service.name.clone(),
            method: parts.name,
            source: source.into(),
        })
    }

    async fn call(&self, parts: &Parts) -> Result<Answer> {
        let context = CallContext::current();
        let allowed = parts.timeout.unwrap_or(CALL_TIMEOUT_DEFAULT);
        let timeout = context.remaining().map_or(allowed, |left| left.min(allowed));
        let call = Call {
            service: &self.service.name,
            caller: self.rialto.caller(),
            parts,
            context: &context,
            timeout,
        };
        let mut counted = Counted { service: &self.service, began: Instant::now(), done: false };
        let deadline = counted.began + timeout;
        let result = timeout_at(deadline, self.tries(&call, deadline)).await;
        let result = result.unwrap_or_else(|_| {
            Err(CallError::Timeout { service: self.service.name.clone(), timeout })
        });
        counted.finish(class(&result));
        result
    }

    async fn tries(&self, call: &Call<'_>, deadline: Instant) -> Result<Answer> {
        let service = &*self.service;
        // A list that is there already costs nothing to wait for.
        _ = timeout(FIRST_VIEW_WAIT, service.view.ready()).await;
        let permit = service.guard.admit().map_err(|(reason, retry_after)| CallError::Blocked {
            service: service.name.clone(),
            reason,
            retry_after,
        })?;
        let retries = call.parts.retries.unwrap_or(RETRIES_DEFAULT) as usize;
        let mut tried = Vec::new();
        let mut last = None;
        loop {
            let Some(underway) = service.pick(&tried) else {
                let none = || CallError::NoInstance { service: service.name.clone() };
                return settle(service, permit, Err(last.unwrap_or_else(none)));
            };
            let left = retries.saturating_sub(tried.len());
            let till = share_of(deadline, if call.parts.repeatable { left } else { 0 });
            let target = underway.target.clone();
            let ended = call.attempt(&self.rialto.inner.transport, &target.0, till).await;
            let Ended { result, class, again, retry_after } = ended;
            underway.finish(class, retry_after);
            let may_again = match again {
                Again::Unsent => tried.len() < retries.max(UNSENT_RETRIES_MAX),
                Again::Repeatable => left > 0 && call.parts.repeatable,
                Again::Never => false,
            };
            match result {
                Err(error) if may_again && deadline > Instant::now() && permit.may_retry() => {
                    service.counts.retried();
                    tracing::debug!(service = &*service.name, %error, "trying another instance");
                    last = Some(error);
                    tried.push(target);
                }
                result => return settle(service, permit, result),
            }
        }
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Channel").field(&self.service.name).finish()
    }
}

/// Tells the protections how a call went.
fn settle(service: &Service, permit: Permit<'_>, result: Result<Answer>) -> Result<Answer> {
    let opened = match &result {
        Err(CallError::Invalid { .. }) => None,
        Err(error) if error.permits_fallback() => permit.failed(),
        _ => permit.succeeded(),
    };
    match opened {
        Some(true) => tracing::warn!(service = &*service.name, "the circuit breaker has opened"),
        Some(false) => tracing::info!(service = &*service.name, "the circuit breaker has closed"),
        None => {}
    }
    result
}

/// Counts a call once, as cancelled when it is dropped under way.
struct Counted<'a> {
    service: &'a Service,
    began: Instant,
    done: bool,
}

impl Counted<'_> {
    fn finish(&mut self, class: Class) {
        self.done = true;
        self.service.counts.finished(class, self.began.elapsed());
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.finish(Class::Cancelled);
        }
    }
}

/// The time of one try: an equal share of what is left, so that a slow instance leaves time for
/// another.
fn share_of(deadline: Instant, further_tries: usize) -> Instant {
    let now = Instant::now();
    let tries = u32::try_from(further_tries + 1).unwrap_or(u32::MAX);
    now + deadline.saturating_duration_since(now) / tries
}

fn class(result: &Result<Answer>) -> Class {
    match result {
        Ok(_) => Class::Ok,
        Err(CallError::Blocked { .. }) => Class::Limited,
        Err(CallError::Invalid { .. }) => Class::ClientError,
        Err(CallError::Status(error)) if error.status.is_client_error() => Class::ClientError,
        Err(_) => Class::ServerError,
    }
}
