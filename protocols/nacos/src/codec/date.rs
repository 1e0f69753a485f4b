//! Dates as Nacos's answers write them, from milliseconds since 1970. UTC always.

/// `2026-11-23T04:46:10.171+00:00`, in JSON.
pub fn iso(at_ms: u64) -> String {
    let Moment { year, month, day, hour, minute, second } = Moment::of(at_ms);
    let ms = at_ms % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}+00:00")
}

/// `20261123044636`, in the name of an exported file.
pub fn compact(at_ms: u64) -> String {
    let Moment { year, month, day, hour, minute, second } = Moment::of(at_ms);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

struct Moment {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Moment {
    /// Days to a civil date after Howard Hinnant: years begin in March, so that leap days are last.
    fn of(at_ms: u64) -> Self {
        let seconds = at_ms / 1000;
        let days = seconds / 86_400;
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let of_era = shifted % 146_097;
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Moment {
            year: year + era * 400 + u64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_nacos_writes_them() {
        for (at_ms, expected) in [
            (0, "1970-01-01T00:00:00.000+00:00"),
            (951_782_400_000, "2000-02-29T00:00:00.000+00:00"),
            (1_273_017_600_000, "2010-05-05T00:00:00.000+00:00"),
            (1_795_409_170_171, "2026-11-23T04:46:10.171+00:00"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999+00:00"),
        ] {
            assert_eq!(iso(at_ms), expected);
        }
        assert_eq!(compact(1_795_409_196_000), "20261123044636");
    }
}
