//! The check of parameters that comes before every call, with the real server's rules and words.
//!
//! A parameter that is absent is nobody's business here; the call itself says what it needs.

use crate::codec::form::Form;

/// Which parameters a route's check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checks {
    /// None.
    None,
    /// Namespace, service, group, cluster, address, metadata.
    Naming,
    /// Namespace, data id, group.
    Config,
    /// The same, where `*` stands for any text in data id and group.
    ConfigSearch,
    /// Namespaces alone.
    Namespaces,
}

type Rule = fn(&str) -> Result<(), Fault>;

enum Fault {
    /// Of the group within a name.
    Group(Box<Fault>),
    Characters,
    Length(usize),
    Range,
}

const NAMING: &[(&str, &str, Rule)] = &[
    ("namespaceId", NAMESPACE, namespace),
    ("serviceName", "serviceName", grouped_service),
    ("groupName", "group", group),
    ("clusterName", "cluster", cluster),
    ("cluster", "cluster", cluster),
    ("clusters", "cluster", clusters),
    ("ip", "ip", ip),
    ("port", "port", port),
    ("metadata", "Metadata", metadata),
];

const CONFIG: &[(&str, &str, Rule)] = &[
    ("tenant", NAMESPACE, namespace),
    ("namespaceId", NAMESPACE, namespace),
    ("dataId", "dataId", data_id),
    ("group", "group", group),
    ("groupName", "group", group),
];

const CONFIG_SEARCH: &[(&str, &str, Rule)] = &[
    ("tenant", NAMESPACE, namespace),
    ("namespaceId", NAMESPACE, namespace),
    ("dataId", "dataId", data_id_pattern),
    ("group", "group", group_pattern),
    ("groupName", "group", group_pattern),
];

const NAMESPACES: &[(&str, &str, Rule)] = &[
    ("namespaceName", "namespaceShowName", show_name),
    ("namespaceShowName", "namespaceShowName", show_name),
    ("namespaceId", NAMESPACE, namespace),
    ("customNamespaceId", NAMESPACE, namespace),
    ("namespace", NAMESPACE, namespace),
];

const NAMESPACE: &str = "namespaceId/tenant";

/// Checks every parameter that is there.
///
/// # Errors
/// The sentence of the real server for the first one that breaks its rule.
pub(super) fn check(checks: Checks, form: &Form<'_>) -> Result<(), String> {
    let rules = match checks {
        Checks::None => return Ok(()),
        Checks::Naming => NAMING,
        Checks::Config if form.filled("search").is_some() => CONFIG_SEARCH,
        Checks::Config => CONFIG,
        Checks::ConfigSearch => CONFIG_SEARCH,
        Checks::Namespaces => NAMESPACES,
    };
    for (name, value) in form.iter().filter(|(_, value)| !value.is_empty()) {
        let Some((_, label, rule)) = rules.iter().find(|(it, ..)| *it == name) else { continue };
        rule(value).map_err(|fault| sentence(label, &fault))?;
    }
    Ok(())
}

fn sentence(label: &str, fault: &Fault) -> String {
    let why = match fault {
        Fault::Group(fault) => return sentence("group", fault),
        Fault::Characters => "illegal characters should not appear in the param.".to_owned(),
        Fault::Length(most) => format!("the param length should not exceed {most}."),
        Fault::Range => "the value should be between 0 and 65535.".to_owned(),
    };
    format!("Param '{label}' is illegal, {why}")
}

fn rule(text: &str, most: usize, allowed: impl Fn(char) -> bool) -> Result<(), Fault> {
    // Length in UTF-16 units, as Java counts.
    if text.len() > most && text.encode_utf16().count() > most {
        return Err(Fault::Length(most));
    }
    if text.chars().all(allowed) { Ok(()) } else { Err(Fault::Characters) }
}

fn is_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

fn is_foreign(it: char) -> bool {
    // CJK ideographs, and what Java's `\s` matches.
    ('\u{4e00}'..='\u{9fa5}').contains(&it) || matches!(it, ' ' | '\t'..='\r')
}

fn namespace(text: &str) -> Result<(), Fault> {
    rule(text, 64, |it| is_word(it) || it == '-')
}

fn show_name(text: &str) -> Result<(), Fault> {
    rule(text, 256, |it| !"@#$%^&*".contains(it))
}

fn data_id(text: &str) -> Result<(), Fault> {
    rule(text, 256, |it| is_word(it) || "-:.".contains(it))
}

fn group(text: &str) -> Result<(), Fault> {
    rule(text, 128, |it| is_word(it) || "-:.".contains(it))
}

fn data_id_pattern(text: &str) -> Result<(), Fault> {
    rule(text, 256, |it| is_word(it) || "-:.*".contains(it))
}

fn group_pattern(text: &str) -> Result<(), Fault> {
    rule(text, 128, |it| is_word(it) || "-:.*".contains(it))
}

