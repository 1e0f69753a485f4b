//! What an operator changed of an instance: lies over what the instance says, whoever registers it.

use bytes::Bytes;
use rialto_catalog::{DocumentKey, DocumentKind, ServiceKey};
use serde::{Deserialize, Serialize};

use super::key::{group_of, key};
use crate::naming::InstanceChange;
use crate::{Code, Problem};

/// An operator's changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    /// Share of the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Whether it wants traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Put over the instance's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
}

impl Overlay {
    /// The document that keeps the changes of an instance, given by its identifier in the catalog.
    ///
    /// # Errors
    /// When the names together are too long.
    pub fn document(service: &ServiceKey, id: &str) -> Result<DocumentKey, Problem> {
        let (namespace, group, name) = (service.namespace(), group_of(service), service.name());
        let name = format!("{namespace}@@{group}@@{name}@@{id}");
        DocumentKey::new(DocumentKind::NacosInstance, &name)
            .map_err(|error| Problem::new(400, Code::Instance, error.to_string()))
    }

    /// The service and the instance's identifier that a document is about.
    #[must_use]
    pub fn subject(document: &DocumentKey) -> Option<(ServiceKey, &str)> {
        let mut parts = document.name.splitn(4, "@@");
        let service = key(parts.next()?, parts.next()?, parts.next()?).ok()?;
        Some((service, parts.next()?))
    }

    /// Reads a document's body.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// A document's body.
    #[must_use]
    pub fn body(&self) -> Bytes {
        serde_json::to_vec(self).expect("changes have no type that JSON cannot write").into()
    }

    /// With further changes.
    #[must_use]
    pub fn changed(mut self, change: InstanceChange) -> Self {
        self.weight = change.weight.or(self.weight);
        self.enabled = change.enabled.or(self.enabled);
        self.metadata = change.metadata.unwrap_or(self.metadata);
        self
    }

    /// Metadata with the operator's over it; keys keep their place.
    #[must_use]
    pub fn over(&self, mut metadata: Vec<(String, String)>) -> Vec<(String, String)> {
        for (key, value) in &self.metadata {
            match metadata.iter_mut().find(|(own, _)| own == key) {
                Some((_, own)) => own.clone_from(value),
                None => metadata.push((key.clone(), value.clone())),
            }
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_name_their_instance() {
        let service = key("ns", "GG", "gold").unwrap();
        let document = Overlay::document(&service, "::1#80#c1").unwrap();
        assert_eq!(document.name, "ns@@GG@@gold@@::1#80#c1");
        assert_eq!(Overlay::subject(&document), Some((service, "::1#80#c1")));
    }

    #[test]
    fn bodies_come_back() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let overlay =
            Overlay { weight: Some(2.0), enabled: None, metadata: vec![pair("zone", "b")] };
        assert_eq!(Overlay::read(&overlay.body()), Some(overlay.clone()));
        assert_eq!(Overlay::read(b"{}"), Some(Overlay::default()));
        assert_eq!(Overlay::read(b"no"), None);
        let over = overlay.over(vec![pair("zone", "a"), pair("v", "1")]);
        assert_eq!(over, [pair("zone", "b"), pair("v", "1")]);
    }
}
