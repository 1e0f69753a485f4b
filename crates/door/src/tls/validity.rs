//! When a certificate ends, read from its DER: rustls looks at that for other people's
//! certificates only, and a server with an ended one should say so at its start.

use rialto_time::Civil;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's validity in seconds since 1970; `None` when it cannot be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<u64> {
    let (outer, _) = value(certificate, SEQUENCE)?;
    let (mut rest, _) = value(outer, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = value(rest, VERSION)?;
    }
    // Serial number, signature algorithm and issuer come before it.
    for _ in 0..3 {
        (_, rest) = value(rest, *rest.first()?)?;
    }
    let (validity, _) = value(rest, SEQUENCE)?;
    let (_, after) = value(validity, *validity.first()?)?;
    let tag = *after.first()?;
    let (text, _) = value(after, tag)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// The content of a value with a tag, and what follows it.
fn value(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = input.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `YYMMDDHHMMSSZ`, or with a year of four digits.
fn time(tag: u8, text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        // RFC 5280, 4.1.2.5.1: from 50 on it is the last century.
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: u64 = year.parse().ok()?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let part = |at: usize| rest[at..at + 2].parse::<u64>().ok();
    let (month, day, hour) = (part(0)?, part(2)?, part(4)?);
    Civil { year, month, day, hour, minute: part(6)?, second: part(8)? }.unix_s()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time_are_read() {
        assert_eq!(time(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, "941106084937Z"), Some(784_111_777));
        assert_eq!(time(GENERALIZED_TIME, "20000229000000Z"), Some(951_782_400));
        for wrong in ["", "Z", "9411060849Z", "941306084937Z", "94110608493xZ", "941106084937"] {
            assert_eq!(time(UTC_TIME, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nonsense_has_no_end() {
        let mut bytes = vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff];
        for length in 0..bytes.len() {
            assert_eq!(not_after(&bytes[..length]), None);
        }
        bytes.extend([0x30; 64]);
        assert_eq!(not_after(&bytes), None);
    }
}
