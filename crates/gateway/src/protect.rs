//! Limits and breaker of one route, shared by all workers.

use std::sync::atomic::{AtomicU64, Ordering};

use rialto_api::route::{BreakerSpec, RateLimitSpec, RouteSpec};
use rialto_resilience::{
    Blocked, BreakerChange, BreakerPermit, BreakerSettings, BreakerState, CallResult,
    CircuitBreaker, ConcurrencyLimit, ConcurrencySettings, Deadline, Entry, Keyed, LeakyQueue,
    Nanos, Permit, QueueOrder, Reservation, TokenBucket, Waiter, WindowKind,
};
use rialto_telemetry::{EventKind, Telemetry};

use crate::limits::{LIMITED_EVENT_MS, LIMITER_KEYS_MAX};
use crate::reply::Reply;

/// What stands before a route's service.
#[derive(Debug)]
pub(crate) struct Guard {
    limiter: Option<Limiter>,
    concurrency: Option<ConcurrencyLimit>,
    breaker: Option<CircuitBreaker>,
    fallback_body: Option<String>,
    /// Refusals since the last event about them, and when that was.
    refused: AtomicU64,
    told_ms: AtomicU64,
}

#[derive(Debug)]
enum Limiter {
    Bucket(TokenBucket),
    Buckets(Keyed<Vec<u8>, TokenBucket>),
    Queue(LeakyQueue),
    Queues(Keyed<Vec<u8>, LeakyQueue>),
}

/// What a request was given; it is given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// To be waited for, in this order, before the request may go on.
    pub(crate) turn: Option<Reservation>,
    pub(crate) waiter: Option<Waiter>,
    pub(crate) permit: Option<Permit>,
    breaker: Option<BreakerPermit>,
}

impl Guard {
    pub(crate) fn new(spec: &RouteSpec) -> Self {
        let keyed = spec
            .rate_limit
            .as_ref()
            .is_some_and(|limit| limit.key.as_deref().is_some_and(|key| key != "route"));
        Self {
            limiter: spec.rate_limit.as_ref().map(|limit| Limiter::new(limit, keyed)),
            concurrency: spec.concurrency.as_ref().map(|concurrency| {
                ConcurrencyLimit::new(&ConcurrencySettings {
                    in_flight_max: concurrency.max,
                    queue_max: concurrency.queue as usize,
                    wait_max_ms: concurrency.max_wait_ms,
                    order: QueueOrder::default(),
                })
            }),
            breaker: spec.breaker.as_ref().map(|breaker| CircuitBreaker::new(settings(breaker))),
            fallback_body: spec.breaker.as_ref().and_then(|one| one.fallback_body.clone()),
            refused: AtomicU64::new(0),
            told_ms: AtomicU64::new(0),
        }
    }

    /// Asks everything that stands before the service. Nothing waits here.
    pub(crate) fn admit(
        &self,
        now: Nanos,
        key: impl FnOnce() -> Vec<u8>,
        deadline: Deadline,
    ) -> Result<Admission, Blocked> {
        let mut admission = Admission::default();
        if let Some(breaker) = &self.breaker {
            admission.breaker = Some(breaker.admit(now)?);
        }
        if let Some(limiter) = &self.limiter {
            admission.turn = limiter.ask(now, key, deadline)?;
        }
        if let Some(concurrency) = &self.concurrency {
            match concurrency.enter(now, Some(deadline))? {
                Entry::Admitted(permit) => admission.permit = Some(permit),
                Entry::Queued(waiter) => admission.waiter = Some(waiter),
            }
        }
        Ok(admission)
    }

    /// What to answer to a refused request.
    pub(crate) fn reply(&self, blocked: &Blocked) -> Reply {
        let after_ms = blocked.retry_after().map_or(1_000, Nanos::as_millis);
        let status = blocked.http_status();
        match blocked {
            Blocked::Breaker { .. } => {
                let reply = Reply::limited(status, "UO", "the service is failing", after_ms);
                match &self.fallback_body {
                    Some(body) => Reply {
                        status: 200,
                        body: Some(body.clone()),
                        retry_after_s: None,
                        flag: "FB",
                        ..reply
                    },
                    None => reply,
                }
            }
            Blocked::Deadline => Reply::new(504, "UT", "there was no time left for the request"),
            Blocked::Rate { .. } | Blocked::TooLarge { .. } => {
                Reply::limited(status, "RL", "too many requests", after_ms)
            }
            Blocked::QueueFull { .. } | Blocked::QueueTimeout { .. } => {
                Reply::limited(status, "RL", "too many requests are under way", after_ms)
            }
        }
    }

