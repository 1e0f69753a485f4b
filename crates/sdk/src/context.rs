//! What a call inherits from the request that it serves: the time that is left, and the trace.

use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// Milliseconds that the caller still waits.
pub(crate) const TIMEOUT_HEADER: &str = "x-request-timeout-ms";
/// W3C trace context.
pub(crate) const TRACE_HEADER: &str = "traceparent";
/// The calling service.
pub(crate) const CALLER_HEADER: &str = "x-rialto-caller";

tokio::task_local! {
    static CURRENT: CallContext;
}

/// The context of the request being served. Calls made inside [`CallContext::scope`] take no longer
/// than their caller waits, and belong to its trace.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    deadline: Option<Instant>,
    trace: Option<Trace>,
}

impl CallContext {
    /// Reads `x-request-timeout-ms` and `traceparent`; unreadable ones count as absent.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let timeout_ms = text(TIMEOUT_HEADER).and_then(|text| text.parse::<u32>().ok());
        let deadline = timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms.into()));
        Self { deadline, trace: text(TRACE_HEADER).and_then(Trace::parse) }
    }

    /// The context that surrounds the caller; empty outside of [`CallContext::scope`].
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// This context with at most so much time.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        let deadline = Instant::now() + timeout;
        self.deadline = Some(self.deadline.map_or(deadline, |own| own.min(deadline)));
        self
    }

    /// The time that is left; `None` when there is no limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Runs a future in this context. A task that it spawns starts without one; give it
    /// `CallContext::current()` to carry on.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The trace context to send: the caller's trace or a new one, with a span of its own.
    pub(crate) fn traceparent(&self) -> String {
        let trace = self.trace.unwrap_or_else(|| Trace { id: rand::random(), flags: 0 });
        let span: u64 = rand::random::<u64>().max(1);
        let mut text = String::with_capacity(55);
        // Writing to a string cannot fail.
        _ = write!(text, "00-{:032x}-{span:016x}-{:02x}", trace.id.max(1), trace.flags);
        text
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trace {
    id: u128,
    flags: u8,
}

impl Trace {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, id, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length| {
            text.len() == length
                && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let shaped = hex(version, 2) && hex(id, 32) && hex(span, 16) && hex(flags, 2);
        let extra = version == "00" && parts.next().is_some();
        if !shaped || version == "ff" || extra {
            return None;
        }
        let id = u128::from_str_radix(id, 16).ok().filter(|id| *id != 0)?;
        Some(Self { id, flags: u8::from_str_radix(flags, 16).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::CallContext;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (http::HeaderName::from_static(name), HeaderValue::from_static(value))
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn time_and_trace_are_handed_on() {
        let headers = headers(&[("x-request-timeout-ms", "250"), ("traceparent", PARENT)]);
        CallContext::from_headers(&headers)
            .scope(async {
                tokio::time::advance(Duration::from_millis(100)).await;
                let context = CallContext::current();
                assert_eq!(context.remaining(), Some(Duration::from_millis(150)));
                let sent = context.traceparent();
                assert_eq!(sent[..36], PARENT[..36]);
                assert_ne!(sent[36..52], PARENT[36..52]);
                assert_eq!(sent[52..], PARENT[52..]);
                let shorter = context.within(Duration::from_millis(10)).remaining();
                assert_eq!(shorter, Some(Duration::from_millis(10)));
            })
            .await;
        assert_eq!(CallContext::current().remaining(), None);
    }

    #[test]
    fn nonsense_counts_as_absent() {
        for bad in [
            "",
            "00-0-0-00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            let headers = headers(&[("x-request-timeout-ms", "-5"), ("traceparent", bad)]);
            let context = CallContext::from_headers(&headers);
            assert_eq!(context.remaining(), None);
            assert!(context.trace.is_none(), "{bad}");
        }
        assert_eq!(CallContext::default().traceparent().len(), 55);
    }
}
