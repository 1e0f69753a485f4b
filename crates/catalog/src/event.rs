//! What happened, and how watchers ask for it.

use std::sync::Arc;

use bytes::Bytes;

use crate::document::{Document, DocumentKey, DocumentKind};
use crate::instance::Instance;
use crate::key::ServiceKey;
use crate::protection::ProtectionState;
use crate::spec::Status;
use crate::time::{Revision, Timestamp};

/// One change, in the order of revisions.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in history.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

/// Kinds of change with what they concern.
#[derive(Debug, Clone)]
pub enum Change {
    /// An instance came, or came anew with a fresh lease.
    Registered {
        /// Where.
        service: ServiceKey,
        /// As it is now.
        instance: Arc<Instance>,
    },
    /// An instance looks different.
    Updated {
        /// Where.
        service: ServiceKey,
        /// As it is now.
        instance: Arc<Instance>,
        /// The status that it had.
        before: Status,
    },
    /// An instance left.
    Deregistered {
        /// Where.
        service: ServiceKey,
        /// As it was last.
        instance: Arc<Instance>,
    },
    /// An instance's lease ran out.
    Expired {
        /// Where.
        service: ServiceKey,
        /// As it was last.
        instance: Arc<Instance>,
    },
    /// A service was put, or its metadata changed.
    ServicePut {
        /// Which.
        service: ServiceKey,
        /// All of its metadata.
        metadata: Arc<[(String, String)]>,
    },
    /// A service is no longer kept without instances.
    ServiceRemoved {
        /// Which.
        service: ServiceKey,
    },
    /// A document was put.
    DocumentPut {
        /// Which.
        key: DocumentKey,
        /// Its content.
        body: Bytes,
    },
    /// A document was removed.
    DocumentRemoved {
        /// Which.
        key: DocumentKey,
    },
    /// Expiry is held back.
    ProtectionBegan {
        /// Of which service.
        service: ServiceKey,
        /// What was seen, in words.
        reason: Arc<str>,
    },
    /// Expiry goes on.
    ProtectionEnded {
        /// Of which service.
        service: ServiceKey,
    },
}

/// What a watcher wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Everything.
    All,
    /// One service and its instances.
    Service(ServiceKey),
    /// The documents of one kind.
    Documents(DocumentKind),
}

/// Changes after a revision.
#[derive(Debug, Clone)]
pub struct Changes {
    /// In order, each once.
    pub events: Vec<Event>,
    /// Everything up to here is in `events` or does not match; ask for what comes after it next.
    pub revision: Revision,
    /// Whether more was there than asked for.
    pub more: bool,
}

/// Changes after the asked revision are no longer kept, or it is none of this catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("changes after revision {asked} are no longer kept; take a snapshot and resume from it")]
pub struct Compacted {
    /// What was asked for.
    pub asked: Revision,
    /// The earliest revision that all watchers can resume from.
    pub floor: Revision,
}

/// What matched a selector at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The moment; changes after it are what a watcher asks for next.
    pub revision: Revision,
    /// Sorted by key.
    pub services: Vec<ServiceSnapshot>,
    /// Sorted by key.
    pub documents: Vec<(DocumentKey, Document)>,
}

/// A service at one moment.
#[derive(Debug, Clone)]
pub struct ServiceSnapshot {
    /// Its name.
    pub key: ServiceKey,
    /// What it carries itself.
    pub metadata: Arc<[(String, String)]>,
    /// Last change of it or of one of its instances.
    pub revision: Revision,
    /// Sorted by identifier, then protocol.
    pub instances: Arc<[Arc<Instance>]>,
    /// Why expiry is held back, if it is.
    pub protection: Option<ProtectionState>,
}

impl Change {
    /// The service concerned, if it is one.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceKey> {
        match self {
            Self::Registered { service, .. }
            | Self::Updated { service, .. }
            | Self::Deregistered { service, .. }
            | Self::Expired { service, .. }
            | Self::ServicePut { service, .. }
            | Self::ServiceRemoved { service }
            | Self::ProtectionBegan { service, .. }
            | Self::ProtectionEnded { service } => Some(service),
            Self::DocumentPut { .. } | Self::DocumentRemoved { .. } => None,
        }
    }

    /// The document concerned, if it is one.
    #[must_use]
    pub fn document(&self) -> Option<&DocumentKey> {
        match self {
            Self::DocumentPut { key, .. } | Self::DocumentRemoved { key } => Some(key),
            _ => None,
        }
    }

    /// The instance concerned, if it is one.
    #[must_use]
    pub fn instance(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Registered { instance, .. }
            | Self::Updated { instance, .. }
            | Self::Deregistered { instance, .. }
            | Self::Expired { instance, .. } => Some(instance),
            _ => None,
        }
    }
}

impl Selector {
    /// Whether a change is of interest.
    #[must_use]
    pub fn matches(&self, change: &Change) -> bool {
        match self {
            Self::All => true,
            Self::Service(key) => change.service() == Some(key),
            Self::Documents(kind) => change.document().is_some_and(|key| key.kind == *kind),
        }
    }
}
