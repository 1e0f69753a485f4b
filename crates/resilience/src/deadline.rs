//! Deadlines: a point in time inside a process, a length of time on the wire, because clocks
//! differ.

use crate::Nanos;
use crate::limits::{TIMEOUT_DIGITS_MAX, TIMEOUT_MS_MAX};

/// When the caller stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Nanos);

/// A timeout header that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no timeout: {demand}")]
pub struct InvalidTimeout {
    /// The start of what was given.
    pub value: String,
    /// What is demanded.
    pub demand: &'static str,
}

impl Deadline {
    /// The header in which HTTP calls carry the remaining time, in ms.
    pub const HTTP_HEADER: &'static str = "x-request-timeout-ms";
    /// The header in which gRPC calls carry it.
    pub const GRPC_HEADER: &'static str = "grpc-timeout";
    /// The header in which Envoy tells it, in ms; only read.
    pub const ENVOY_HEADER: &'static str = "x-envoy-expected-rq-timeout-ms";

    /// A deadline at a time.
    pub const fn at_time(at: Nanos) -> Self {
        Self(at)
    }

    /// A deadline so long after now.
    pub const fn after(now: Nanos, timeout: Nanos) -> Self {
        Self(now.plus(timeout))
    }

    /// The time it passes.
    pub const fn at(self) -> Nanos {
        self.0
    }

    /// Time left; 0 when it has passed.
    pub const fn remaining(self, now: Nanos) -> Nanos {
        self.0.since(now)
    }

    /// Whether no time is left.
    pub const fn passed(self, now: Nanos) -> bool {
        self.0.0 <= now.0
    }

    /// The earlier of this and so long after now: an inner step never gets more than the outer has.
    #[must_use]
    pub fn tightened(self, now: Nanos, timeout: Nanos) -> Self {
        self.min(Self::after(now, timeout))
    }

    /// The earliest deadline among the three headers, read through `header`. Headers that cannot be
    /// understood are skipped, as a proxy must not refuse what a server might take.
    pub fn from_headers<'a>(
        now: Nanos,
        header: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Option<Self> {
        let http = [Self::HTTP_HEADER, Self::ENVOY_HEADER].into_iter().filter_map(&header);
        let grpc = header(Self::GRPC_HEADER).and_then(|value| parse_grpc_timeout(value).ok());
        http.filter_map(|value| parse_timeout_ms(value).ok())
            .chain(grpc)
            .map(|timeout| Self::after(now, timeout))
            .min()
    }

    /// The value of [`Self::HTTP_HEADER`] for a call made now, with `margin` kept for our own work
    /// after the answer. Rounded down: the callee must not think that it has more.
    pub fn to_timeout_ms(self, now: Nanos, margin: Nanos) -> String {
        self.remaining(now).since(margin).as_millis().to_string()
    }

    /// The value of [`Self::GRPC_HEADER`] for a call made now, likewise.
    pub fn to_grpc_timeout(self, now: Nanos, margin: Nanos) -> String {
        format_grpc_timeout(self.remaining(now).since(margin))
    }
}

/// Reads a whole number of milliseconds. More than [`TIMEOUT_MS_MAX`] counts as that.
pub(crate) fn parse_timeout_ms(value: &str) -> Result<Nanos, InvalidTimeout> {
    let demand = "a whole number of milliseconds";
    Ok(Nanos::from_millis(digits(value, TIMEOUT_DIGITS_MAX, value, demand)?.min(TIMEOUT_MS_MAX)))
}

/// Reads one to eight digits and a unit of `H M S m u n`, as the gRPC protocol has it.
pub(crate) fn parse_grpc_timeout(value: &str) -> Result<Nanos, InvalidTimeout> {
    let demand = "one to eight digits and one of H M S m u n";
    let unit_ns = match value.as_bytes().last() {
        Some(b'H') => 3_600_000_000_000,
        Some(b'M') => 60_000_000_000,
        Some(b'S') => 1_000_000_000,
        Some(b'm') => 1_000_000,
        Some(b'u') => 1_000,
        Some(b'n') => 1,
        _ => return Err(invalid(value, demand)),
    };
    let count = digits(&value[..value.len() - 1], 8, value, demand)?;
    Ok(Nanos(count.saturating_mul(unit_ns)).min(Nanos::from_millis(TIMEOUT_MS_MAX)))
}

