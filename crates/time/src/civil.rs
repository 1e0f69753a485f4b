//! The Gregorian calendar in UTC, by Howard Hinnant's `civil_from_days` and its inverse: years
//! begin in March, so that the leap day is the last of its year, and go in eras of 400.

/// Days from 1 March of the year 0 to 1 January 1970.
const EPOCH_DAYS: u64 = 719_468;
/// Days in 400 years.
const ERA_DAYS: u64 = 146_097;

/// A moment by calendar and clock, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// 1970 or later.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
}

impl Civil {
    /// The moment so many seconds after the beginning of 1970.
    #[must_use]
    pub const fn of(unix_s: u64) -> Self {
        let (days, of_day) = (unix_s / 86_400, unix_s % 86_400);
        let shifted = days + EPOCH_DAYS;
        let (era, of_era) = (shifted / ERA_DAYS, shifted % ERA_DAYS);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / (ERA_DAYS - 1)) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year + era * 400 + (month <= 2) as u64,
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    /// Seconds since the beginning of 1970; a day or an hour too many goes over into the next.
    /// `None` for a time before, a year beyond 9999, and what is no month or day.
    #[must_use]
    pub fn unix_s(&self) -> Option<u64> {
        let Self { year, month, day, hour, minute, second } = *self;
        let sane = (1_970..=9_999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 100
            && minute < 100
            && second < 100;
        if !sane {
            return None;
        }
        let (shifted, from_march) =
            if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let leap_days = shifted / 4 - shifted / 100 + shifted / 400;
        let of_year = (153 * from_march + 2) / 5 + day - 1;
        let days = shifted * 365 + leap_days + of_year - EPOCH_DAYS;
        Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    /// The day of the week, 0 for Sunday.
    #[must_use]
    pub const fn weekday(unix_s: u64) -> usize {
        // The first day of 1970 was a Thursday.
        ((unix_s / 86_400 + 4) % 7) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(unix_s: u64) -> [u64; 6] {
        let Civil { year, month, day, hour, minute, second } = Civil::of(unix_s);
        [year, month, day, hour, minute, second]
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(moment(0), [1970, 1, 1, 0, 0, 0]);
        assert_eq!(moment(784_111_777), [1994, 11, 6, 8, 49, 37]);
        assert_eq!(moment(951_826_154), [2000, 2, 29, 12, 9, 14]);
        assert_eq!(moment(1_798_761_599), [2026, 12, 31, 23, 59, 59]);
        assert_eq!(moment(4_107_542_400), [2100, 3, 1, 0, 0, 0]);
        assert_eq!((Civil::weekday(0), Civil::weekday(784_111_777)), (4, 0));
    }

    #[test]
    fn what_is_no_date_has_no_seconds() {
        let good = Civil { year: 2000, month: 2, day: 29, hour: 23, minute: 59, second: 59 };
        assert_eq!(good.unix_s(), Some(951_868_799));
        for wrong in [
            Civil { year: 1969, ..good },
            Civil { year: 10_000, ..good },
            Civil { month: 0, ..good },
            Civil { month: 13, ..good },
            Civil { day: 0, ..good },
            Civil { day: 32, ..good },
            Civil { hour: u64::MAX, ..good },
        ] {
            assert_eq!(wrong.unix_s(), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(unix_s in 0..253_402_300_800_u64) {
            prop_assert_eq!(Civil::of(unix_s).unix_s(), Some(unix_s));
        }
    }
}
