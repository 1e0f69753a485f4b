//! What a role of one's own may do: patterns over resources in the form that Nacos has,
//! `namespace:group:type/name`, with `*` for anything.
//!
//! A pattern is compared part by part, literally but for `*`. It is never turned into a regular
//! expression: a dot in a name is a dot, and no pattern takes longer than its length times the
//! name's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::PATTERN_BYTES_MAX;
use crate::{Action, Resource};

/// One permission: what may be done with which resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which resources.
    pub resource: Pattern,
    /// What may be done with them.
    pub rights: Rights,
}

/// Reading, writing, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rights {
    /// Looking and subscribing.
    #[serde(rename = "r")]
    Read,
    /// Registering, publishing and removing; looking is not included.
    #[serde(rename = "w")]
    Write,
    /// Both.
    #[serde(rename = "rw")]
    ReadWrite,
}

/// Which resources a [`Grant`] is about. Kept in its normal form, so that two ways to write the
/// same pattern are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    namespace: Box<str>,
    group: Box<str>,
    kind: Kind,
    name: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Any,
    Naming,
    Config,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a resource; write namespace:group:type/name, where type is naming, config or \
     *, and * stands for anything, as in public:*:config/*"
)]
pub struct PatternError {
    text: String,
}

impl Grant {
    /// A permission from its two texts, as Nacos's API has them.
    ///
    /// # Errors
    /// When the resource is not a pattern. The action is checked by [`Rights::parse`].
    pub fn new(resource: &str, rights: Rights) -> Result<Self, PatternError> {
        Ok(Self { resource: resource.parse()?, rights })
    }

    pub(crate) fn allows(&self, action: Action, resource: &Resource<'_>) -> bool {
        self.rights.include(action) && self.resource.matches(resource)
    }
}

impl Rights {
    /// `r`, `w` or `rw`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "r" => Some(Self::Read),
            "w" => Some(Self::Write),
            "rw" => Some(Self::ReadWrite),
            _ => None,
        }
    }

    /// `r`, `w` or `rw`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Write => "w",
            Self::ReadWrite => "rw",
        }
    }

    /// Nobody administers by a grant: that takes the built-in role.
    fn include(self, action: Action) -> bool {
        match action {
            Action::Read => self != Self::Write,
            Action::Register | Action::Operate => self != Self::Read,
            Action::Administer => false,
        }
    }
}

impl Pattern {
    /// Whether the resource is one of those meant. What has no name in a namespace (routes, the
    /// node, access) never is.
    #[must_use]
    pub fn matches(&self, resource: &Resource<'_>) -> bool {
        let Some((kind, namespace, group, name)) = named(resource) else { return false };
        (self.kind == Kind::Any || self.kind == kind)
            && wild(&self.namespace, namespace)
            && (wild(&self.group, group) || kind == Kind::Naming && self.is_default_of(group))
            && wild(&self.name, name)
    }

    /// Services of Nacos's `DEFAULT_GROUP` are in the catalog's group `default`.
    fn is_default_of(&self, group: &str) -> bool {
        group == "default" && wild(&self.group, "DEFAULT_GROUP")
    }
}

/// A resource's parts. `*` stands for all, as in Nacos: only a pattern that ends in `*` there
/// matches it, because no name can contain one.
fn named<'a>(resource: &Resource<'a>) -> Option<(Kind, &'a str, &'a str, &'a str)> {
    let every = |part: &'a str| if part.is_empty() { "*" } else { part };
    let home = |namespace: &'a str| if namespace.is_empty() { "public" } else { namespace };
    match *resource {
        Resource::Services => Some((Kind::Naming, "*", "*", "*")),
        Resource::Service { namespace, group, name } => {
            Some((Kind::Naming, home(namespace), every(group), every(name)))
        }
        Resource::Configuration { namespace, group, name } => {
            Some((Kind::Config, home(namespace), every(group), every(name)))
        }
        _ => None,
    }
}

/// Whether a text is one of those that a pattern with `*` describes.
fn wild(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&b'*') {
            retry = Some((at + 1, seen));
            at += 1;
        } else if pattern.get(at) == Some(&text[seen]) {
            at += 1;
            seen += 1;
        } else if let Some((after, from)) = retry {
            // The last star takes one byte more.
            retry = Some((after, from + 1));
            (at, seen) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError { text: text.chars().take(PATTERN_BYTES_MAX).collect() };
        if text.len() > PATTERN_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(wrong());
        }
        let (namespace, rest) = match text.split_once(':') {
            Some((namespace, rest)) => (namespace, rest),
            None if text == "*" => ("*", "*"),
            None => return Err(wrong()),
        };
        let (group, kind, name) = typed(rest).ok_or_else(wrong)?;
        let namespace = if namespace.is_empty() { "public" } else { namespace };
        let every = |part: &str| if part.is_empty() { "*".into() } else { part.into() };
        Ok(Self { namespace: namespace.into(), group: every(group), kind, name: every(name) })
    }
}

/// Splits `group:type/name`. A group and a name may contain colons; the first type decides.
fn typed(rest: &str) -> Option<(&str, Kind, &str)> {
    if rest == "*" {
        return Some(("*", Kind::Any, "*"));
    }
    let types = [(":naming/", Kind::Naming), (":config/", Kind::Config), (":*/", Kind::Any)];
    let first = types
        .iter()
        .filter_map(|(word, kind)| rest.find(word).map(|at| (at, word.len(), *kind)))
        .min_by_key(|(at, ..)| *at);
    match first {
        Some((at, length, kind)) => Some((&rest[..at], kind, &rest[at + length..])),
        None => rest.strip_suffix(":*").map(|group| (group, Kind::Any, "*")),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, group, kind, name } = self;
        match kind {
            Kind::Any if name.as_ref() == "*" => write!(f, "{namespace}:{group}:*"),
            Kind::Any => write!(f, "{namespace}:{group}:*/{name}"),
            Kind::Naming => write!(f, "{namespace}:{group}:naming/{name}"),
            Kind::Config => write!(f, "{namespace}:{group}:config/{name}"),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service<'a>(namespace: &'a str, group: &'a str, name: &'a str) -> Resource<'a> {
        Resource::Service { namespace, group, name }
    }

    fn config<'a>(namespace: &'a str, group: &'a str, name: &'a str) -> Resource<'a> {
        Resource::Configuration { namespace, group, name }
    }

    fn matches(pattern: &str, resource: &Resource<'_>) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(resource)
    }

    #[test]
    fn a_namespace_is_granted_and_no_other() {
        for resource in [service("a", "G", "x"), config("a", "G", "x"), config("a", "", "")] {
            assert!(matches("a:*:*", &resource), "{resource}");
            assert!(!matches("b:*:*", &resource), "{resource}");
            assert!(matches("*:*:*", &resource) && matches("*", &resource), "{resource}");
        }
        assert!(
            matches(":*:*", &service("", "G", "x")) && matches("public:*:*", &config("", "G", "x"))
        );
        assert!(!matches(":*:*", &service("a", "G", "x")));
    }

    #[test]
    fn nothing_in_a_pattern_but_the_star_is_special() {
        assert!(matches("a:G:config/x.y", &config("a", "G", "x.y")));
        assert!(!matches("a:G:config/x.y", &config("a", "G", "xzy")), "a dot is a dot");
        for pattern in ["a:G:config/.+", "a:G:config/[a-z]", "a:G:config/x|y", "a:G:config/(x)"] {
            assert!(!matches(pattern, &config("a", "G", "x")), "{pattern}");
        }
        assert!(matches("a:G:config/app-*.yaml", &config("a", "G", "app-1.yaml")));
        assert!(!matches("a:G:config/app-*.yaml", &config("a", "G", "app-1.yaml.bak")));
        assert!(!matches("a:G:config/app", &config("a", "G", "app2")), "not a prefix");
        assert!(!matches("a:G:config/app", &service("a", "G", "app")), "not another type");
        let (stars, text) = ("*a".repeat(100), "a".repeat(200) + "b");
        assert!(!wild(&stars, &text), "no pattern takes for ever");
    }

    #[test]
    fn listing_needs_all_of_what_is_listed() {
        assert!(!matches("a:G:config/app-*", &config("a", "G", "")));
        assert!(!matches("a:G:config/*", &config("a", "", "")));
        assert!(matches("a:G:config/*", &config("a", "G", "")));
        assert!(!matches("a:*:*", &Resource::Services) && matches("*:*:*", &Resource::Services));
    }

    #[test]
    fn what_has_no_name_in_a_namespace_is_never_granted() {
        for resource in [Resource::Access, Resource::Node, Resource::Routes, Resource::Clients] {
            assert!(!matches("*:*:*", &resource), "{resource}");
        }
        let everything = Grant::new("*:*:*", Rights::ReadWrite).unwrap();
        assert!(!everything.allows(Action::Administer, &service("a", "G", "x")));
    }

    #[test]
    fn rights_are_what_they_say() {
        let may = |rights: Rights| {
            let grant = Grant::new("a:*:*", rights).unwrap();
            let on = service("a", "G", "x");
            [Action::Read, Action::Register, Action::Operate].map(|it| grant.allows(it, &on))
        };
        assert_eq!(may(Rights::Read), [true, false, false]);
        assert_eq!(may(Rights::Write), [false, true, true]);
        assert_eq!(may(Rights::ReadWrite), [true, true, true]);
        assert_eq!(
            ["r", "w", "rw"].map(|it| Rights::parse(it).unwrap().as_str()),
            ["r", "w", "rw"]
        );
        assert_eq!(Rights::parse("x").or(Rights::parse("")), None);
    }

    #[test]
    fn the_default_group_has_two_names_for_services_alone() {
        assert!(matches("public:DEFAULT_GROUP:naming/x", &service("public", "default", "x")));
        assert!(matches("public:default:naming/x", &service("public", "default", "x")));
        assert!(!matches("public:DEFAULT_GROUP:*", &config("public", "default", "x")));
        assert!(!matches("public:OTHER:naming/x", &service("public", "default", "x")));
    }

    #[test]
    fn forms_are_read_and_written_the_same() {
        for (text, normal) in [
            ("public:*:*", "public:*:*"),
            (":*:*", "public:*:*"),
            ("*", "*:*:*"),
            ("a:*", "a:*:*"),
            ("a:G:naming/x", "a:G:naming/x"),
            ("a:g:h:config/x:y", "a:g:h:config/x:y"),
            ("a::config/", "a:*:config/*"),
            ("a:G:*/x", "a:G:*/x"),
        ] {
            let pattern: Pattern = text.parse().unwrap();
            assert_eq!(pattern.to_string(), normal);
            assert_eq!(normal.parse::<Pattern>().unwrap(), pattern);
        }
        let long = format!("a:G:config/{}", "x".repeat(PATTERN_BYTES_MAX));
        for text in
            ["", "a", "a:b", "a:b:c", "a:b:other/x", "console/users", "a:G:config/\n", &long]
        {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
    }

    /// What `wild` is, said the slow way.
    fn slowly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                slowly(rest, text) || !text.is_empty() && slowly(pattern, &text[1..])
            }
            (Some((one, rest)), Some((other, more))) => one == other && slowly(rest, more),
            _ => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn stars_mean_any_text(pattern in "[ab*]{0,8}", text in "[ab*]{0,8}") {
            assert_eq!(wild(&pattern, &text), slowly(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn any_text_is_read_or_refused(
            text in ".{0,40}|[a*:/]{0,20}|[a*]:[a*:]{1,3}:(config|naming|\\*)/.?",
        ) {
            if let Ok(pattern) = text.parse::<Pattern>() {
                let normal = pattern.to_string();
                assert_eq!(normal.parse::<Pattern>().as_ref(), Ok(&pattern), "{normal}");
                assert!(!pattern.matches(&Resource::Access));
            }
        }
    }
}