/// `GROUP@@name`, or the name alone.
fn grouped_service(text: &str) -> Result<(), Fault> {
    match text.split_once("@@") {
        Some((of, name)) => {
            service(name)?;
            group(of).map_err(|fault| Fault::Group(Box::new(fault)))
        }
        None => service(text),
    }
}

fn service(text: &str) -> Result<(), Fault> {
    if text.starts_with('@') || text.contains("@@") {
        return Err(Fault::Characters);
    }
    rule(text, 512, |it| !is_foreign(it))
}

fn clusters(text: &str) -> Result<(), Fault> {
    text.split(',').try_for_each(cluster)
}

fn cluster(text: &str) -> Result<(), Fault> {
    rule(text, 64, |it| is_word(it) || it == '-')
}

fn ip(text: &str) -> Result<(), Fault> {
    rule(text, 128, |it| !is_foreign(it))
}

fn port(text: &str) -> Result<(), Fault> {
    match text.parse::<u16>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::Range),
    }
}

fn metadata(text: &str) -> Result<(), Fault> {
    rule(text, METADATA_TEXT_MAX, |_| true)
}

/// As the real server has it for keys and values together; the text around them gets some room.
const METADATA_TEXT_MAX: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(checks: Checks, name: &str, value: &str) -> Option<String> {
        let mut query = format!("{name}=");
        crate::codec::form::encode(value, &mut query);
        check(checks, &Form::read(Some(&query), None).expect("a form")).err()
    }

    #[test]
    fn every_rule_refuses_with_the_real_words() {
        let characters = "illegal characters should not appear in the param.";
        for (checks, name, value, label) in [
            (Checks::Naming, "serviceName", "a b", "serviceName"),
            (Checks::Naming, "serviceName", "中", "serviceName"),
            (Checks::Naming, "serviceName", "a b@@c@@d", "serviceName"),
            (Checks::Naming, "serviceName", "G@@@x", "serviceName"),
            (Checks::Naming, "serviceName", "a b@@c", "group"),
            (Checks::Naming, "groupName", "a/b", "group"),
            (Checks::Naming, "namespaceId", "a.b", "namespaceId/tenant"),
            (Checks::Naming, "clusterName", "a,b", "cluster"),
            (Checks::Naming, "clusters", "a,b c", "cluster"),
            (Checks::Naming, "ip", "not an ip", "ip"),
            (Checks::Config, "dataId", "a b/c", "dataId"),
            (Checks::Config, "group", "ä", "group"),
            (Checks::Config, "tenant", "a b", "namespaceId/tenant"),
            (Checks::Config, "dataId", "a*", "dataId"),
            (Checks::ConfigSearch, "dataId", "a b*", "dataId"),
            (Checks::ConfigSearch, "group", "a/*", "group"),
            (Checks::Namespaces, "customNamespaceId", "a b", "namespaceId/tenant"),
            (Checks::Namespaces, "namespaceName", "a@b", "namespaceShowName"),
        ] {
            let expected = format!("Param '{label}' is illegal, {characters}");
            assert_eq!(checked(checks, name, value), Some(expected), "{name}={value}");
        }
        for value in ["-1", "x", "65536", "70000", "1.5"] {
            let expected = "Param 'port' is illegal, the value should be between 0 and 65535.";
            assert_eq!(checked(Checks::Naming, "port", value).as_deref(), Some(expected));
        }
    }

    #[test]
    fn lengths_are_limited() {
        for (checks, name, label, most) in [
            (Checks::Naming, "namespaceId", "namespaceId/tenant", 64),
            (Checks::Naming, "serviceName", "serviceName", 512),
            (Checks::Naming, "groupName", "group", 128),
            (Checks::Naming, "clusterName", "cluster", 64),
            (Checks::Naming, "ip", "ip", 128),
            (Checks::Naming, "metadata", "Metadata", METADATA_TEXT_MAX),
            (Checks::Config, "dataId", "dataId", 256),
            (Checks::Namespaces, "namespaceName", "namespaceShowName", 256),
        ] {
            assert_eq!(checked(checks, name, &"a".repeat(most)), None, "{name}");
            let expected =
                format!("Param '{label}' is illegal, the param length should not exceed {most}.");
            assert_eq!(checked(checks, name, &"a".repeat(most + 1)), Some(expected), "{name}");
        }
    }

    #[test]
    fn what_clients_send_passes() {
        for (name, value) in [
            ("serviceName", "providers:com.acme.Service:1.0.0:g"),
            ("serviceName", "DEFAULT_GROUP@@some.service-1"),
            ("serviceName", "GG@@"),
            ("clusters", "c1,c2,"),
            ("ip", "some.host"),
            ("ip", "fe80::1"),
            ("port", "0"),
            ("port", ""),
            ("namespaceId", ""),
            ("unknown", "a b"),
        ] {
            assert_eq!(checked(Checks::Naming, name, value), None, "{name}={value}");
        }
        assert_eq!(checked(Checks::ConfigSearch, "dataId", "a*b"), None);
    }
}
