//! The REST types, under `/api/v1` on the API door: JSON, names in snake_case, times in
//! milliseconds since the Unix epoch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::route::RouteSpec;

/// A service with the counts that a list shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceSummary {
    /// Namespace, `public` unless said otherwise.
    pub namespace: String,
    /// Group, `default` unless said otherwise.
    pub group: String,
    /// Name in the spelling of its first registration.
    pub name: String,
    /// Instances of every state.
    pub instances: usize,
    /// Instances that may be sent traffic.
    pub available: usize,
    /// Protocols that its instances registered by, sorted.
    pub protocols: Vec<String>,
    /// Why expiry is held back at present, if it is.
    pub protection: Option<Protection>,
    /// Revision of the last change.
    pub revision: u64,
}

/// Self-preservation of a service: expired instances are kept, for a bounded time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Protection {
    /// What was seen, in words.
    pub reason: String,
    /// When it began.
    pub since_ms: u64,
    /// When it ends at the latest.
    pub until_ms: u64,
}

/// A service with its instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceDetail {
    /// The counts.
    pub summary: ServiceSummary,
    /// What the service itself carries.
    pub metadata: BTreeMap<String, String>,
    /// Every instance, sorted by identifier.
    pub instances: Vec<InstanceView>,
}

/// An instance as people and tools see it, whichever protocol it came by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceView {
    /// Identifier, unique in the service and protocol.
    pub id: String,
    /// Protocol that owns it: `sdk`, `eureka`, `rest`.
    pub protocol: String,
    /// Host name or address.
    pub host: String,
    /// Port for plain traffic, 0 when there is none.
    pub port: u16,
    /// Port for TLS, if any.
    pub secure_port: Option<u16>,
    /// Zone or cluster, empty when unknown.
    pub zone: String,
    /// Relative share of the traffic, 1.0 unless said otherwise.
    pub weight: f64,
    /// `up`, `starting`, `down`, `out_of_service` or `unknown`.
    pub status: String,
    /// Whether an operator's override decides the status.
    pub overridden: bool,
    /// Whether it may be sent traffic now.
    pub available: bool,
    /// `ephemeral` or `agreed`.
    pub promise: String,
    /// Free text that came with it.
    pub metadata: BTreeMap<String, String>,
    /// First registration.
    pub registered_ms: u64,
    /// Last change of what others see.
    pub changed_ms: u64,
    /// Lease, absent for agreed instances.
    pub lease: Option<LeaseView>,
    /// Revision of the last change.
    pub revision: u64,
}

/// How long an instance stays without a sign of life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeaseView {
    /// Life after each renewal.
    pub ttl_ms: u64,
    /// Last renewal.
    pub renewed_ms: u64,
    /// When it ends unless renewed.
    pub expires_ms: u64,
}

/// What `POST /api/v1/services/{service}/instances` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterInstance {
    /// Identifier; `host:port` when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Port for TLS.
    #[serde(default)]
    pub secure_port: Option<u16>,
    /// Zone.
    #[serde(default)]
    pub zone: String,
    /// Relative share, 0 to 10,000.
    #[serde(default = "one")]
    pub weight: f64,
    /// Free text.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Lease; absent makes the instance agreed: durable, and there until it is removed.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
}

fn one() -> f64 {
    1.0
}

/// What `PUT /api/v1/services/{service}/instances/{id}/status` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusOverride {
    /// `up`, `down`, `out_of_service`, or absent to end the override.
    pub status: Option<String>,
    /// Why, for the event stream.
    #[serde(default)]
    pub reason: String,
}

/// A route with where it came from and what it carried lately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteView {
    /// The route.
    pub spec: RouteSpec,
    /// `configuration` (file, environment or flag) or `catalog` (changed at run time).
    pub origin: String,
    /// Counters and latency.
    pub traffic: Traffic,
}

/// Counters since the start, and rates and latencies over the last ten seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// Requests since the start.
    pub requests: u64,
    /// Answers 500 and above, and requests that got none, since the start.
    pub errors: u64,
    /// Requests refused by limiter, queue or breaker since the start.
    pub limited: u64,
    /// Further tries on another instance since the start.
    pub retries: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Requests a second.
    pub rate: f64,
    /// Errors a second.
    pub error_rate: f64,
    /// Refusals a second.
    pub limited_rate: f64,
    /// Half of the requests took less.
    pub p50_ms: f64,
    /// Ninety-nine in a hundred took less.
    pub p99_ms: f64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Position in the stream; grows by one.
    pub id: u64,
    /// When.
    pub at_ms: u64,
    /// What kind: `registered`, `expired`, `ejected`, `limited`, …
    pub kind: String,
    /// What it happened to: a service, an instance (`stock/127.0.0.1:9001`), a route.
    pub subject: String,
    /// Why, in words.
    pub detail: String,
}

/// One caller and one callee in the traffic seen lately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EdgeView {
    /// Who calls; `gateway` for requests from outside.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// Counters and latency.
    pub traffic: Traffic,
}

/// The node at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// Product version.
    pub version: String,
    /// When this process started.
    pub started_ms: u64,
    /// Catalog revision.
    pub revision: u64,
    /// Services.
    pub services: usize,
    /// Instances.
    pub instances: usize,
    /// Instances that may be sent traffic.
    pub available: usize,
    /// Doors with their bound addresses.
    pub doors: BTreeMap<String, String>,
    /// The gateway's traffic, all routes.
    pub gateway: Traffic,
    /// Resident memory of the process.
    pub memory_bytes: u64,
}

/// Every error of the REST interface (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Short and stable: `not_found`, `invalid`, `unauthenticated`, …
    pub code: String,
    /// What happened, to what, and what to do.
    pub detail: String,
}
