//! What can be asked of the catalog, and what it answers.

use std::sync::Arc;

use bytes::Bytes;

use crate::document::DocumentKey;
use crate::instance::Instance;
use crate::key::{InvalidName, ServiceKey};
use crate::spec::{InstanceSpec, Promise, Protocol};
use crate::time::Revision;

/// A change asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Inserts or replaces an instance and gives it a fresh lease.
    Register {
        /// Where.
        service: ServiceKey,
        /// What.
        spec: InstanceSpec,
    },
    /// Replaces what others see of an instance; lease, promise and time of registration stay.
    Update {
        /// Where.
        service: ServiceKey,
        /// What; its `promise` and `ttl` are not looked at.
        spec: InstanceSpec,
    },
    /// Removes an instance.
    Deregister {
        /// Where.
        service: ServiceKey,
        /// Who owns it.
        protocol: Protocol,
        /// Its identifier.
        id: String,
    },
    /// Makes a service exist without instances, and sets its metadata. Agreed.
    PutService {
        /// Which.
        service: ServiceKey,
        /// All of its metadata, in this order.
        metadata: Vec<(String, String)>,
    },
    /// Ends what [`Command::PutService`] began; refused while there are instances. Agreed.
    RemoveService {
        /// Which.
        service: ServiceKey,
    },
    /// Inserts or replaces a document. Agreed.
    PutDocument {
        /// Which.
        key: DocumentKey,
        /// Its content.
        body: Bytes,
    },
    /// Removes a document. Agreed.
    RemoveDocument {
        /// Which.
        key: DocumentKey,
    },
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Revision of the change; the current one when nothing changed.
    pub revision: Revision,
    /// What kind of change it was.
    pub kind: OutcomeKind,
    /// The instance as it was before.
    pub previous: Option<Arc<Instance>>,
}

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// It was not there.
    Inserted,
    /// It was there and has a fresh lease.
    Replaced,
    /// It was there and looks different now.
    Updated,
    /// It was there and is gone.
    Removed,
    /// All was so already; no revision was spent.
    Unchanged,
}

/// Why a command was not carried out; nothing changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// A name cannot be one.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// A value is out of its range.
    #[error("{what} of instance {id:?} is {value}; it must be {allowed}")]
    InvalidValue {
        /// Which value.
        what: &'static str,
        /// Of which instance.
        id: String,
        /// What was given.
        value: String,
        /// What may be given.
        allowed: String,
    },
    /// Something is larger than its limit.
    #[error("{what} of {subject:?}: {size} exceeds the limit of {size_max}; send less")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Of what.
        subject: String,
        /// Its size.
        size: usize,
        /// The limit.
        size_max: usize,
    },
    /// The catalog holds as many as it may.
    #[error("there are {count_max} {what} already, the limit; remove some or raise the limit")]
    Full {
        /// Which records.
        what: &'static str,
        /// The limit.
        count_max: usize,
    },
    /// An update of an instance that is not there.
    #[error("instance {id:?} is not registered at service {service}; register it first")]
    UnknownInstance {
        /// Where.
        service: ServiceKey,
        /// Which.
        id: String,
    },
    /// A service that has instances cannot be removed.
    #[error("service {service} still has {instances} instances; deregister them first")]
    ServiceInUse {
        /// Which.
        service: ServiceKey,
        /// How many.
        instances: usize,
    },
    /// The promise of a record is never switched silently.
    #[error(
        "instance {id:?} of service {service} is {} and cannot be made {}; deregister it first",
        .held.as_str(), .asked.as_str()
    )]
    PromiseConflict {
        /// Where.
        service: ServiceKey,
        /// Which.
        id: String,
        /// What it is.
        held: Promise,
        /// What was asked for.
        asked: Promise,
    },
    /// An agreed record was to be changed without agreement.
    #[error("{subject} is an agreed record; propose the change instead of making it")]
    NeedsAgreement {
        /// Which record.
        subject: String,
    },
}
