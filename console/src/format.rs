//! Numbers and times as people read them. Units are always said.

use rialto_time::Civil;

/// A count with thousands separators.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate, without a needless fraction: `0`, `0.4`, `12.5`, `1,204`.
pub(crate) fn rate(value: f64) -> String {
    let value = value.max(0.0);
    if value < 0.05 {
        "0".to_owned()
    } else if value < 99.95 {
        trim(format!("{value:.1}"))
    } else {
        count(whole(value))
    }
}

/// Milliseconds: `0.42`, `3.1`, `250`, `12,400`. Nothing takes no time: zero is nothing measured.
pub(crate) fn millis(value: f64) -> String {
    let value = value.max(0.0);
    if value <= 0.0 {
        "–".to_owned()
    } else if value < 1.0 {
        trim(format!("{value:.2}"))
    } else if value < 99.95 {
        trim(format!("{value:.1}"))
    } else {
        count(whole(value))
    }
}

/// Part of a whole in percent: `0`, `0.03`, `1.2`, `45`. Never rounds trouble down to nothing.
pub(crate) fn percent(part: f64, all: f64) -> String {
    if all <= 0.0 || part <= 0.0 {
        return "0".to_owned();
    }
    let value = part / all * 100.0;
    if value < 0.01 {
        "<0.01".to_owned()
    } else if value < 1.0 {
        trim(format!("{value:.2}"))
    } else if value < 9.95 {
        trim(format!("{value:.1}"))
    } else {
        format!("{value:.0}")
    }
}

/// A size in MiB.
pub(crate) fn mebibytes(bytes: u64) -> String {
    let value = bytes as f64 / f64::from(1 << 20);
    if value < 9.95 { format!("{value:.1}") } else { count(whole(value)) }
}

/// A size in its largest unit: `512 B`, `1.5 KiB`, `10 MiB`.
pub(crate) fn bytes(bytes: usize) -> String {
    const KIB: f64 = 1024.0;
    let value = bytes as f64;
    let short =
        |value: f64| if value < 9.95 { trim(format!("{value:.1}")) } else { format!("{value:.0}") };
    match value {
        value if value < KIB => format!("{bytes} B"),
        value if value < KIB * KIB => format!("{} KiB", short(value / KIB)),
        value => format!("{} MiB", short(value / KIB / KIB)),
    }
}

/// A weight as it was given, without needless digits.
pub(crate) fn weight(value: f64) -> String {
    trim(format!("{value:.2}"))
}

/// The exact time in UTC: `2026-11-24 23:21:03 UTC`.
pub(crate) fn utc(ms: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(ms / 1_000);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

fn whole(value: f64) -> u64 {
    // Rates and sizes that a screen shows are far below 2^53.
    value.round() as u64
}

fn trim(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0.0, 0.04, 0.4, 12.0, 99.96, 1203.6].map(rate),
            ["0", "0", "0.4", "12", "100", "1,204"]
        );
        assert_eq!([0.0, 0.421, 3.12, 250.4].map(millis), ["–", "0.42", "3.1", "250"]);
        assert_eq!(percent(1.0, 1_000_000.0), "<0.01");
        assert_eq!([percent(0.0, 9.0), percent(1.0, 0.0), percent(1.0, 80.0)], ["0", "0", "1.2"]);
        assert_eq!([percent(1.0, 400.0), percent(45.2, 100.0)], ["0.25", "45"]);
        assert_eq!([mebibytes(2 << 20), mebibytes(25 << 20)], ["2.0", "25"]);
        assert_eq!([0, 512, 1536, 10 << 20].map(bytes), ["0 B", "512 B", "1.5 KiB", "10 MiB"]);
        assert_eq!([weight(1.0), weight(0.25)], ["1", "0.25"]);
    }

    #[test]
    fn utc_knows_leap_days_and_ends_of_years() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(1_709_210_096_000), "2024-02-29 12:34:56 UTC");
        assert_eq!(utc(1_767_225_599_000), "2025-12-31 23:59:59 UTC");
        assert_eq!(utc(1_795_562_463_000), "2026-11-24 23:21:03 UTC");
    }
}
