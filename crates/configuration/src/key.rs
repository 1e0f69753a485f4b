//! What a configuration is called.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hashbrown::Equivalent;

use crate::limits::{DATA_ID_CHARS_MAX, GROUP_CHARS_MAX, NAMESPACE_CHARS_MAX};
use crate::refused::Refused;

/// The namespace of those who name none.
pub const PUBLIC: &str = "public";

/// Sorts below every character that a name may contain, so that the joined text sorts as the
/// triple.
const SEPARATOR: char = '\0';

/// Namespace, group and dataId. Case-sensitive; sorts in that order; a clone costs one counter.
/// A blank namespace is [`PUBLIC`].
#[derive(Clone)]
pub struct ConfigKey {
    joined: Arc<str>,
    group_at: u16,
    data_id_at: u16,
}

/// The same, borrowed and unchecked: for looking up without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRef<'a> {
    namespace: &'a str,
    group: &'a str,
    data_id: &'a str,
}

/// A group key that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the group key {text:?} is not dataId+group or dataId+group+namespace")]
pub struct GroupKeyError {
    /// What was given.
    pub text: String,
}

// === impl ConfigKey ===

impl ConfigKey {
    /// A key of checked names.
    ///
    /// # Errors
    /// [`Refused::Missing`], [`Refused::Characters`] or [`Refused::TooLong`], with the part's name.
    pub fn new(namespace: &str, group: &str, data_id: &str) -> Result<Self, Refused> {
        let namespace = or_public(namespace);
        check("namespaceId", namespace, NAMESPACE_CHARS_MAX, |one| matches!(one, b'_' | b'-'))?;
        let named = |one| matches!(one, b'_' | b'-' | b'.' | b':');
        check("dataId", data_id, DATA_ID_CHARS_MAX, named)?;
        check("group", group, GROUP_CHARS_MAX, named)?;
        Ok(Self::join(namespace, group, data_id))
    }

    /// The namespace, never blank.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.joined[..usize::from(self.group_at) - 1]
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.joined[usize::from(self.group_at)..usize::from(self.data_id_at) - 1]
    }

    /// The dataId.
    #[must_use]
    pub fn data_id(&self) -> &str {
        &self.joined[usize::from(self.data_id_at)..]
    }

    /// Borrows the parts.
    #[must_use]
    pub fn borrow(&self) -> KeyRef<'_> {
        let (namespace, group, data_id) = (self.namespace(), self.group(), self.data_id());
        KeyRef { namespace, group, data_id }
    }

    /// All three in one text, separated by NUL: sorts as keys do.
    #[must_use]
    pub fn joined(&self) -> &str {
        &self.joined
    }

    /// `dataId+group+namespace`, with `+` and `%` in the parts escaped.
    #[must_use]
    pub fn group_key(&self) -> String {
        let mut text = escape(self.data_id());
        text.push('+');
        text.push_str(&escape(self.group()));
        text.push('+');
        text.push_str(&escape(self.namespace()));
        text
    }

    /// Reads [`ConfigKey::group_key`], and the form without namespace.
    ///
    /// # Errors
    /// When it has not two or three parts, or they cannot be names.
    pub fn of_group_key(text: &str) -> Result<Self, GroupKeyError> {
        let error = || GroupKeyError { text: text.chars().take(64).collect() };
        let mut parts = text.split('+').map(unescape);
        let mut next = || parts.next().and_then(|one| one);
        let (data_id, group) = (next().ok_or_else(error)?, next().ok_or_else(error)?);
        let namespace = next().unwrap_or_default();
        if parts.next().is_some() {
            return Err(error());
        }
        Self::new(&namespace, &group, &data_id).map_err(|_| error())
    }

    /// Sorts before all keys of a namespace.
    pub(crate) fn first_of(namespace: &str) -> Self {
        Self::join(or_public(namespace), "", "")
    }

    fn join(namespace: &str, group: &str, data_id: &str) -> Self {
        let joined = format!("{namespace}{SEPARATOR}{group}{SEPARATOR}{data_id}").into();
        let at = |bytes: usize| u16::try_from(bytes).unwrap_or(u16::MAX);
        let group_at = at(namespace.len() + 1);
        Self { joined, group_at, data_id_at: group_at.saturating_add(at(group.len() + 1)) }
    }
}

impl fmt::Debug for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace(), self.group(), self.data_id())
    }
}

