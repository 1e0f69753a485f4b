//! Times, rates and sizes in words that people read at a glance.

/// A span such as `5 s`, `3 min`, `2 h`, `4 d`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..86_400_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

/// How long ago, or how far ahead, seen from `now_ms`.
pub(crate) fn distance(at_ms: u64, now_ms: u64) -> String {
    if at_ms > now_ms {
        format!("in {}", span(at_ms - now_ms))
    } else {
        format!("{} ago", span(now_ms - at_ms))
    }
}

/// A latency such as `0.8 ms`, `12 ms`, `1.2 s`; nothing seen yet is `–`.
pub(crate) fn latency(ms: f64) -> String {
    if ms <= 0.0 {
        "–".to_owned()
    } else if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1_000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1_000.0)
    }
}

/// A size such as `12.3 MB`.
pub(crate) fn size(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1_000_000.0)
}

/// `1 instance`, `2 instances`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The time of day in UTC, `hh:mm:ss`.
pub(crate) fn clock(at_ms: u64) -> String {
    let seconds = at_ms / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Cuts a text at spaces so that each line fits `width`; a longer word gets a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(span(999), "999 ms");
        assert_eq!(span(61_000), "1 min");
        assert_eq!(distance(5_000, 3_000), "in 2 s");
        assert_eq!(distance(3_000, 5_000), "2 s ago");
        assert_eq!(latency(0.0), "–");
        assert_eq!(latency(1.25), "1.2 ms");
        assert_eq!(latency(1_250.0), "1.2 s");
        assert_eq!(size(12_340_000), "12.3 MB");
        assert_eq!(count(1, "instance"), "1 instance");
        assert_eq!(count(0, "instance"), "0 instances");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(clock(86_400_000 + 3_661_000), "01:01:01");
    }
}
