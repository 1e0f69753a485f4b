//! Fuzzy patterns: `namespace>>group>>service`, of which the last two may have `*` at either end.

use rialto_catalog::ServiceKey;

use crate::limits::PATTERN_BYTES_MAX;
use crate::map::group_of;
use crate::{Code, Problem};

const SEPARATOR: &str = ">>";

/// A pattern of services.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pattern {
    /// As it was written.
    text: Box<str>,
    group_at: usize,
    name_at: usize,
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// When it has not three parts, none of them empty, or is too long.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = || {
            let message = "a fuzzy pattern is \"namespace>>group>>service\", each part given";
            Problem::new(400, Code::ParameterInvalid, message)
        };
        if text.len() > PATTERN_BYTES_MAX {
            return Err(wrong());
        }
        let (namespace, rest) = text.split_once(SEPARATOR).ok_or_else(wrong)?;
        let (group, name) = rest.split_once(SEPARATOR).ok_or_else(wrong)?;
        if [namespace, group, name].iter().any(|part| part.is_empty()) || name.contains(SEPARATOR) {
            return Err(wrong());
        }
        let group_at = namespace.len() + SEPARATOR.len();
        Ok(Self { text: text.into(), group_at, name_at: group_at + group.len() + SEPARATOR.len() })
    }

    /// The namespace, which has no `*`.
    pub(super) fn namespace(&self) -> &str {
        &self.text[..self.group_at - SEPARATOR.len()]
    }

    pub(super) fn matches(&self, service: &ServiceKey) -> bool {
        let group = &self.text[self.group_at..self.name_at - SEPARATOR.len()];
        self.namespace() == service.namespace()
            && matches(group, group_of(service))
            && matches(&self.text[self.name_at..], service.name())
    }
}

/// Literal, `*`, `prefix*`, `*suffix` or `*infix*`.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => true,
        (Some(rest), Some(_)) => text.contains(rest.strip_suffix('*').unwrap_or(rest)),
        (Some(suffix), None) => text.ends_with(suffix),
        (None, Some(prefix)) => text.starts_with(prefix),
        (None, None) => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::key;

    #[track_caller]
    fn check(pattern: &str, expected: &[&str]) {
        let pattern = Pattern::parse(pattern).unwrap();
        let names = ["js", "jsvc", "ajs", "ajsb", "x"];
        let found: Vec<_> = names
            .into_iter()
            .filter(|name| pattern.matches(&key("public", "JG", name).unwrap()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn all_forms() {
        check("public>>JG>>js", &["js"]);
        check("public>>JG>>js*", &["js", "jsvc"]);
        check("public>>JG>>*js", &["js", "ajs"]);
        check("public>>JG>>*js*", &["js", "jsvc", "ajs", "ajsb"]);
        check("public>>*>>*", &["js", "jsvc", "ajs", "ajsb", "x"]);
        check("public>>J*>>x", &["x"]);
        check("other>>JG>>*", &[]);
        check("public>>G*>>*", &[]);
        let default = key("", "", "s").unwrap();
        assert!(Pattern::parse("public>>DEFAULT_GROUP>>s").unwrap().matches(&default));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "a", "a>>b", ">>b>>c", "a>>>>c", "a>>b>>", "a>>b>>c>>d"] {
            assert_eq!(Pattern::parse(text).unwrap_err().status, 400, "{text}");
        }
        assert!(Pattern::parse(&format!("n>>g>>{}", "s".repeat(PATTERN_BYTES_MAX))).is_err());
    }
}
