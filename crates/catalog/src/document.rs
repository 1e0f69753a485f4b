//! Agreed records that are no services: what they are for decides who reads them.

use bytes::Bytes;

use crate::key::{InvalidName, check_name};
use crate::limits::DOCUMENT_NAME_BYTES_MAX;
use crate::time::{Revision, Timestamp};

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// A gateway route.
    Route,
    /// An operator's decision about an instance's status.
    StatusOverride,
    /// A Nacos namespace: its name and description.
    Namespace,
    /// What Nacos keeps of a service beside its instances.
    NacosService,
    /// What an operator of Nacos changed of an instance, whoever registers it.
    NacosInstance,
}

/// Name of a document, unique in its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    /// What it is for.
    pub kind: DocumentKind,
    /// Its name.
    pub name: String,
}

/// A document's content with its last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Opaque here.
    pub body: Bytes,
    /// Last change.
    pub revision: Revision,
    /// When that was.
    pub changed: Timestamp,
}

impl DocumentKind {
    /// All kinds, in order.
    pub const ALL: [Self; 5] = [
        Self::Route,
        Self::StatusOverride,
        Self::Namespace,
        Self::NacosService,
        Self::NacosInstance,
    ];

    /// Short and stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::StatusOverride => "status_override",
            Self::Namespace => "namespace",
            Self::NacosService => "nacos_service",
            Self::NacosInstance => "nacos_instance",
        }
    }
}

impl DocumentKey {
    /// Checks the name.
    ///
    /// # Errors
    /// When it is empty, longer than [`DOCUMENT_NAME_BYTES_MAX`] or contains a control character.
    pub fn new(kind: DocumentKind, name: &str) -> Result<Self, InvalidName> {
        let key = Self { kind, name: name.to_owned() };
        key.check()?;
        Ok(key)
    }

    pub(crate) fn check(&self) -> Result<(), InvalidName> {
        check_name("document name", &self.name, DOCUMENT_NAME_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let name = "d".repeat(DOCUMENT_NAME_BYTES_MAX + 1);
        assert!(DocumentKey::new(DocumentKind::Route, &name[1..]).is_ok());
        let error = DocumentKey::new(DocumentKind::Route, &name).unwrap_err();
        assert!(error.to_string().contains("shorten it to at most 1024"), "{error}");
        assert!(DocumentKey::new(DocumentKind::Route, "").is_err());
    }
}