    /// Tells the event log of refusals, now and then.
    pub(crate) fn tell_refusal(
        &self,
        telemetry: &Telemetry,
        route: &str,
        blocked: &Blocked,
        now_ms: u64,
    ) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        let told_ms = self.told_ms.load(Ordering::Relaxed);
        let due = told_ms == 0 || now_ms.saturating_sub(told_ms) >= LIMITED_EVENT_MS;
        let ours = || {
            let (now_ms, order) = (now_ms.max(1), Ordering::Relaxed);
            self.told_ms.compare_exchange(told_ms, now_ms, order, order).is_ok()
        };
        if due && ours() {
            self.refused.fetch_sub(refused, Ordering::Relaxed);
            let detail = format!("{refused} requests refused: {blocked}");
            telemetry.events().push(EventKind::Limited, route, detail);
        }
    }
}

impl Limiter {
    fn new(spec: &RateLimitSpec, keyed: bool) -> Self {
        let rate = spec.per_second;
        // One second's worth, as the specification says; the bucket clamps what makes no sense.
        let burst = spec.burst.unwrap_or_else(|| rate.ceil().clamp(1.0, 1e9) as u32);
        let wait = spec.max_wait_ms.map(Nanos::from_millis);
        match (keyed, wait) {
            (false, None) => Self::Bucket(TokenBucket::new(rate, burst)),
            (false, Some(wait)) => Self::Queue(LeakyQueue::new(rate, wait)),
            (true, None) => {
                let make = move || TokenBucket::new(rate, burst);
                Self::Buckets(Keyed::new(LIMITER_KEYS_MAX, make))
            }
            (true, Some(wait)) => {
                Self::Queues(Keyed::new(LIMITER_KEYS_MAX, move || LeakyQueue::new(rate, wait)))
            }
        }
    }

    fn ask(
        &self,
        now: Nanos,
        key: impl FnOnce() -> Vec<u8>,
        deadline: Deadline,
    ) -> Result<Option<Reservation>, Blocked> {
        match self {
            Self::Bucket(bucket) => bucket.take(now, 1).map(|()| None),
            Self::Buckets(buckets) => {
                buckets.with(now, key().as_slice(), |bucket| bucket.take(now, 1)).map(|()| None)
            }
            Self::Queue(queue) => queue.reserve(now, 1, Some(deadline)).map(Some),
            Self::Queues(queues) => {
                let ask = |queue: &LeakyQueue| queue.reserve(now, 1, Some(deadline));
                queues.with(now, key().as_slice(), ask).map(Some)
            }
        }
    }
}

impl Admission {
    /// Whether the request has to wait before it may go on.
    pub(crate) fn must_wait(&self) -> bool {
        let turn = self.turn.as_ref().is_some_and(|turn| turn.wait() > Nanos(0));
        turn || self.waiter.is_some()
    }

    /// Tells the breaker how the request went, and gives everything back.
    pub(crate) fn finish(
        &mut self,
        now: Nanos,
        result: CallResult,
        duration: Nanos,
    ) -> Option<BreakerChange> {
        self.permit = None;
        self.breaker.take().and_then(|permit| permit.finish(now, result, duration))
    }
}

/// Tells people that a breaker changed.
pub(crate) fn tell_change(telemetry: &Telemetry, service: &str, change: &BreakerChange) {
    let kind = match change.to {
        BreakerState::Open => EventKind::BreakerOpened,
        BreakerState::Closed => EventKind::BreakerClosed,
        BreakerState::HalfOpen => return,
    };
    telemetry.events().push(kind, service, format!("{} to {}", change.from, change.to));
}

fn settings(spec: &BreakerSpec) -> BreakerSettings {
    BreakerSettings {
        consecutive_failures: spec.consecutive_failures,
        failure_percent: (spec.failure_ratio * 100.0).round() as u32,
        window: WindowKind::Calls(spec.window),
        calls_min: spec.minimum_calls,
        open_ms: spec.open_ms,
        open_max_ms: spec.open_ms.saturating_mul(8),
        ..BreakerSettings::default()
    }
}
