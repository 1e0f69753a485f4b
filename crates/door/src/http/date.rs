//! The `Date` header and its kin.

use rialto_time::Civil;

/// A moment as HTTP writes it.
pub type Date = [u8; 29];

/// A moment as HTTP writes it, from seconds since 1970.
///
/// # Panics
/// Never: every part has a fixed width.
#[must_use]
pub fn http_date(seconds: u64) -> Date {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Civil { year, month, day, hour, minute, second } = Civil::of(seconds);
    let (weekday, month) = (DAYS[Civil::weekday(seconds)], MONTHS[month as usize - 1]);
    let year = year.min(9_999);
    let text =
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT");
    text.as_bytes().try_into().expect("every part has a fixed width")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_specification() {
        assert_eq!(&http_date(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&http_date(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&http_date(951_782_400), b"Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(&http_date(1_798_761_599), b"Thu, 31 Dec 2026 23:59:59 GMT");
    }
}