/// The finest unit whose number fits in eight digits, rounded down.
fn format_grpc_timeout(timeout: Nanos) -> String {
    let units = [(1, 'n'), (1_000, 'u'), (1_000_000, 'm'), (1_000_000_000, 'S')];
    let fits = units.into_iter().find(|(unit_ns, _)| timeout.0 / unit_ns <= 99_999_999);
    let (unit_ns, unit) = fits.unwrap_or((3_600_000_000_000, 'H'));
    format!("{}{unit}", timeout.0 / unit_ns)
}

fn digits(
    text: &str,
    digits_max: usize,
    value: &str,
    demand: &'static str,
) -> Result<u64, InvalidTimeout> {
    let valid = (1..=digits_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if valid => Ok(number),
        _ => Err(invalid(value, demand)),
    }
}

fn invalid(value: &str, demand: &'static str) -> InvalidTimeout {
    InvalidTimeout { value: value.chars().take(32).collect(), demand }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn grpc_timeouts() {
        for (text, ns) in [
            ("1H", Some(3_600_000_000_000)),
            ("2M", Some(120_000_000_000)),
            ("3S", Some(3_000_000_000)),
            ("99999999m", Some(86_400_000_000_000)),
            ("5u", Some(5_000)),
            ("0n", Some(0)),
            ("99999999H", Some(86_400_000_000_000)),
            ("123456789m", None),
            ("m", None),
            ("", None),
            ("-1m", None),
            ("+1m", None),
            ("1 m", None),
            ("1é", None),
            ("1.5S", None),
        ] {
            assert_eq!(parse_grpc_timeout(text).ok(), ns.map(Nanos), "{text}");
        }
        assert_eq!(format_grpc_timeout(Nanos(99_999_999)), "99999999n");
        assert_eq!(format_grpc_timeout(Nanos(100_000_999)), "100000u");
        assert_eq!(format_grpc_timeout(Nanos(u64::MAX)), "5124095H");
    }

    #[test]
    fn the_earliest_header_counts() {
        let now = Nanos::from_secs(1);
        let deadline = Deadline::from_headers(now, |name| match name {
            Deadline::HTTP_HEADER => Some("1500"),
            Deadline::GRPC_HEADER => Some("700m"),
            _ => Some("soon"),
        });
        assert_eq!(deadline, Some(Deadline::at_time(Nanos::from_millis(1_700))));
        assert_eq!(Deadline::from_headers(now, |_| None), None);
    }

    #[test]
    fn what_is_passed_on_shrinks() {
        let deadline = Deadline::after(Nanos(0), Nanos::from_millis(100));
        let margin = Nanos::from_millis(5);
        assert_eq!(deadline.to_timeout_ms(Nanos(1), margin), "94");
        assert_eq!(deadline.to_grpc_timeout(Nanos::from_millis(20), margin), "75000000n");
        assert_eq!(deadline.to_timeout_ms(Nanos::from_millis(99), margin), "0");
        let tight = deadline.tightened(Nanos::from_millis(50), Nanos::from_millis(10));
        assert_eq!(tight.at(), Nanos::from_millis(60));
        assert_eq!(deadline.tightened(Nanos(0), Nanos::from_secs(9)), deadline);
        assert!(tight.passed(Nanos::from_millis(60)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = parse_grpc_timeout(&text);
            let _ = parse_timeout_ms(&text);
        }

        #[test]
        fn grpc_timeouts_come_back_rounded_down(ns in 0..86_400_000_000_000_u64) {
            let back = parse_grpc_timeout(&format_grpc_timeout(Nanos(ns))).expect("own format");
            prop_assert!(back.0 <= ns && ns - back.0 <= ns / 99_999);
        }
    }
}