impl PartialEq for ConfigKey {
    fn eq(&self, other: &Self) -> bool {
        self.joined == other.joined
    }
}

impl Eq for ConfigKey {}

impl PartialOrd for ConfigKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ConfigKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.joined.cmp(&other.joined)
    }
}

impl Hash for ConfigKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrow().hash(state);
    }
}

// === impl KeyRef ===

impl<'a> KeyRef<'a> {
    /// Names as they came; a blank namespace is [`PUBLIC`].
    #[must_use]
    pub fn new(namespace: &'a str, group: &'a str, data_id: &'a str) -> Self {
        Self { namespace: or_public(namespace), group, data_id }
    }

    /// The namespace, never blank.
    #[must_use]
    pub const fn namespace(&self) -> &'a str {
        self.namespace
    }

    /// The group.
    #[must_use]
    pub const fn group(&self) -> &'a str {
        self.group
    }

    /// The dataId.
    #[must_use]
    pub const fn data_id(&self) -> &'a str {
        self.data_id
    }

    /// Checks and keeps the names.
    ///
    /// # Errors
    /// As [`ConfigKey::new`].
    pub fn to_key(self) -> Result<ConfigKey, Refused> {
        ConfigKey::new(self.namespace, self.group, self.data_id)
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.namespace.hash(state);
        self.group.hash(state);
        self.data_id.hash(state);
    }
}

impl Equivalent<ConfigKey> for KeyRef<'_> {
    fn equivalent(&self, key: &ConfigKey) -> bool {
        *self == key.borrow()
    }
}

fn or_public(namespace: &str) -> &str {
    if namespace.trim().is_empty() { PUBLIC } else { namespace }
}

fn check(
    what: &'static str,
    text: &str,
    chars_max: usize,
    also: impl Fn(u8) -> bool,
) -> Result<(), Refused> {
    if text.trim().is_empty() {
        return Err(Refused::Missing { what });
    }
    if text.len() > chars_max {
        return Err(Refused::TooLong { what, max: chars_max });
    }
    let legal = text.bytes().all(|one| one.is_ascii_alphanumeric() || also(one));
    if legal { Ok(()) } else { Err(Refused::Characters { what }) }
}

fn escape(part: &str) -> String {
    part.replace('%', "%25").replace('+', "%2B")
}

/// `None` when an escape is none of the two.
fn unescape(part: &str) -> Option<String> {
    let mut text = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        match rest.get(at..at + 3)? {
            "%25" => text.push('%'),
            "%2B" | "%2b" => text.push('+'),
            _ => return None,
        }
        rest = &rest[at + 3..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_namespace_is_public() {
        let key = ConfigKey::new("", "G", "a.yaml").unwrap();
        assert_eq!(key, ConfigKey::new(PUBLIC, "G", "a.yaml").unwrap());
        assert_eq!((key.namespace(), key.group(), key.data_id()), ("public", "G", "a.yaml"));
        assert_eq!(KeyRef::new(" ", "G", "a.yaml"), key.borrow());
        assert_eq!(key.group_key(), "a.yaml+G+public");
    }

    #[test]
    fn names_have_limits_and_an_alphabet() {
        let long = "a".repeat(300);
        for (namespace, group, data_id) in [
            ("", "", "a"),
            ("", "G", ""),
            ("", "G", " "),
            ("", "G", "a b/c"),
            ("", "G", "a/../b"),
            ("", "G+x", "a"),
            ("a b", "G", "a"),
            ("a.b", "G", "a"),
            ("", "G", "a\0b"),
            ("", "G", "ключ"),
            (&long, "G", "a"),
            ("", &long, "a"),
            ("", "G", &long),
        ] {
            assert!(ConfigKey::new(namespace, group, data_id).is_err(), "{namespace:?} {group:?}");
        }
        let most = ConfigKey::new(&long[..128], &long[..128], &long[..256]).unwrap();
        assert_eq!(most.data_id().len(), 256);
    }

    #[test]
    fn group_keys_come_back() {
        let key = ConfigKey::new("ns", "G", "a:b.c").unwrap();
        assert_eq!(ConfigKey::of_group_key(&key.group_key()), Ok(key));
        let short = ConfigKey::of_group_key("a+G").unwrap();
        assert_eq!(short.namespace(), PUBLIC);
        for text in ["", "a", "a+b+c+d", "a%+b", "a%zz+b", "a%2"] {
            assert!(ConfigKey::of_group_key(text).is_err(), "{text}");
        }
    }
}
