//! Members of naming requests as clients of six languages write them: any may be absent or null,
//! and metadata may have values that are no texts.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::super::text::Text;
use crate::map::{CLUSTER_DEFAULT, InstanceForm};
use crate::{Code, Problem};

/// An instance as a client says it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance<'a> {
    #[serde(borrow, default)]
    instance_id: Text<'a>,
    #[serde(borrow, default)]
    ip: Text<'a>,
    #[serde(default)]
    port: Option<i64>,
    #[serde(default)]
    weight: Option<f64>,
    #[serde(default)]
    healthy: Option<bool>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    ephemeral: Option<bool>,
    #[serde(borrow, default)]
    cluster_name: Text<'a>,
    #[serde(default)]
    metadata: Metadata,
}

/// Pairs; those with a null are left out, and so is null altogether.
#[derive(Debug, Default, PartialEq)]
struct Metadata(Vec<(String, String)>);

impl Instance<'_> {
    /// Its cluster, that of those who name none included.
    pub(super) fn cluster(&self) -> &str {
        match self.cluster_name.as_str() {
            blank if blank.trim().is_empty() => CLUSTER_DEFAULT,
            cluster => cluster,
        }
    }

    /// The same with defaults for what is absent; only the port is looked at.
    pub(super) fn form(self) -> Result<InstanceForm, Problem> {
        let Ok(port) = u16::try_from(self.port.unwrap_or(0)) else {
            let message = "Param 'port' is illegal, the value should be between 0 and 65535.";
            return Err(Problem::new(400, Code::ParameterInvalid, message));
        };
        let own_id = self.instance_id.as_str();
        let cluster = self.cluster().to_owned();
        Ok(InstanceForm {
            ip: self.ip.as_str().to_owned(),
            port,
            weight: self.weight.unwrap_or(1.0),
            healthy: self.healthy.unwrap_or(true),
            enabled: self.enabled.unwrap_or(true),
            ephemeral: self.ephemeral.unwrap_or(true),
            cluster,
            metadata: self.metadata.0,
            instance_id: (!own_id.is_empty()).then(|| own_id.to_owned()),
            app: String::new(),
        })
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Metadata::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Scalar>()? {
                    pairs.extend(value.0.map(|value| (key, value)));
                }
                Ok(Metadata(pairs))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// A value of metadata: numbers and truths are taken as they are written, as Java's reader does.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, a truth or null")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(Some(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Scalar, E> {
                Ok(Scalar(Some(text)))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Scalar, E> {
                Ok(Scalar(Some(truth.to_string())))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(Some(number.to_string())))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(Some(number.to_string())))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar(Some(number.to_string())))
            }

            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<InstanceForm, String> {
        let instance: Instance<'_> = serde_json::from_str(json).map_err(|it| it.to_string())?;
        instance.form().map_err(|problem| problem.message)
    }

    #[test]
    fn absent_and_null_are_defaults() {
        let nulls = "{\"instanceId\":null,\"ip\":null,\"port\":null,\"weight\":null,\
                     \"healthy\":null,\"enabled\":null,\"ephemeral\":null,\"clusterName\":null,\
                     \"metadata\":null,\"what\":{\"is\":[\"this\"]}}";
        for json in ["{}", nulls, "{\"clusterName\":\" \",\"instanceId\":\"\"}"] {
            assert_eq!(read(json), Ok(InstanceForm::default()));
        }
    }

    #[test]
    fn values_are_taken() {
        let form = read(
            "{\"instanceId\":\"x\",\"ip\":\"a\\u0062\",\"port\":80,\"weight\":2,\"healthy\":false,\
             \"enabled\":false,\"ephemeral\":false,\"clusterName\":\"c1\",\
             \"metadata\":{\"t\":\"x\",\"i\":1,\"f\":1.5,\"b\":true,\"n\":null}}",
        );
        let pairs = [("t", "x"), ("i", "1"), ("f", "1.5"), ("b", "true")];
        let metadata = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        assert_eq!(
            form,
            Ok(InstanceForm {
                ip: "ab".into(),
                port: 80,
                weight: 2.0,
                healthy: false,
                enabled: false,
                ephemeral: false,
                cluster: "c1".into(),
                metadata,
                instance_id: Some("x".into()),
                app: String::new(),
            })
        );
    }

    #[test]
    fn other_types_are_errors() {
        for json in [
            "1",
            "{\"ip\":1}",
            "{\"ip\":{}}",
            "{\"port\":\"80\"}",
            "{\"port\":1.5}",
            "{\"weight\":\"1\"}",
            "{\"healthy\":1}",
            "{\"enabled\":\"true\"}",
            "{\"metadata\":[]}",
            "{\"metadata\":\"a=b\"}",
            "{\"metadata\":{\"a\":{}}}",
            "{\"metadata\":{\"a\":[]}}",
            "{\"ip\":\"a\",\"ip\":\"b\"}",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
        for port in ["-1", "65536", "9223372036854775807"] {
            let problem = read(&format!("{{\"port\":{port}}}")).unwrap_err();
            assert!(problem.contains("between 0 and 65535"), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = serde_json::from_slice::<Instance<'_>>(&bytes);
        }
    }
}
