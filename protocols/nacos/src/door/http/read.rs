//! Values inside parameters: metadata in its two forms, JSON of beats, lists of instances.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::ask::{Ask, start};
use super::names::PUBLIC;
use super::refusal::Refusal;
use crate::map::{InstanceForm, key};
use crate::naming::Target;
use crate::problem::Code;
use rialto_catalog::ServiceKey;

/// Pairs in their order.
pub(super) type Pairs = Vec<(String, String)>;

/// A JSON object whose values are texts, or scalars that are taken as texts.
#[derive(Debug, Default)]
struct Map(Pairs);

/// Which instance a call means, kept for work that comes later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnedTarget {
    pub(super) ip: String,
    pub(super) port: u16,
    pub(super) cluster: String,
}

impl OwnedTarget {
    pub(super) fn borrow(&self) -> Target<'_> {
        Target { ip: &self.ip, port: self.port, cluster: &self.cluster }
    }
}

/// The content of parameter `beat`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Beat {
    pub(super) ip: String,
    pub(super) port: u16,
    pub(super) cluster: Option<String>,
    weight: f64,
    metadata: Option<Map>,
}

impl Default for Beat {
    fn default() -> Self {
        Beat { ip: String::new(), port: 0, cluster: None, weight: 1.0, metadata: None }
    }
}

impl Beat {
    /// The instance that it registers when it is unknown.
    pub(super) fn into_form(self, cluster: &str) -> InstanceForm {
        InstanceForm {
            ip: self.ip,
            port: self.port,
            weight: self.weight,
            cluster: cluster.to_owned(),
            metadata: self.metadata.unwrap_or_default().0,
            ..InstanceForm::default()
        }
    }
}

impl Ask<'_> {
    /// The service that the call names.
    pub(super) fn service(&self) -> Result<ServiceKey, Refusal> {
        self.need("serviceName")?;
        let names = self.names();
        Ok(key(names.namespace, names.group, names.name)?)
    }

    /// The address that the call names. A port that is none was refused before.
    pub(super) fn target(&self, cluster: Option<&str>) -> Result<Target<'_>, Refusal> {
        let ip = self.need("ip")?;
        self.need("port")?;
        let port = self.number("port")?.unwrap_or_default();
        let cluster = cluster.and_then(|name| self.get(name)).or_else(|| match cluster {
            Some(_) => None,
            None => self.any(&["clusterName", "cluster"]),
        });
        Ok(Target { ip, port, cluster: cluster.unwrap_or_default() })
    }

    /// The same, kept.
    pub(super) fn owned_target(&self) -> Result<OwnedTarget, Refusal> {
        let Target { ip, port, cluster } = self.target(None)?;
        Ok(OwnedTarget { ip: ip.to_owned(), port, cluster: cluster.to_owned() })
    }

    /// The instance that the call describes.
    pub(super) fn instance(&self) -> Result<InstanceForm, Refusal> {
        let Target { ip, port, cluster } = self.target(None)?;
        let default = InstanceForm::default();
        Ok(InstanceForm {
            ip: ip.to_owned(),
            port,
            weight: self.number("weight")?.unwrap_or(default.weight),
            healthy: self.flag("healthy").unwrap_or(default.healthy),
            enabled: self
                .flag("enabled")
                .or_else(|| self.flag("enable"))
                .unwrap_or(default.enabled),
            ephemeral: self.flag("ephemeral").unwrap_or(default.ephemeral),
            cluster: if cluster.is_empty() { default.cluster } else { cluster.to_owned() },
            metadata: self.metadata()?.unwrap_or_default(),
            instance_id: None,
            app: self.get("app").unwrap_or_default().to_owned(),
        })
    }

    /// Parameter `metadata`.
    pub(super) fn metadata(&self) -> Result<Option<Pairs>, Refusal> {
        let Some(text) = self.get("metadata") else { return Ok(None) };
        metadata(text).map(Some).ok_or_else(|| {
            let said = format!("metadata format incorrect:{}", start(text));
            if self.style().is_v1() {
                // The real server has no handler for what this one throws.
                let message =
                    format!("Server failed, caused: ErrCode:400, ErrMsg:{said};caused: {said};");
                return Refusal::Container { status: 500, message };
            }
            Refusal::coded(400, Code::InstanceMetadata, said)
        })
    }
}

/// Reads `{"k":"v"}` or `k=v,k2=v2`; `None` for anything else.
pub(super) fn metadata(text: &str) -> Option<Pairs> {
    let text = text.trim();
    if text.starts_with('{') {
        return serde_json::from_str::<Map>(text).ok().map(|map| map.0);
    }
    let pairs = text.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').filter(|(_, value)| !value.contains('='))?;
        Some((key.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

/// Reads a JSON array of instances.
pub(super) fn targets(text: &str) -> Option<Vec<OwnedTarget>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Listed {
        ip: String,
        port: u16,
        #[serde(default)]
        cluster_name: Option<String>,
    }
    let listed: Vec<Listed> = serde_json::from_str(text).ok()?;
    let targets = listed.into_iter().map(|it| OwnedTarget {
        ip: it.ip,
        port: it.port,
        cluster: it.cluster_name.unwrap_or_default(),
    });
    Some(targets.collect())
}

/// `namespace##GROUP@@name`
pub(super) fn status_key(text: &str) -> Option<ServiceKey> {
    let (namespace, name) = text.split_once("##").unwrap_or((PUBLIC, text));
    crate::map::key_of_grouped(namespace, "", name).ok()
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Map;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or_default().min(64));
                while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
                    let value = match value {
                        serde_json::Value::String(text) => text,
                        serde_json::Value::Null => continue,
                        scalar @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
                            scalar.to_string()
                        }
                        _ => return Err(serde::de::Error::custom("a value is no text")),
                    };
                    pairs.push((key, value));
                }
                Ok(Map(pairs))
            }
        }
        from.deserialize_map(Texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_has_two_forms() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        for (text, expected) in [
            (r#"{"z":"1","a":2,"b":true,"n":null}"#, vec![("z", "1"), ("a", "2"), ("b", "true")]),
            ("a=1,b=2", vec![("a", "1"), ("b", "2")]),
            ("a=", vec![("a", "")]),
            ("{}", vec![]),
        ] {
            let expected: Pairs = expected.into_iter().map(|(k, v)| pair(k, v)).collect();
            assert_eq!(metadata(text), Some(expected), "{text}");
        }
        for text in ["{", "a", "a=b=c", r#"{"a":{}}"#, r#"{"a":[1]}"#, "[]", r#"{"a":"b"}x"#] {
            assert_eq!(metadata(text), None, "{text}");
        }
    }

    #[test]
    fn beats_tolerate_what_they_need_not() {
        let beat: Beat = serde_json::from_str(
            r#"{"ip":"1.2.3.4","port":80,"serviceName":"G@@a","scheduled":false,"weight":2}"#,
        )
        .expect("a beat");
        let form = beat.into_form("c");
        assert_eq!((form.ip.as_str(), form.port, form.weight), ("1.2.3.4", 80, 2.0));
        assert_eq!(form.cluster, "c");
        for text in ["{", r#"{"port":70000}"#, r#"{"port":"x"}"#, "null"] {
            assert!(serde_json::from_str::<Beat>(text).is_err(), "{text}");
        }
    }
}
