//! How a service is named: namespace, group and name here, and the same three in the catalog.

use rialto_catalog::ServiceKey;

use crate::{Code, Problem};

/// The namespace of those who name none.
pub const NAMESPACE_DEFAULT: &str = ServiceKey::NAMESPACE_DEFAULT;
/// The group of those who name none.
pub const GROUP_DEFAULT: &str = "DEFAULT_GROUP";
/// The cluster of those who name none.
pub const CLUSTER_DEFAULT: &str = "DEFAULT";
/// Between group and name where both are one text.
pub const GROUP_SEPARATOR: &str = "@@";

/// The catalog's key of a service. A blank namespace is `public`, a blank group `DEFAULT_GROUP`,
/// which is the catalog's `default`; a group that is named `default` is the catalog's
/// `DEFAULT_GROUP`, so that no two are one.
///
/// # Errors
/// When a name is empty or longer than the catalog takes.
pub fn key(namespace: &str, group: &str, name: &str) -> Result<ServiceKey, Problem> {
    let namespace = if namespace.trim().is_empty() { NAMESPACE_DEFAULT } else { namespace };
    let group = match group {
        GROUP_DEFAULT => ServiceKey::GROUP_DEFAULT,
        ServiceKey::GROUP_DEFAULT => GROUP_DEFAULT,
        blank if blank.trim().is_empty() => ServiceKey::GROUP_DEFAULT,
        other => other,
    };
    ServiceKey::new(namespace, group, name)
        .map_err(|error| Problem::new(400, Code::ServiceName, error.to_string()))
}

/// As [`key`], for a name that may have its group before it (`GROUP@@name`), which then counts
/// instead of `group`.
///
/// # Errors
/// As [`key`].
pub fn key_of_grouped(namespace: &str, group: &str, name: &str) -> Result<ServiceKey, Problem> {
    match name.split_once(GROUP_SEPARATOR) {
        Some((group, name)) => key(namespace, group, name),
        None => key(namespace, group, name),
    }
}

/// The namespace in Nacos's words.
#[must_use]
pub fn namespace_of(key: &ServiceKey) -> &str {
    key.namespace()
}

/// The group in Nacos's words.
#[must_use]
pub fn group_of(key: &ServiceKey) -> &str {
    match key.group() {
        ServiceKey::GROUP_DEFAULT => GROUP_DEFAULT,
        GROUP_DEFAULT => ServiceKey::GROUP_DEFAULT,
        other => other,
    }
}

/// `GROUP@@name`.
#[must_use]
pub fn grouped(key: &ServiceKey) -> String {
    format!("{}{GROUP_SEPARATOR}{}", group_of(key), key.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_map_one_to_one() {
        for group in ["DEFAULT_GROUP", "default", "GG", "Default"] {
            let key = key("ns", group, "gold").unwrap();
            assert_eq!((namespace_of(&key), group_of(&key), key.name()), ("ns", group, "gold"));
            assert_eq!(grouped(&key), format!("{group}@@gold"));
            assert_eq!(key_of_grouped("ns", "other", &grouped(&key)), Ok(key));
        }
        let plain = key("", " ", "gold").unwrap();
        assert_eq!(plain, ServiceKey::named("gold").unwrap());
        assert_eq!(plain, key_of_grouped("public", "", "DEFAULT_GROUP@@gold").unwrap());
    }

    #[test]
    fn names_that_the_catalog_does_not_take_are_refused() {
        for name in ["", &"n".repeat(513), "a\0b"] {
            assert_eq!(key("", "", name).unwrap_err().status, 400);
        }
    }
}
