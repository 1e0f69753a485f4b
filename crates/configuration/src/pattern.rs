//! Patterns over names: `namespace>>group>>name`, where the namespace is exact and the others are
//! literal, `*`, `prefix*`, `*suffix` or `*infix*`.

use crate::key::{KeyRef, PUBLIC};
use crate::limits::PATTERN_CHARS_MAX;

/// Between the parts of a pattern.
const SEPARATOR: &str = ">>";

/// What somebody watches without knowing its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    namespace: String,
    group: Item,
    name: Item,
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a pattern namespace>>group>>name of at most {PATTERN_CHARS_MAX} characters"
)]
pub struct PatternError {
    /// The beginning of what was given.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Item {
    All,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Infix(String),
}

impl Pattern {
    /// Reads a pattern. A blank namespace is [`PUBLIC`].
    ///
    /// # Errors
    /// When it has not three parts, one of the last two is empty, or it is too long.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let error = || PatternError { text: text.chars().take(64).collect() };
        if text.chars().count() > PATTERN_CHARS_MAX {
            return Err(error());
        }
        let mut parts = text.split(SEPARATOR);
        let (Some(namespace), Some(group), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(error());
        };
        if group.is_empty() || name.is_empty() {
            return Err(error());
        }
        let namespace = if namespace.trim().is_empty() { PUBLIC } else { namespace };
        let (group, name) = (Item::parse(group), Item::parse(name));
        Ok(Self { namespace: namespace.to_owned(), group, name })
    }

    /// The namespace that it looks into.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether a configuration is meant.
    #[must_use]
    pub fn matches(&self, key: &KeyRef<'_>) -> bool {
        self.namespace == key.namespace()
            && self.group.matches(key.group())
            && self.name.matches(key.data_id())
    }
}

impl Item {
    fn parse(text: &str) -> Self {
        if text == "*" {
            return Self::All;
        }
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(rest), Some(_)) => Self::Infix(rest[..rest.len() - 1].to_owned()),
            (Some(suffix), None) => Self::Suffix(suffix.to_owned()),
            (None, Some(prefix)) => Self::Prefix(prefix.to_owned()),
            (None, None) => Self::Exact(text.to_owned()),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::All => true,
            Self::Exact(exact) => text == exact,
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Infix(infix) => text.contains(infix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_literal_or_begin_or_end_with_a_star() {
        let key = KeyRef::new("", "JG", "jcfg.yaml");
        for (pattern, meant) in [
            ("public>>JG>>jcfg.yaml", true),
            (">>JG>>jc*", true),
            ("public>>*>>*", true),
            ("public>>*G>>*cfg*", true),
            ("public>>J*>>*.yaml", true),
            ("public>>J>>*", false),
            ("dev>>JG>>*", false),
            ("*>>JG>>*", false),
            ("public>>JG>>j*l", false),
            ("public>>JG>>**", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(&key), meant, "{pattern}");
        }
        for text in ["", "a", "a>>b", "a>>b>>c>>d", "a>>>>c", "a>>b>>", &"x>>".repeat(400)] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
