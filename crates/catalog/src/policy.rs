//! What can be decided differently from one installation to the next.

use crate::limits;
use crate::time::{Millis, Revision};

/// How the catalog behaves where there is a choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// When leases of Eureka clients end. Leases of all other protocols are always exact.
    pub expiry: ExpiryMode,
    /// Numbers of exact expiry.
    pub exact: ExactPolicy,
    /// How much of everything there may be.
    pub limits: Limits,
    /// A tick that comes so much later than the one before means that this process stood still;
    /// leases then get the time that their owners had no chance to renew in. `None`: never.
    pub pause: Option<Millis>,
    /// The revision that the catalog begins with.
    pub revision_start: Revision,
    /// Keeps crafted names from colliding; never reaches a result.
    pub hash_seed: u64,
}

/// When leases of Eureka clients end.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ExpiryMode {
    /// At their time, with self-preservation per service, bounded.
    #[default]
    Exact,
    /// As Netflix's server does it.
    Netflix(NetflixPolicy),
}

/// Self-preservation of a service whose leases are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactPolicy {
    /// Off: every lease ends at its time, whatever happens.
    pub protection: bool,
    /// Leases that may run out within one lease time before expiry is held back, as a share of the
    /// service's leases; rounded up, so one lost instance always goes in time.
    pub lost_ratio_max: f64,
    /// Services with fewer leases are never protected.
    pub leases_min: usize,
    /// Longest protection; what has not come back by then goes.
    pub protection_max: Millis,
}

/// Netflix's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NetflixPolicy {
    /// Off: expiry is never held back.
    pub self_preservation: bool,
    /// Share of the expected renewals that must come for expiry to go on.
    pub renewal_threshold: f64,
    /// How often each client is expected to renew.
    pub renewal_interval: Millis,
    /// How often expired leases are looked for.
    pub eviction_interval: Millis,
    /// How often the expected number of clients is counted anew.
    pub recount_interval: Millis,
    /// Clients expected before any came.
    pub expected_at_start: u64,
}

/// How much of everything there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Services.
    pub services_max: usize,
    /// Instances of one service.
    pub instances_per_service_max: usize,
    /// Instances of all services.
    pub instances_max: usize,
    /// Documents of one kind.
    pub documents_max: usize,
    /// Events kept for watchers that resume.
    pub events_max: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            expiry: ExpiryMode::Exact,
            exact: ExactPolicy::default(),
            limits: Limits::default(),
            pause: None,
            revision_start: Revision(0),
            hash_seed: 0x7269_616c_746f,
        }
    }
}

impl Default for ExactPolicy {
    fn default() -> Self {
        Self {
            protection: true,
            lost_ratio_max: 0.15,
            leases_min: 5,
            protection_max: Millis::from_secs(15 * 60),
        }
    }
}

impl Default for NetflixPolicy {
    fn default() -> Self {
        Self {
            self_preservation: true,
            renewal_threshold: 0.85,
            renewal_interval: Millis::from_secs(30),
            eviction_interval: Millis::from_secs(60),
            recount_interval: Millis::from_secs(15 * 60),
            expected_at_start: 1,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            services_max: limits::SERVICES_MAX,
            instances_per_service_max: limits::INSTANCES_PER_SERVICE_MAX,
            instances_max: limits::INSTANCES_MAX,
            documents_max: limits::DOCUMENTS_MAX,
            events_max: limits::EVENTS_MAX,
        }
    }
}
