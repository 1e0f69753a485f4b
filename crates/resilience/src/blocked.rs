//! Why a call was not let through.

use crate::{BreakerState, Nanos};

/// The reason of a refusal, and when it may be different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// More calls than the rate allows.
    #[error("the rate limit is reached; try again in {} ms", retry_after.as_millis())]
    Rate {
        /// When there is room again, if nobody else comes.
        retry_after: Nanos,
    },
    /// A single call that asks for more than the limit ever allows.
    #[error("the call needs {needed} at once and the limit never allows more than {most}")]
    TooLarge {
        /// What it asked for.
        needed: u32,
        /// What is possible.
        most: u32,
    },
    /// As many calls under way as are allowed, and no queue, or a full one.
    #[error("{in_flight} calls are under way and {queued} wait; try again in {} ms",
        retry_after.as_millis())]
    QueueFull {
        /// Calls under way.
        in_flight: u32,
        /// Calls waiting.
        queued: u32,
        /// A guess: the longest wait of the queue.
        retry_after: Nanos,
    },
    /// The wait would be, or was, longer than is allowed.
    #[error("the wait is over its limit; try again in {} ms", retry_after.as_millis())]
    QueueTimeout {
        /// A guess: how much too long the wait is.
        retry_after: Nanos,
    },
    /// The caller's own deadline passes first.
    #[error("the deadline passes before the call could be made")]
    Deadline,
    /// The breaker lets no call through.
    #[error("the breaker is {state}; try again in {} ms", retry_after.as_millis())]
    Breaker {
        /// Open, or half open with all its probes under way.
        state: BreakerState,
        /// When it lets a probe through; 0 while probes are under way.
        retry_after: Nanos,
    },
}

impl Blocked {
    /// A short and stable word for logs and labels.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Rate { .. } => "rate",
            Self::TooLarge { .. } => "too_large",
            Self::QueueFull { .. } => "queue_full",
            Self::QueueTimeout { .. } => "queue_timeout",
            Self::Deadline => "deadline",
            Self::Breaker { .. } => "breaker",
        }
    }

    /// The HTTP status to answer with.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Rate { .. } | Self::TooLarge { .. } => 429,
            Self::QueueFull { .. } | Self::QueueTimeout { .. } | Self::Breaker { .. } => 503,
            Self::Deadline => 504,
        }
    }

    /// The gRPC status to answer with: 8 resource exhausted, 14 unavailable, 4 deadline exceeded.
    pub fn grpc_status(&self) -> u8 {
        match self.http_status() {
            429 => 8,
            503 => 14,
            _ => 4,
        }
    }

    /// When to try again, if that can help.
    pub fn retry_after(&self) -> Option<Nanos> {
        match *self {
            Self::Rate { retry_after }
            | Self::QueueFull { retry_after, .. }
            | Self::QueueTimeout { retry_after }
            | Self::Breaker { retry_after, .. } => Some(retry_after),
            Self::TooLarge { .. } | Self::Deadline => None,
        }
    }

    /// The value of a `Retry-After` header: whole seconds, rounded up, at least 1.
    pub fn retry_after_secs(&self) -> Option<u64> {
        self.retry_after().map(|after| after.0.div_ceil(1_000_000_000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_answer() {
        let after = Nanos::from_millis(1_001);
        let state = BreakerState::Open;
        for (blocked, http, grpc, seconds) in [
            (Blocked::Rate { retry_after: after }, 429, 8, Some(2)),
            (Blocked::TooLarge { needed: 9, most: 3 }, 429, 8, None),
            (
                Blocked::QueueFull { in_flight: 1, queued: 0, retry_after: Nanos(0) },
                503,
                14,
                Some(1),
            ),
            (Blocked::QueueTimeout { retry_after: Nanos(1) }, 503, 14, Some(1)),
            (Blocked::Deadline, 504, 4, None),
            (Blocked::Breaker { state, retry_after: after }, 503, 14, Some(2)),
        ] {
            assert_eq!(blocked.http_status(), http, "{blocked}");
            assert_eq!(blocked.grpc_status(), grpc, "{blocked}");
            assert_eq!(blocked.retry_after_secs(), seconds, "{blocked}");
        }
    }
}
