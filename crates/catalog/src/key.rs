//! How a service is named, and names that cannot be one.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::limits::{NAME_BYTES_MAX, SERVICE_NAME_BYTES_MAX};

/// Sorts below every character that a name may contain, so that the joined text sorts as the
/// triple.
const SEPARATOR: char = '\0';

/// Namespace, group and name of a service. Case-sensitive; sorts by namespace, group, name; a clone
/// costs one counter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey(Arc<str>);

/// A namespace, group, name or identifier that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing at all.
    #[error("the {what} is empty; give it a name")]
    Empty {
        /// Which name.
        what: &'static str,
    },
    /// Longer than the limit.
    #[error("the {what} has {bytes} bytes; shorten it to at most {bytes_max}")]
    TooLong {
        /// Which name.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A control character.
    #[error("the {what} contains a control character (U+{code:04X}); leave it out")]
    Control {
        /// Which name.
        what: &'static str,
        /// The character.
        code: u32,
    },
}

/// The form in which names are compared by protocols that ignore case.
#[must_use]
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// Whether `text` may serve as a name.
pub(crate) fn check_name(
    what: &'static str,
    text: &str,
    bytes_max: usize,
) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty { what });
    }
    check_text(what, text, bytes_max)
}

/// As [`check_name`], for what may be empty.
pub(crate) fn check_text(
    what: &'static str,
    text: &str,
    bytes_max: usize,
) -> Result<(), InvalidName> {
    if text.len() > bytes_max {
        return Err(InvalidName::TooLong { what, bytes: text.len(), bytes_max });
    }
    match text.chars().find(|character| character.is_control()) {
        Some(character) => Err(InvalidName::Control { what, code: character.into() }),
        None => Ok(()),
    }
}

impl ServiceKey {
    /// Namespace of services that do not say one.
    pub const NAMESPACE_DEFAULT: &'static str = "public";
    /// Group of services that do not say one.
    pub const GROUP_DEFAULT: &'static str = "default";

    /// Joins the three.
    ///
    /// # Errors
    /// When one is empty, longer than its limit ([`NAME_BYTES_MAX`], [`SERVICE_NAME_BYTES_MAX`]) or
    /// contains a control character.
    pub fn new(namespace: &str, group: &str, name: &str) -> Result<Self, InvalidName> {
        check_name("namespace", namespace, NAME_BYTES_MAX)?;
        check_name("group", group, NAME_BYTES_MAX)?;
        check_name("service name", name, SERVICE_NAME_BYTES_MAX)?;
        Ok(Self(format!("{namespace}{SEPARATOR}{group}{SEPARATOR}{name}").into()))
    }

    /// A service of the namespace `public` and the group `default`.
    ///
    /// # Errors
    /// As [`ServiceKey::new`].
    pub fn named(name: &str) -> Result<Self, InvalidName> {
        Self::new(Self::NAMESPACE_DEFAULT, Self::GROUP_DEFAULT, name)
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.parts().0
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.parts().1
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts().2
    }

    /// Namespace, group and name at once.
    #[must_use]
    pub fn parts(&self) -> (&str, &str, &str) {
        const JOINED: &str = "a key is joined from three parts without separators in them";
        let (namespace, rest) = self.0.split_once(SEPARATOR).expect(JOINED);
        let (group, name) = rest.split_once(SEPARATOR).expect(JOINED);
        (namespace, group, name)
    }
}

impl Borrow<str> for ServiceKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceKey {
    /// The name alone for the default namespace and group, else all three.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, group, name) = self.parts();
        if namespace == Self::NAMESPACE_DEFAULT && group == Self::GROUP_DEFAULT {
            f.write_str(name)
        } else {
            write!(f, "{namespace}/{group}/{name}")
        }
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, group, name) = self.parts();
        write!(f, "ServiceKey({namespace}/{group}/{name})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_order() {
        let key = ServiceKey::new("prod", "payments", "Ledger").unwrap();
        assert_eq!(key.parts(), ("prod", "payments", "Ledger"));
        assert_eq!(key.to_string(), "prod/payments/Ledger");
        assert_eq!(ServiceKey::named("stock").unwrap().to_string(), "stock");
        let short = ServiceKey::new("a", "z", "z").unwrap();
        let long = ServiceKey::new("a b", "a", "a").unwrap();
        assert!(short < long, "a namespace sorts before one that it begins");
    }

    #[test]
    fn limits() {
        let long = "n".repeat(NAME_BYTES_MAX + 1);
        for (namespace, group) in [(long.as_str(), "g"), ("n", long.as_str())] {
            let error = ServiceKey::new(namespace, group, "s").unwrap_err();
            assert!(error.to_string().contains("shorten it to at most 128"), "{error}");
        }
        assert!(ServiceKey::new(&long[1..], &long[1..], "s").is_ok());
        let name = "n".repeat(SERVICE_NAME_BYTES_MAX + 1);
        assert!(matches!(ServiceKey::named(&name), Err(InvalidName::TooLong { bytes: 513, .. })));
        assert!(ServiceKey::named(&name[1..]).is_ok());
        assert_eq!(ServiceKey::named(""), Err(InvalidName::Empty { what: "service name" }));
        assert!(matches!(ServiceKey::named("a\0b"), Err(InvalidName::Control { code: 0, .. })));
    }
}
