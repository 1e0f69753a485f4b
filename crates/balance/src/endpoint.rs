//! The words that a balancer and its user exchange.

use crate::Nanos;

/// A possible target.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint<E> {
    /// What tells it from all others; its past is kept under this.
    pub id: E,
    /// `host:port`, its place on the hash ring: the same text gives the same place in every
    /// process.
    pub address: String,
    /// Relative share of the traffic; 0 gets none. Not a number counts as 1.
    pub weight: f64,
    /// Zone, empty when unknown.
    pub zone: String,
    /// Whether health checks and operators let it have traffic.
    pub healthy: bool,
    /// When its process registered, in milliseconds by any clock; 0 when that is not known. Another
    /// time is another process: what was known of the old one no longer says anything, but calls
    /// under way still count.
    pub since_ms: u64,
}

impl<E> Endpoint<E> {
    /// A healthy endpoint of weight 1 in no zone.
    pub fn new(id: E, address: impl Into<String>) -> Self {
        Self {
            id,
            address: address.into(),
            weight: 1.0,
            zone: String::new(),
            healthy: true,
            since_ms: 0,
        }
    }
}

/// What a call asks of the choice.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a, E> {
    /// Key for consistent hashing; without it the choice is random. nginx's ring takes
    /// [`crc32`](crate::crc32) of the key's bytes.
    pub hash: Option<u32>,
    /// Endpoints already tried for this call.
    pub exclude: &'a [E],
}

impl<E> Default for Request<'_, E> {
    fn default() -> Self {
        Self { hash: None, exclude: &[] }
    }
}

/// A choice. Its ticket must be reported back, whatever happens.
#[derive(Debug)]
#[must_use = "the ticket must be reported, or the call counts as under way for ever"]
pub struct Picked<E> {
    /// The identifier of the endpoint.
    pub id: E,
    /// Stands for the call under way.
    pub ticket: Ticket,
    /// Whether so few endpoints are fit that all of them get traffic.
    pub panic: bool,
}

/// A call under way. It is reported once: it cannot be copied.
#[derive(Debug)]
#[must_use = "the ticket must be reported, or the call counts as under way for ever"]
pub struct Ticket {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its kind.
    pub class: Class,
    /// From sending to the end of the answer, or to its head when the body is a stream.
    pub latency: Nanos,
    /// What a refusal asked to wait, from `Retry-After` or `grpc-retry-pushback-ms`. It sends
    /// traffic elsewhere for that long, and does not count towards an ejection.
    pub retry_after: Option<Nanos>,
}

impl Outcome {
    /// An outcome without a wish to be retried later.
    pub fn new(class: Class, latency: Nanos) -> Self {
        Self { class, latency, retry_after: None }
    }
}

/// The kind of an outcome, as far as the choice of endpoints cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Answered below 500, other than 429.
    Success,
    /// Refused for load with 429 or gRPC `RESOURCE_EXHAUSTED`: sends traffic elsewhere, but is no
    /// failure.
    Throttled,
    /// Answered 500 or above, other than the three of `GatewayError`.
    ServerError,
    /// Answered 502, 503 or 504.
    GatewayError,
    /// No connection, a broken connection, or no answer in time.
    Unreachable,
    /// The caller went away; says nothing of the endpoint but that it took at least so long.
    Cancelled,
}

/// A change in which endpoints get traffic, for people to see.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition<E> {
    /// An endpoint gets no traffic until a time.
    Ejected {
        /// Which.
        id: E,
        /// Why.
        reason: EjectionReason,
        /// When it is tried again.
        until: Nanos,
    },
    /// An endpoint gets traffic again.
    Returned {
        /// Which.
        id: E,
    },
}

/// Why an endpoint was ejected. `Display` says it in words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EjectionReason {
    /// So many failures in a row.
    ConsecutiveFailures(u32),
    /// So many 502, 503, 504 or broken connections in a row.
    ConsecutiveGatewayFailures(u32),
    /// Its success rate is far below the others'.
    SuccessRate {
        /// In percent, over the last interval.
        percent: f64,
        /// What was demanded, in percent: the mean less some standard deviations.
        demanded: f64,
    },
    /// It is far slower than the others.
    Latency {
        /// What its last calls took at least, in ms.
        ms: f64,
        /// What calls to the others usually take, in ms.
        others_ms: f64,
    },
}

impl std::fmt::Display for EjectionReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ConsecutiveFailures(count) => write!(f, "{count} failures in a row"),
            Self::ConsecutiveGatewayFailures(count) => {
                write!(f, "{count} gateway errors or broken connections in a row")
            }
            Self::SuccessRate { percent, demanded } => {
                write!(f, "success rate {percent:.0} %, below {demanded:.0} %")
            }
            Self::Latency { ms, others_ms } => {
                write!(f, "slow: {ms:.0} ms, the others {others_ms:.0} ms")
            }
        }
    }
}

/// An endpoint as its balancer sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointView<E> {
    /// Which.
    pub id: E,
    /// Calls under way.
    pub in_flight: u32,
    /// Peak-sensitive mean latency, in ms.
    pub latency_ms: f64,
    /// Until when it gets no traffic, if it is ejected.
    pub ejected_until: Option<Nanos>,
    /// Weight now, with slow start.
    pub weight: f64,
}
