//! Namespaces that people named, whichever page or program they use: one place, so that no two of
//! them can differ. A namespace that nobody named exists as long as something is in it.

use bytes::Bytes;
use rialto_catalog::{Command, DocumentKey, DocumentKind, ServiceKey};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::ProposeError;
use crate::limits::{NAMESPACE_ID_BYTES_MAX, NAMESPACE_TEXT_CHARS_MAX};

/// A namespace as people named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What services and configurations carry: at most [`NAMESPACE_ID_BYTES_MAX`] letters, digits,
    /// `-` and `_`.
    pub id: String,
    /// What people call it: at most [`NAMESPACE_TEXT_CHARS_MAX`] characters.
    pub name: String,
    /// What it is for: at most [`NAMESPACE_TEXT_CHARS_MAX`] characters.
    pub description: String,
}

/// Why a namespace was not changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NamespaceError {
    /// The identifier cannot be one.
    #[error(
        "the namespace identifier {id:?} is not 1 to {NAMESPACE_ID_BYTES_MAX} letters, digits, \
         '-' and '_'; choose another"
    )]
    InvalidId {
        /// What was given.
        id: String,
    },
    /// The name is blank or too long, or the description is too long.
    #[error(
        "the name of a namespace has 1 to {NAMESPACE_TEXT_CHARS_MAX} characters and its \
         description at most as many; shorten them"
    )]
    InvalidText,
    /// `public` is always there and keeps its name.
    #[error("the namespace 'public' is always there and keeps its name; choose another identifier")]
    Reserved,
    /// A namespace with this identifier was named already.
    #[error("there is a namespace {id:?} already; choose another identifier")]
    Exists {
        /// What was given.
        id: String,
    },
    /// Nobody named it.
    #[error("there is no namespace {id:?}; create it first")]
    Unknown {
        /// What was given.
        id: String,
    },
    /// Services are registered in it.
    #[error("services are registered in the namespace {id:?}; deregister them first")]
    HoldsServices {
        /// What was given.
        id: String,
    },
    /// It was not stored.
    #[error(transparent)]
    Store(#[from] ProposeError),
}

/// The document's body.
#[derive(Serialize, Deserialize)]
struct Body {
    name: String,
    #[serde(default)]
    description: String,
}

impl Namespace {
    /// The namespace that is always there.
    #[must_use]
    pub fn public() -> Self {
        let id = ServiceKey::NAMESPACE_DEFAULT.to_owned();
        Self { name: id.clone(), id, description: String::new() }
    }

    fn check(&self) -> Result<DocumentKey, NamespaceError> {
        let key = key(&self.id)?;
        let name = 1..=NAMESPACE_TEXT_CHARS_MAX;
        let fits = name.contains(&self.name.chars().count()) && !self.name.trim().is_empty();
        if !fits || self.description.chars().count() > NAMESPACE_TEXT_CHARS_MAX {
            return Err(NamespaceError::InvalidText);
        }
        Ok(key)
    }
}

impl Engine {
    /// `public`, then the namespaces that people named, by identifier.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        let named = self.read(|state| {
            let documents = state.documents(DocumentKind::Namespace);
            documents.map(|(key, document)| read(&key.name, &document.body)).collect::<Vec<_>>()
        });
        std::iter::once(Namespace::public()).chain(named).collect()
    }

    /// A namespace that people named, or `public`.
    #[must_use]
    pub fn namespace(&self, id: &str) -> Option<Namespace> {
        if id == ServiceKey::NAMESPACE_DEFAULT {
            return Some(Namespace::public());
        }
        let key = key(id).ok()?;
        self.read(|state| state.document(&key).map(|document| read(id, &document.body)))
    }

    /// Names a new namespace.
    ///
    /// # Errors
    /// When it cannot be one, is there already, or could not be stored.
    pub async fn create_namespace(&self, namespace: &Namespace) -> Result<(), NamespaceError> {
        let key = namespace.check()?;
        if self.namespace(&namespace.id).is_some() {
            return Err(NamespaceError::Exists { id: namespace.id.clone() });
        }
        self.put(key, namespace).await
    }

    /// Changes name and description of a namespace that people named.
    ///
    /// # Errors
    /// When there is none, the new words cannot be, or could not be stored.
    pub async fn rename_namespace(&self, namespace: &Namespace) -> Result<(), NamespaceError> {
        let key = namespace.check()?;
        if self.namespace(&namespace.id).is_none() {
            return Err(NamespaceError::Unknown { id: namespace.id.clone() });
        }
        self.put(key, namespace).await
    }

    /// Forgets a namespace that people named. Whether configurations are in it is for the caller
    /// to ask.
    ///
    /// # Errors
    /// When there is none, services are registered in it, or the change could not be stored.
    pub async fn remove_namespace(&self, id: &str) -> Result<(), NamespaceError> {
        let key = key(id)?;
        if self.namespace(id).is_none() {
            return Err(NamespaceError::Unknown { id: id.to_owned() });
        }
        if self.holds_services(id) {
            return Err(NamespaceError::HoldsServices { id: id.to_owned() });
        }
        self.propose(Command::RemoveDocument { key }).await?;
        Ok(())
    }

    /// Whether a service is in the namespace.
    #[must_use]
    pub fn holds_services(&self, namespace: &str) -> bool {
        // No name sorts below a space: control characters are refused.
        let Ok(first) = ServiceKey::new(namespace, " ", " ") else { return false };
        self.read(|state| {
            let mut beyond = state.services_beyond(&first, false);
            let next = beyond.next().is_some_and(|one| one.key().namespace() == namespace);
            next || state.service(&first).is_some()
        })
    }

    async fn put(&self, key: DocumentKey, namespace: &Namespace) -> Result<(), NamespaceError> {
        let Namespace { name, description, .. } = namespace.clone();
        let body = serde_json::to_vec(&Body { name, description }).unwrap_or_default();
        self.propose(Command::PutDocument { key, body: Bytes::from(body) }).await?;
        Ok(())
    }
}

fn key(id: &str) -> Result<DocumentKey, NamespaceError> {
    if id == ServiceKey::NAMESPACE_DEFAULT {
        return Err(NamespaceError::Reserved);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let fits = (1..=NAMESPACE_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain);
    let key = fits.then(|| DocumentKey::new(DocumentKind::Namespace, id).ok()).flatten();
    key.ok_or_else(|| NamespaceError::InvalidId { id: id.to_owned() })
}

/// A body that cannot be read leaves the identifier as the name.
fn read(id: &str, body: &[u8]) -> Namespace {
    let body = serde_json::from_slice(body)
        .unwrap_or_else(|_| Body { name: id.to_owned(), description: String::new() });
    Namespace { id: id.to_owned(), name: body.name, description: body.description }
}
