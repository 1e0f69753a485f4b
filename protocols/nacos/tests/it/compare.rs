//! Compares our answers with recorded ones, after taking out what varies between runs.

use serde_json::Value;

use crate::client::Response;
use crate::golden_http::Recorded;

/// The first difference, if there is one.
pub(crate) fn difference(recorded: &Recorded, ours: Option<&Response>) -> Option<String> {
    let Some(ours) = ours else {
        return (recorded.status != 0).then(|| "no answer".to_owned());
    };
    if ours.status != recorded.status {
        let text: String = ours.text().chars().take(400).collect();
        return Some(format!("status {} instead of {}: {text}", ours.status, recorded.status));
    }
    headers(recorded, ours).or_else(|| body(recorded, &ours.text()))
}

fn headers(recorded: &Recorded, ours: &Response) -> Option<String> {
    const COMPARED: [&str; 6] = [
        "content-type",
        "content-md5",
        "config-type",
        "content-disposition",
        "last-modified",
        "encrypted-data-key",
    ];
    let shown = |name: &str, value: Option<&str>| {
        let value = value?;
        Some(match name {
            "last-modified" => "a date".to_owned(),
            "content-disposition" => value.replace(|it: char| it.is_ascii_digit(), "0"),
            _ => value.to_owned(),
        })
    };
    COMPARED.iter().find_map(|name| {
        let expected = recorded.headers.iter().find(|(it, _)| it == name);
        let expected = shown(name, expected.map(|(_, value)| value.as_str()));
        let found = shown(name, ours.header(name));
        (found != expected).then(|| format!("{name} is {found:?} instead of {expected:?}"))
    })
}

fn body(recorded: &Recorded, ours: &str) -> Option<String> {
    let expected = recorded.body.as_str();
    if expected.starts_with("(an HTML page)") || expected.starts_with("(552 bytes") {
        return None;
    }
    let parsed = (serde_json::from_str::<Value>(expected), serde_json::from_str::<Value>(ours));
    if let (Ok(expected), Ok(ours)) = parsed {
        let (expected, ours) = (normal("", expected), normal("", ours));
        return first_difference("", &expected, &ours);
    }
    let same = if recorded.cut { ours.starts_with(expected) } else { ours == expected };
    (!same).then(|| format!("body {ours:?}\ninstead of {expected:?}"))
}

/// Takes out what varies: times, identifiers, the order of lists.
fn normal(name: &str, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let value = normal(&name, value);
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|it| normal("", it)).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Null => Value::Null,
        other if varies(name) => match other {
            Value::Number(_) => 1.into(),
            _ => "varies".into(),
        },
        other => other,
    }
}

fn varies(name: &str) -> bool {
    const VARYING: [&str; 10] = [
        "timestamp",
        "lastRefTime",
        "lastRefreshTime",
        "createTime",
        "modifyTime",
        "lastModified",
        "lastModifiedTime",
        "createdTime",
        "server_port",
        "id",
    ];
    VARYING.contains(&name)
}

fn first_difference(at: &str, expected: &Value, ours: &Value) -> Option<String> {
    match (expected, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let at = format!("{at}.{name}");
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => first_difference(&at, a, b),
                    (Some(a), None) => Some(format!("{at} is missing, was {a}")),
                    (None, Some(b)) => Some(format!("{at} is {b} and was missing")),
                    (None, None) => None,
                }
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs
                .into_iter()
                .find_map(|(number, (a, b))| first_difference(&format!("{at}[{number}]"), a, b))
        }
        // Java writes whole floats with a fraction.
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        (a, b) => (a != b).then(|| format!("{at} is {b} instead of {a}")),
    }
}
