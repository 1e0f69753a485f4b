//! The names that a call uses, in one place: what a caller's rights are decided on and what the
//! call then touches must never differ.

use super::ask::Ask;
use super::style::Style;
use crate::access::{Names, Rule, Scope};
use crate::codec::form::Form;

/// Of those who name none.
pub(super) const DEFAULT_GROUP: &str = "DEFAULT_GROUP";
/// Of those who name none.
pub(super) const PUBLIC: &str = "public";

/// The service that parameters name. A group in the name wins over the parameter.
pub(super) fn service<'a>(form: &'a Form<'_>) -> Names<'a> {
    let namespace = namespace(form);
    let group = form.filled("groupName");
    match form.filled("serviceName") {
        Some(name) => match name.split_once("@@") {
            Some((group, name)) => {
                let group = if group.is_empty() { DEFAULT_GROUP } else { group };
                Names { namespace, group, name }
            }
            None => Names { namespace, group: group.unwrap_or(DEFAULT_GROUP), name },
        },
        None => Names { namespace, group: group.unwrap_or_default(), name: "" },
    }
}

/// The configuration that parameters name. Archives, copies and lists of identifiers are about all
/// of the namespace, whatever else they say. A search names what it looks for: whatever `*` may
/// stand for in it, a pattern of rights that covers the text covers all that is found.
pub(super) fn configuration<'a>(form: &'a Form<'_>) -> Names<'a> {
    let namespace = namespace(form);
    let many = ["export", "exportV2", "import", "clone", "ids", "delType"];
    if many.iter().any(|name| form.filled(name).is_some()) {
        return Names { namespace, group: "", name: "" };
    }
    let group = ["group", "groupName"].iter().find_map(|name| form.filled(name));
    let name = form.filled("dataId").unwrap_or_default();
    Names { namespace, group: group.unwrap_or_default(), name }
}

/// The namespace that parameters name; blank is [`PUBLIC`].
pub(super) fn namespace<'a>(form: &'a Form<'_>) -> &'a str {
    let named = ["namespaceId", "tenant", "namespace"].iter().find_map(|name| form.filled(name));
    named.unwrap_or(PUBLIC)
}

impl Ask<'_> {
    /// The names that the route's rule is about.
    pub(super) fn names(&self) -> Names<'_> {
        match self.route.rule {
            Rule::Needs(_, Scope::Configuration) | Rule::Each(_, Scope::Configuration) => {
                configuration(&self.form)
            }
            _ => service(&self.form),
        }
    }

    /// How the public namespace is written in answers of this generation.
    pub(super) fn written<'n>(&self, namespace: &'n str) -> &'n str {
        match self.style() {
            Style::V3 => namespace,
            _ if namespace == PUBLIC => "",
            _ => namespace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(query: &str, read: for<'a> fn(&'a Form<'_>) -> Names<'a>) -> String {
        let form = Form::read(Some(query), None).expect("a form");
        let Names { namespace, group, name } = read(&form);
        format!("{namespace}:{group}:{name}")
    }

    #[test]
    fn a_group_in_the_name_wins() {
        for (query, expected) in [
            ("serviceName=a", "public:DEFAULT_GROUP:a"),
            ("serviceName=G@@a&groupName=H&namespaceId=n", "n:G:a"),
            ("serviceName=a&groupName=H&namespaceId=", "public:H:a"),
            ("serviceName=@@a", "public:DEFAULT_GROUP:a"),
            ("groupName=H", "public:H:"),
            ("", "public::"),
        ] {
            assert_eq!(named(query, service), expected, "{query}");
        }
    }

    #[test]
    fn what_is_about_many_is_about_all() {
        for (query, expected) in [
            ("dataId=a&group=G&tenant=n", "n:G:a"),
            ("dataId=a&groupName=G", "public:G:a"),
            ("dataId=a*&group=G&search=blur", "public:G:a*"),
            ("dataId=&group=&search=blur", "public::"),
            ("ids=1,2&tenant=n&dataId=a&group=G", "n::"),
            ("exportV2=true&group=G", "public::"),
        ] {
            assert_eq!(named(query, configuration), expected, "{query}");
        }
    }
}
