//! The edits that make one list of lines of another.

use std::ops::Range;

use crate::limits::DIFF_EDITS_MAX;

/// Lines `old` are replaced by lines `new`; one of them may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The edits in order. Lists that differ in more than [`DIFF_EDITS_MAX`] lines give one edit that
/// replaces everything between what they have in common at both ends.
pub(super) fn edits(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let start = old.iter().zip(new).take_while(|(one, two)| one == two).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let pairs = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = pairs.take_while(|(one, two)| one == two).count();
    let old_middle = &old_rest[..old_rest.len() - end];
    let new_middle = &new_rest[..new_rest.len() - end];
    if old_middle.is_empty() && new_middle.is_empty() {
        return Vec::new();
    }
    let whole = Edit { old: start..start + old_middle.len(), new: start..start + new_middle.len() };
    if old_middle.is_empty() || new_middle.is_empty() {
        return vec![whole];
    }
    match furthest(old_middle, new_middle) {
        Some(trace) => walk_back(&trace, old_middle.len(), new_middle.len(), start),
        None => vec![whole],
    }
}

/// For each number of edits, the furthest point reached on every diagonal, until the end is
/// reached; `None` when that takes too many.
fn furthest(old: &[&str], new: &[&str]) -> Option<Vec<Vec<usize>>> {
    let most = (old.len() + new.len()).min(DIFF_EDITS_MAX);
    // Index of diagonal k is k + width.
    let width = most + 1;
    let mut reach = vec![0_usize; 2 * width + 1];
    let mut trace = Vec::new();
    for edits in 0..=most {
        trace.push(reach[width - edits..=width + edits].to_vec());
        for diagonal in (width - edits..=width + edits).step_by(2) {
            let down = diagonal == width - edits
                || (diagonal != width + edits && reach[diagonal - 1] < reach[diagonal + 1]);
            let mut x = if down { reach[diagonal + 1] } else { reach[diagonal - 1] + 1 };
            let Some(mut y) = (x + width).checked_sub(diagonal) else { continue };
            while x < old.len() && y < new.len() && old[x] == new[y] {
                (x, y) = (x + 1, y + 1);
            }
            reach[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                return Some(trace);
            }
        }
    }
    None
}

fn walk_back(trace: &[Vec<usize>], old_len: usize, new_len: usize, start: usize) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    let (mut x, mut y) = (old_len, new_len);
    for (count, reach) in trace.iter().enumerate().skip(1).rev() {
        // `reach` holds diagonals -count..=count as they were before this edit.
        let diagonal = x + count - y;
        let at = |diagonal: usize| reach[diagonal];
        let down = diagonal == 0 || (diagonal != 2 * count && at(diagonal - 1) < at(diagonal + 1));
        let before = if down { diagonal + 1 } else { diagonal - 1 };
        let from_x = at(before);
        let from_y = from_x + count - before;
        let (old, new) = match down {
            true => (from_x..from_x, from_y..from_y + 1),
            false => (from_x..from_x + 1, from_y..from_y),
        };
        let edit = Edit {
            old: old.start + start..old.end + start,
            new: new.start + start..new.end + start,
        };
        match edits.last_mut() {
            Some(next) if next.old.start == edit.old.end && next.new.start == edit.new.end => {
                (next.old.start, next.new.start) = (edit.old.start, edit.new.start);
            }
            _ => edits.push(edit),
        }
        (x, y) = (from_x, from_y);
    }
    edits.reverse();
    edits
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn applied<'a>(old: &[&'a str], new: &[&'a str], edits: &[Edit]) -> Vec<&'a str> {
        let (mut made, mut at) = (Vec::new(), 0);
        for edit in edits {
            made.extend(&old[at..edit.old.start]);
            assert_eq!(made.len(), edit.new.start, "{edits:?}");
            made.extend(&new[edit.new.clone()]);
            at = edit.old.end;
        }
        made.extend(&old[at..]);
        made
    }

    #[test]
    fn edits_make_the_new_list_of_the_old_one() {
        let mut rng = SmallRng::seed_from_u64(11);
        let words = ["a", "b", "c", "d", ""];
        for _ in 0..3_000 {
            let mut list = |longest| -> Vec<&str> {
                let length = rng.random_range(0..=longest);
                (0..length).map(|_| words[rng.random_range(0..words.len())]).collect()
            };
            let (old, new) = (list(14), list(14));
            let edits = edits(&old, &new);
            assert_eq!(applied(&old, &new, &edits), new, "{old:?} {new:?} {edits:?}");
        }
    }

    #[test]
    fn the_script_is_the_shortest() {
        let old: Vec<&str> = "a b c a b b a".split(' ').collect();
        let new: Vec<&str> = "c b a b a c".split(' ').collect();
        let cost = |edit: &Edit| edit.old.len() + edit.new.len();
        assert_eq!(edits(&old, &new).iter().map(cost).sum::<usize>(), 5);
    }

    #[test]
    fn too_many_differences_become_one() {
        let text = |letter: char| -> Vec<String> {
            (0..DIFF_EDITS_MAX).map(|at| format!("{letter}{at}")).collect()
        };
        let (old, new) = (text('a'), text('b'));
        let (old, new): (Vec<&str>, Vec<&str>) =
            (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
        let edits = edits(&old, &new);
        assert_eq!(edits, [Edit { old: 0..DIFF_EDITS_MAX, new: 0..DIFF_EDITS_MAX }]);
    }
}
