//! Path patterns, and an index over many of them.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::limits::PATTERN_SEGMENTS_MAX;

/// A compiled path pattern: literal segments, `*` and `{name}` for one segment, `**` at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    segments: Vec<Segment>,
    /// `/**` at the end: the rest may be anything, also nothing.
    tail: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    Any,
    Variable(Box<str>),
}

/// The segments of a path. One trailing slash does not make a difference.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let empty = path.is_empty();
    path.split('/').filter(move |_| !empty)
}

impl Pattern {
    /// Compiles `text`; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("path pattern {text:?} must begin with '/'"));
        }
        let mut parts: Vec<&str> = segments(text).collect();
        let tail = parts.last() == Some(&"**");
        if tail {
            parts.pop();
        }
        if parts.len() > PATTERN_SEGMENTS_MAX {
            return Err(format!("path pattern {text:?} has more than 32 segments"));
        }
        let segments = parts.into_iter().map(|part| Self::segment(text, part));
        Ok(Self { segments: segments.collect::<Result<_, _>>()?, tail })
    }

    fn segment(text: &str, part: &str) -> Result<Segment, String> {
        if part == "*" {
            return Ok(Segment::Any);
        }
        if let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(legal) {
                return Err(format!("path pattern {text:?}: {{{name}}} is not a variable name"));
            }
            return Ok(Segment::Variable(name.into()));
        }
        if part.is_empty() || part.contains(['*', '{', '}', '?', '#', '%', '\\']) {
            return Err(format!(
                "path pattern {text:?}: a segment is literal text, '*', '{{name}}', \
                 or '**' at the end"
            ));
        }
        Ok(Segment::Literal(part.into()))
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut parts = segments(path);
        for segment in &self.segments {
            match (segment, parts.next()) {
                (_, None) => return false,
                (Segment::Literal(text), Some(part)) if **text != *part => return false,
                _ => {}
            }
        }
        self.tail || parts.next().is_none()
    }

    /// The part of a matching `path` that the variable `name` stands for.
    pub(crate) fn variable<'p>(&self, path: &'p str, name: &str) -> Option<&'p str> {
        let at = self
            .segments
            .iter()
            .position(|segment| matches!(segment, Segment::Variable(known) if **known == *name))?;
        segments(path).nth(at)
    }

    /// Whether the pattern has a variable of that name.
    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.segments
            .iter()
            .any(|segment| matches!(segment, Segment::Variable(known) if **known == *name))
    }
}

/// Finds the routes whose patterns match a path without looking at the others.
#[derive(Debug, Default)]
pub(crate) struct PathIndex {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literal: HashMap<Box<str>, Node, ahash::RandomState>,
    any: Option<Box<Node>>,
    /// Routes whose pattern ends here.
    ends: Vec<u32>,
    /// Routes whose pattern goes on with `**`.
    tails: Vec<u32>,
}

/// Positions of routes in their table, best first once sorted.
pub(crate) type Candidates = SmallVec<[u32; 16]>;

impl PathIndex {
    pub(crate) fn insert(&mut self, pattern: &Pattern, route: u32) {
        let mut node = &mut self.root;
        for segment in &pattern.segments {
            node = match segment {
                Segment::Literal(text) => node.literal.entry(text.clone()).or_default(),
                Segment::Any | Segment::Variable(_) => node.any.get_or_insert_default(),
            };
        }
        if pattern.tail { node.tails.push(route) } else { node.ends.push(route) }
    }

    /// Adds the routes with a matching pattern, in no order.
    pub(crate) fn find(&self, path: &str, found: &mut Candidates) {
        let parts: SmallVec<[&str; 16]> = segments(path).collect();
        self.root.find(&parts, found);
    }
}

impl Node {
    fn find(&self, parts: &[&str], found: &mut Candidates) {
        found.extend_from_slice(&self.tails);
        let Some((first, rest)) = parts.split_first() else {
            found.extend_from_slice(&self.ends);
            return;
        };
        if !self.literal.is_empty()
            && let Some(node) = self.literal.get(*first)
        {
            node.find(rest, found);
        }
        if let Some(node) = &self.any {
            node.find(rest, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/shop/**", "/shop", true),
            ("/shop/**", "/shop/a/b", true),
            ("/shop/**", "/shopping", false),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a", false),
            ("/a/*", "/a/b/c", false),
            ("/items/{id}", "/items/7", true),
            ("/items/{id}", "/items/7/", true),
            ("/a", "/a/", true),
            ("/a", "/b", false),
            ("/", "/", true),
            ("/", "/a", false),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(path), expected, "{pattern:?} {path}");
        }
    }

    #[test]
    fn variables() {
        let pattern = Pattern::parse("/a/{x}/*/{y}/**").unwrap();
        assert!(pattern.has_variable("y") && !pattern.has_variable("z"));
        assert_eq!(pattern.variable("/a/1/2/3/4", "y"), Some("3"));
        assert_eq!(pattern.variable("/a/1/2/3", "x"), Some("1"));
    }

    #[test]
    fn wrong_patterns_say_why() {
        for text in ["a", "/a*", "/{}", "/{a b}", "/**/a", "/a?b", "/{a", "/%61"] {
            assert!(Pattern::parse(text).unwrap_err().contains("path pattern"), "{text}");
        }
        assert!(Pattern::parse(&"/a".repeat(PATTERN_SEGMENTS_MAX)).is_ok());
        assert!(Pattern::parse(&"/a".repeat(PATTERN_SEGMENTS_MAX + 1)).is_err());
    }

    proptest! {
        #[test]
        fn the_index_finds_what_a_scan_finds(
            patterns in prop::collection::vec("(/(a|b|c|\\*|\\{v\\})){0,4}(/\\*\\*|/)?", 1..20),
            paths in prop::collection::vec("(/[abcd]){0,5}/?", 1..20),
        ) {
            let patterns: Vec<Pattern> = patterns
                .iter()
                .filter_map(|text| Pattern::parse(text).ok())
                .collect();
            let mut index = PathIndex::default();
            for (at, pattern) in (0..).zip(&patterns) {
                index.insert(pattern, at);
            }
            for path in paths {
                let mut found = Candidates::new();
                index.find(&path, &mut found);
                found.sort_unstable();
                let scanned: Vec<u32> = (0..)
                    .zip(&patterns)
                    .filter(|(_, pattern)| pattern.matches(&path))
                    .map(|(at, _)| at)
                    .collect();
                prop_assert_eq!(&found[..], &scanned[..], "{}", path);
            }
        }
    }
}
