//! What names, addresses and metadata may look like, with the real server's rules and words
//! (its `ParamCheckRule` and `NamingUtils.checkInstanceIsLegal`).

use super::form::InstanceForm;
use super::instance::{Times, pairs};
use super::key::GROUP_SEPARATOR;
use crate::limits::{
    CLUSTER_CHARS_MAX, GROUP_CHARS_MAX, IP_CHARS_MAX, METADATA_CHARS_MAX, NAMESPACE_CHARS_MAX,
    SERVICE_CHARS_MAX,
};
use crate::{Code, Problem};

/// What is wrong with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Longer than so many characters.
    Long(usize),
    /// A character that may not be in it.
    Characters,
}

/// Checks namespace, group, name and a comma-separated list of clusters; blank ones are absent.
///
/// # Errors
/// The real server's sentence about the first that is wrong.
pub fn check_names(
    namespace: &str,
    group: &str,
    name: &str,
    clusters: &str,
) -> Result<(), Problem> {
    let namespace_ok = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    let group_ok = |it: char| it.is_ascii_alphanumeric() || "-_:.".contains(it);
    check("namespaceId/tenant", namespace, NAMESPACE_CHARS_MAX, namespace_ok)?;
    check("serviceName", name, SERVICE_CHARS_MAX, is_plain)?;
    if name.starts_with('@') || name.contains(GROUP_SEPARATOR) {
        return Err(invalid("serviceName", Fault::Characters));
    }
    check("group", group, GROUP_CHARS_MAX, group_ok)?;
    clusters.split(',').try_for_each(check_cluster)
}

/// Checks an instance as a client says it.
///
/// # Errors
/// The real server's sentence about the first value that is wrong.
pub fn check_form(form: &InstanceForm) -> Result<(), Problem> {
    check_cluster(&form.cluster)?;
    if form.ip.trim().is_empty() {
        let message = "Param 'ip' is required.";
        return Err(Problem::new(400, Code::ParameterMissing, message));
    }
    check("ip", &form.ip, IP_CHARS_MAX, is_plain)?;
    let parts = form.metadata.iter().flat_map(|(key, value)| [key, value]);
    let chars: usize = parts.filter(|part| !part.trim().is_empty()).map(|part| utf16(part)).sum();
    if chars > METADATA_CHARS_MAX {
        return Err(invalid("Metadata", Fault::Long(METADATA_CHARS_MAX)));
    }
    if !(0.0..=10_000.0).contains(&form.weight) {
        let message = "instance format invalid: The weights range from 0.0 to 10000.0";
        return Err(Problem::new(400, Code::Weight, message));
    }
    let times = Times::of(pairs(&form.metadata));
    if times.timeout_ms < times.interval_ms || times.delete_ms < times.interval_ms {
        let message = "Instance 'heart beat interval' must less than 'heart beat timeout' and \
                       'ip delete timeout'.";
        return Err(Problem::new(400, Code::Instance, message));
    }
    Ok(())
}

fn check_cluster(cluster: &str) -> Result<(), Problem> {
    let ok = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    check("cluster", cluster, CLUSTER_CHARS_MAX, ok)
}

fn check(what: &str, text: &str, most: usize, ok: impl Fn(char) -> bool) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Ok(());
    }
    if text.len() > most && utf16(text) > most {
        return Err(invalid(what, Fault::Long(most)));
    }
    if text.chars().all(ok) { Ok(()) } else { Err(invalid(what, Fault::Characters)) }
}

fn invalid(what: &str, fault: Fault) -> Problem {
    let why = match fault {
        Fault::Characters => "illegal characters should not appear in the param.".to_owned(),
        Fault::Long(most) => format!("the param length should not exceed {most}."),
    };
    Problem::new(400, Code::ParameterInvalid, format!("Param '{what}' is illegal, {why}"))
}

/// Neither a CJK ideograph nor white space as Java's `\s` has it. Other control characters are
/// none of a name either: the catalog refuses them.
fn is_plain(it: char) -> bool {
    !('\u{4e00}'..='\u{9fa5}').contains(&it) && it != ' ' && !it.is_control()
}

/// Length as Java counts it.
fn utf16(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(result: Result<(), Problem>, words: &str) {
        let problem = result.unwrap_err();
        assert_eq!(problem.status, 400);
        assert!(problem.message.contains(words), "{problem}");
    }

    #[test]
    fn names() {
        let long = |chars: usize| "n".repeat(chars);
        assert_eq!(check_names("", "", "s", ""), Ok(()));
        assert_eq!(check_names(&long(64), &long(128), &long(512), &long(64)), Ok(()));
        assert_eq!(check_names("a-b_c", "a:b.c-d_e", "providers:x.Y:1.0.0:", "a,b-c,d_e"), Ok(()));
        refused(check_names(&long(65), "", "s", ""), "'namespaceId/tenant' is illegal, the param");
        refused(check_names("", &long(129), "s", ""), "length should not exceed 128.");
        refused(check_names("", "", &long(513), ""), "length should not exceed 512.");
        refused(check_names("", "", "s", &long(65)), "length should not exceed 64.");
        for name in ["j bad", "@s", "a@@b", "服务", "a\tb", "a\0b"] {
            refused(check_names("", "", name, ""), "Param 'serviceName' is illegal, illegal");
        }
        refused(check_names("a b", "", "s", ""), "Param 'namespaceId/tenant' is illegal");
        refused(check_names("", "a@b", "s", ""), "Param 'group' is illegal");
        refused(check_names("", "", "s", "a,b#"), "Param 'cluster' is illegal");
    }

    #[test]
    fn instances() {
        let form = InstanceForm { ip: "10.0.0.1".into(), ..InstanceForm::default() };
        assert_eq!(check_form(&form), Ok(()));
        let with = |change: fn(&mut InstanceForm)| {
            let mut form = form.clone();
            change(&mut form);
            check_form(&form)
        };
        let pair = |key: &str, value: String| (key.to_owned(), value);
        refused(with(|form| form.ip = " ".into()), "Param 'ip' is required.");
        refused(with(|form| form.ip = "not an ip".into()), "Param 'ip' is illegal");
        refused(with(|form| form.ip = "1".repeat(129)), "length should not exceed 128.");
        refused(with(|form| form.cluster = "a,b".into()), "Param 'cluster' is illegal");
        for weight in [-1.0, 10_000.1, f64::NAN] {
            let wrong = InstanceForm { weight, ..form.clone() };
            refused(check_form(&wrong), "The weights range from 0.0 to 10000.0");
        }
        let metadata = vec![pair("k", "v".repeat(1_023))];
        assert_eq!(check_form(&InstanceForm { metadata, ..form.clone() }), Ok(()));
        let metadata = vec![pair("k", "v".repeat(1_024))];
        refused(check_form(&InstanceForm { metadata, ..form.clone() }), "'Metadata' is illegal");
        let metadata = vec![pair("preserved.heart.beat.interval", "20000".into())];
        refused(check_form(&InstanceForm { metadata, ..form }), "must less than");
    }
}
