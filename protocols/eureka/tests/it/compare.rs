//! Compares our answers with recorded ones, after taking out what varies between runs.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::client::Response;
use crate::golden::{Case, Expected};

/// Client clocks in the transcript are old; one that is newer was made up by the server.
const DIRTY_MADE_UP_FROM: i64 = 1_790_000_000_000;

/// The first difference, if there is one. `recorded` is the whole body expected, for a case that
/// only refers to another one's.
pub(crate) fn difference(case: &Case, recorded: Option<&str>, ours: &Response) -> Option<String> {
    if case.status != ours.status {
        return Some(format!("status {} instead of {}", ours.status, case.status));
    }
    headers(case, ours).or_else(|| body(case, recorded, &ours.text()))
}

fn headers(case: &Case, ours: &Response) -> Option<String> {
    const NOT_SHOWN: [&str; 3] = ["date", "connection", "content-length"];
    let mut shown: Vec<_> = ours
        .headers
        .iter()
        .filter(|(name, _)| !NOT_SHOWN.contains(&name.as_str()))
        .filter(|(name, value)| !(name == "content-type" && value == "application/json"))
        .cloned()
        .collect();
    let mut expected = case.response_headers.clone();
    shown.sort();
    expected.sort();
    (shown != expected).then(|| format!("headers {shown:?} instead of {expected:?}"))
}

fn body(case: &Case, recorded: Option<&str>, ours: &str) -> Option<String> {
    let delta = case.path.contains("/delta");
    if let Some(reason) = &case.reason {
        let path = case.path.split('?').next().unwrap_or_default();
        let expected = format!(
            r#"{{"timestamp":"","status":{},"error":"{reason}","path":"{path}"}}"#,
            case.status
        );
        return text_difference(&expected, ours, delta);
    }
    match (&case.body, recorded) {
        (_, Some(recorded)) => text_difference(recorded, ours, delta),
        (Expected::Empty, _) => (!ours.is_empty()).then(|| format!("a body: {ours}")),
        (Expected::Whole(expected), _) => text_difference(expected, ours, delta),
        (Expected::Begins(begin), _) => {
            let (begin, ours) = (masked(begin, delta), masked(ours, delta));
            (!ours.starts_with(&begin)).then(|| format!("{ours:.300}\ndoes not begin {begin}"))
        }
        (Expected::Fields(fields), _) => fields_difference(fields, ours),
        (Expected::SameAs(_), None) => panic!("case {} refers to no case", case.number),
    }
}

fn text_difference(expected: &str, ours: &str, delta: bool) -> Option<String> {
    let (expected, ours) = match (parse(expected), parse(ours)) {
        (Some(expected), Some(ours)) => {
            (format!("{:?}", expected.normal(delta)), format!("{:?}", ours.normal(delta)))
        }
        (None, None) => (masked(expected, delta), masked(ours, delta)),
        _ => (expected.to_owned(), ours.to_owned()),
    };
    (expected != ours).then(|| format!("body {ours}\ninstead of {expected}"))
}

fn fields_difference(fields: &str, ours: &str) -> Option<String> {
    let Some(Json::Object(fields)) = parse(fields) else { panic!("`?` needs an object: {fields}") };
    let Some(Json::Object(wrapped)) = parse(ours) else { return Some(format!("body {ours}")) };
    let Some((_, Json::Object(instance))) = wrapped.into_iter().next() else {
        return Some(format!("body {ours}"));
    };
    fields.into_iter().find_map(|(name, expected)| {
        let found = instance.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let found = found.map(|found| found.normal_at(&name, false));
        let expected = match expected {
            Json::Text(text) if text == "(absent)" => None,
            expected => Some(expected.normal_at(&name, false)),
        };
        (found != expected).then(|| format!("{name} is {found:?} instead of {expected:?}"))
    })
}

/// A JSON value that keeps the order of members.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn parse(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok()
}

impl Json {
    fn normal(self, delta: bool) -> Json {
        self.normal_at("", delta)
    }

    /// Takes out what varies: times, the order of applications, instances and metadata, and the
    /// version of a delta.
    fn normal_at(self, name: &str, delta: bool) -> Json {
        match self {
            Json::Object(members) => {
                let mut members: Vec<_> = members
                    .into_iter()
                    .map(|(name, value)| {
                        let value = value.normal_at(&name, delta);
                        (name, value)
                    })
                    .collect();
                if name == "metadata" {
                    members.sort_by(|a, b| a.0.cmp(&b.0));
                }
                Json::Object(members)
            }
            Json::Array(items) => {
                let mut items: Vec<_> = items.into_iter().map(|it| it.normal(delta)).collect();
                if name == "application" || name == "instance" {
                    items.sort_by(|a, b| a.partial_cmp(b).expect("no floats"));
                }
                Json::Array(items)
            }
            other if varies(name, &other, delta) => match other {
                Json::Text(_) => Json::Text("varies".to_owned()),
                _ => Json::Number(1),
            },
            other => other,
        }
    }
}

fn varies(name: &str, value: &Json, delta: bool) -> bool {
    match name {
        "registrationTimestamp"
        | "lastRenewalTimestamp"
        | "serviceUpTimestamp"
        | "timestamp"
        | "lastUpdatedTimestamp" => true,
        "evictionTimestamp" => *value != Json::Number(0),
        "versions__delta" => delta,
        "lastDirtyTimestamp" => match value {
            Json::Text(text) => text.parse::<i64>().is_ok_and(|it| it >= DIRTY_MADE_UP_FROM),
            _ => false,
        },
        _ => false,
    }
}

/// Text with the varying XML elements and JSON members blanked, and metadata lines sorted.
fn masked(text: &str, delta: bool) -> String {
    let mut text = text.to_owned();
    let mut marks = vec![
        ("<registrationTimestamp>", "<"),
        ("<lastRenewalTimestamp>", "<"),
        ("<serviceUpTimestamp>", "<"),
        ("<lastUpdatedTimestamp>", "<"),
        ("<timestamp>", "<"),
    ];
    if delta {
        marks.push(("<versions__delta>", "<"));
        marks.push(("\"versions__delta\":\"", "\""));
    }
    for (before, after) in marks {
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split(before);
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            out.push_str(before);
            out.push_str(part.find(after).map_or(part, |end| &part[end..]));
        }
        text = out;
    }
    mask_dirty(&sorted_metadata(&text))
}

fn mask_dirty(text: &str) -> String {
    let made_up = |line: &str| {
        let inside = line.trim().strip_prefix("<lastDirtyTimestamp>")?;
        let number: i64 = inside.strip_suffix("</lastDirtyTimestamp>")?.parse().ok()?;
        (number >= DIRTY_MADE_UP_FROM).then_some(())
    };
    let lines = text.split('\n').map(|line| made_up(line).map_or(line, |()| "made up"));
    lines.collect::<Vec<_>>().join("\n")
}

fn sorted_metadata(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let mut begin = None;
    for at in 0..lines.len() {
        match (lines[at].trim(), begin) {
            ("<metadata>", _) => begin = Some(at + 1),
            ("</metadata>", Some(from)) => {
                lines[from..at].sort_unstable();
                begin = None;
            }
            _ => {}
        }
    }
    lines.join("\n")
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("any JSON without fractions")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Number(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Number(i64::try_from(value).unwrap_or(i64::MAX)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Json::Array(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        from.deserialize_any(Any)
    }
}
