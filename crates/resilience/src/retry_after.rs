//! The `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3).

use rialto_time::Civil;

use crate::Nanos;
use crate::limits::TIMEOUT_MS_MAX;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The wait that a header's value asks for; `unix_now_s` is the wall clock, in seconds since the
/// Unix epoch. A date that has passed asks for none. At most [`TIMEOUT_MS_MAX`]. `None` when the
/// value is neither a number of seconds nor a date of the form `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn parse_retry_after(value: &str, unix_now_s: u64) -> Option<Nanos> {
    let value = value.trim_matches([' ', '\t']);
    let seconds = match number(value) {
        Some(seconds) => seconds,
        None => unix_seconds(value)?.saturating_sub(unix_now_s),
    };
    Some(Nanos::from_secs(seconds).min(Nanos::from_millis(TIMEOUT_MS_MAX)))
}

/// Digits and nothing else; more than fit count as the largest number.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// An IMF-fixdate as seconds since the Unix epoch.
fn unix_seconds(date: &str) -> Option<u64> {
    let (_, date) = date.split_once(", ")?;
    let mut parts = date.split(' ');
    let day = number(parts.next()?)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year = number(parts.next()?)?;
    let mut time = parts.next()?.split(':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let ends = time.next().is_none() && parts.next() == Some("GMT") && parts.next().is_none();
    let date = Civil { year, month, day, hour, minute, second };
    (ends && hour < 24 && minute < 60 && second < 61).then(|| date.unix_s())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_and_dates() {
        for (value, now_s, seconds) in [
            ("120", 0, Some(120)),
            (" 0\t", 0, Some(0)),
            ("99999999999999999999999", 0, Some(86_400)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770, Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_800, Some(0)),
            ("Thu, 01 Jan 1970 00:00:09 GMT", 0, Some(9)),
            ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_100, Some(100)),
            ("", 0, None),
            ("-1", 0, None),
            ("1.5", 0, None),
            ("Sun, 06 Nov 1994 08:49:37 CET", 0, None),
            ("Sun, 06 Nov 1994 08:49 GMT", 0, None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 0, None),
            ("Sun, 32 Nov 1994 08:49:37 GMT", 0, None),
            ("Sun, 06 Nov 1994 08:49:37 GMT x", 0, None),
        ] {
            assert_eq!(parse_retry_after(value, now_s), seconds.map(Nanos::from_secs), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(value in ".{0,40}", now_s: u64) {
            let wait = parse_retry_after(&value, now_s);
            prop_assert!(wait.is_none_or(|wait| wait <= Nanos::from_millis(TIMEOUT_MS_MAX)));
        }

        #[test]
        fn anything_like_a_date_is_read_or_refused(
            day in 0..99_u32, month in 0..12_usize, year in 0..99_999_u32, hour in 0..99_u32,
        ) {
            let month = MONTHS[month];
            let value = format!("Mon, {day:02} {month} {year} {hour:02}:00:00 GMT");
            let _ = parse_retry_after(&value, 0);
        }
    }
}
