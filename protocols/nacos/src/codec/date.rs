//! Dates as Nacos's answers write them, from milliseconds since 1970. UTC always.

use rialto_time::Civil;

/// `2026-11-23T04:46:10.171+00:00`, in JSON.
pub fn iso(at_ms: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(at_ms / 1000);
    let ms = at_ms % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}+00:00")
}

/// `20261123044636`, in the name of an exported file.
pub fn compact(at_ms: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(at_ms / 1000);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
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
