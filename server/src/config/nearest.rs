//! The valid name nearest to a mistyped one, by edit distance.

use super::limits::NEAREST_KEY_MAX_BYTES;

/// The candidate that `typed` was most likely meant to be, if one is near enough to be named.
///
/// Near enough is a third of the typed characters, at least two: further away, a suggestion only
/// confuses.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if typed.is_empty() || typed.len() > NEAREST_KEY_MAX_BYTES {
        return None;
    }
    let typed = typed.to_lowercase();
    let limit = (typed.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (distance(&typed, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, remove, replace, swap of neighbours) from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before_last = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1; to.len() + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && from[i - 1] == *b && to[j - 1] == *a;
            if swapped {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["eureka.listen", "gateway.listen", "api.listen", "log.level"];

    #[test]
    fn names_what_was_meant() {
        for (typed, meant) in [
            ("eurka.listen", Some("eureka.listen")),
            ("eureka.lisetn", Some("eureka.listen")),
            ("Gateway.Listen", Some("gateway.listen")),
            ("log.levle", Some("log.level")),
            ("zookeeper", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, KEYS), meant, "{typed}");
        }
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn a_very_long_key_is_not_searched_for() {
        assert_eq!(nearest(&"e".repeat(NEAREST_KEY_MAX_BYTES + 1), KEYS), None);
    }
}
