//! A gateway route as it is written in configuration, on the command line and in the catalog.
//!
//! Names follow Spring Cloud Gateway where it has one; [`RouteSpec::parse_shorthand`] reads the
//! command line's `/shop/**=lb://storefront`. What a specification means is decided by the gateway,
//! which refuses one it cannot compile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One route: all conditions must hold, the first matching route by `order` wins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RouteSpec {
    /// Identifier, unique among routes.
    pub id: String,
    /// Lower first; equal orders keep the order of definition.
    pub order: i32,
    /// Where requests go: `lb://service`, `http://host:port` or `https://host:port`.
    pub uri: String,
    /// Path patterns (`/shop/**`, `/items/{id}`, `/a/*`); any of them. Empty matches every path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Host patterns (`shop.example`, `*.example`), without the port; any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Methods; any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Header name to a regular expression that its whole value must match; `.*` asks for presence.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Share among routes of the same group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<WeightSpec>,
    /// What happens to the request and the answer, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<FilterSpec>,
    /// Balancing for `lb://`: `p2c_peak_ewma` (default), `round_robin`, `weighted_round_robin`,
    /// `random`, `weighted_random`, `least_request`, `consistent_hash`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<String>,
    /// What a consistent hash is taken of: `ip`, `path`, `header:NAME` or `cookie:NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_on: Option<String>,
    /// Milliseconds to connect, default 3,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<u64>,
    /// Milliseconds until the answer's head, default 30,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_timeout_ms: Option<u64>,
    /// Largest request body in bytes, default 10 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_max_bytes: Option<u64>,
    /// Tries on other instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetrySpec>,
    /// Requests a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimitSpec>,
    /// Requests at a time, and a queue before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<ConcurrencySpec>,
    /// Circuit breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerSpec>,
    /// Who may pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthSpec>,
    /// Off keeps the route in the list but out of the matching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A share of a group's requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightSpec {
    /// Routes of one group share its requests.
    pub group: String,
    /// Relative to the group's other routes.
    pub weight: u32,
}

/// A change of request or answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "name", rename_all = "PascalCase", deny_unknown_fields)]
pub enum FilterSpec {
    /// Drops the first segments of the path.
    StripPrefix {
        /// How many.
        parts: u32,
    },
    /// Puts text before the path.
    PrefixPath {
        /// Begins with `/`.
        prefix: String,
    },
    /// Replaces in the path by a regular expression.
    RewritePath {
        /// Regular expression over the encoded path.
        regexp: String,
        /// `${group}` inserts a named group.
        replacement: String,
    },
    /// Replaces the path; `{name}` inserts a variable of the path pattern.
    SetPath {
        /// Begins with `/`.
        template: String,
    },
    /// Adds a request header line.
    AddRequestHeader {
        /// Header name.
        header: String,
        /// Value; `{name}` inserts a variable of the path pattern.
        value: String,
    },
    /// Replaces a request header.
    SetRequestHeader {
        /// Header name.
        header: String,
        /// Value; `{name}` inserts a variable of the path pattern.
        value: String,
    },
    /// Removes a request header.
    RemoveRequestHeader {
        /// Header name.
        header: String,
    },
    /// Adds a response header line.
    AddResponseHeader {
        /// Header name.
        header: String,
        /// Value.
        value: String,
    },
    /// Replaces a response header.
    SetResponseHeader {
        /// Header name.
        header: String,
        /// Value.
        value: String,
    },
    /// Removes a response header.
    RemoveResponseHeader {
        /// Header name.
        header: String,
    },
    /// Sends the client's Host to the instance instead of the instance's address.
    PreserveHostHeader {},
}

/// Tries on another instance, within a budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySpec {
    /// Further tries after the first.
    pub retries: u32,
    /// Methods that may be tried again once sent; a request that provably was not processed always
    /// may.
    pub methods: Vec<String>,
    /// Statuses that call for another try.
    pub statuses: Vec<u16>,
    /// Retries may be at most this share of requests.
    pub budget_ratio: f64,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self {
            retries: 1,
            methods: ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].map(String::from).to_vec(),
            statuses: vec![502, 503, 504],
            budget_ratio: 0.2,
        }
    }
}

/// A token bucket, or a leaky-bucket queue when `max_wait_ms` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSpec {
    /// Requests a second.
    pub per_second: f64,
    /// Requests at once after a pause; default one second's worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Wait at most this long for a turn instead of being refused at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait_ms: Option<u64>,
    /// One bucket for each of: `route` (default), `ip`, `header:NAME`, `principal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How many requests may be under way, and how many may wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencySpec {
    /// Requests under way.
    pub max: u32,
    /// Requests waiting, default 0.
    #[serde(default)]
    pub queue: u32,
    /// Longest wait, default 1,000.
    #[serde(default = "one_second")]
    pub max_wait_ms: u64,
}

fn one_second() -> u64 {
    1_000
}

/// When to stop asking a failing service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSpec {
    /// Failures in a row that open it; 0 switches this rule off.
    pub consecutive_failures: u32,
    /// Share of failures in the window that opens it, 0 to 1; 0 switches this rule off.
    pub failure_ratio: f64,
    /// Calls looked at.
    pub window: u32,
    /// Calls in the window before the ratio counts.
    pub minimum_calls: u32,
    /// Milliseconds before a probe.
    pub open_ms: u64,
    /// Answered instead of an error while open: status 200 with this body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_body: Option<String>,
}

impl Default for BreakerSpec {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_ratio: 0.5,
            window: 100,
            minimum_calls: 20,
            open_ms: 5_000,
            fallback_body: None,
        }
    }
}

/// Who may pass. One of the two, or either when both are given.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSpec {
    /// JSON Web Tokens in `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<JwtSpec>,
    /// Keys in a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeySpec>,
}

impl std::fmt::Debug for AuthSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthSpec")
            .field("jwt", &self.jwt.is_some())
            .field("api_key", &self.api_key.is_some())
            .finish()
    }
}

/// How tokens are verified; the algorithm is pinned, never taken from the token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtSpec {
    /// `HS256`, `RS256`, `ES256` or `EdDSA`.
    pub algorithm: String,
    /// Secret (HS256) or public key in PEM.
    pub key: String,
    /// Required issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Required audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Claim to request header, for the instance behind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims_to_headers: BTreeMap<String, String>,
}

/// Keys and whom they belong to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeySpec {
    /// Header that carries the key, default `apikey`.
    #[serde(default = "apikey")]
    pub header: String,
    /// Name of the consumer to the hexadecimal SHA-256 of its key.
    pub keys_sha256: BTreeMap<String, String>,
}

fn apikey() -> String {
    "apikey".to_owned()
}

/// A shorthand that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("route {text:?}: {reason}; write PATH=URI, for example '/shop/**=lb://storefront'")]
pub struct ShorthandError {
    text: String,
    reason: &'static str,
}

impl RouteSpec {
    /// Reads `PATH=URI`; the identifier is the path's first literal segment, or `root`.
    ///
    /// # Errors
    /// When there is no `=`, or the path does not begin with `/`, or the URI has no scheme.
    pub fn parse_shorthand(text: &str) -> Result<Self, ShorthandError> {
        let refuse = |reason| ShorthandError { text: text.to_owned(), reason };
        let (path, uri) = text.split_once('=').ok_or_else(|| refuse("there is no '='"))?;
        if !path.starts_with('/') {
            return Err(refuse("the path must begin with '/'"));
        }
        if !uri.contains("://") {
            return Err(refuse("the target has no scheme"));
        }
        let id = path
            .split('/')
            .find(|segment| !segment.is_empty() && !segment.contains(['*', '{']))
            .unwrap_or("root");
        Ok(Self {
            id: id.to_owned(),
            uri: uri.to_owned(),
            paths: vec![path.to_owned()],
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorthand() {
        let route = RouteSpec::parse_shorthand("/shop/**=lb://storefront").unwrap();
        assert_eq!((route.id.as_str(), route.uri.as_str()), ("shop", "lb://storefront"));
        assert_eq!(RouteSpec::parse_shorthand("/**=http://127.0.0.1:1").unwrap().id, "root");
        for bad in ["shop=lb://x", "/shop", "/shop=storefront"] {
            assert!(RouteSpec::parse_shorthand(bad).unwrap_err().to_string().contains("PATH=URI"));
        }
    }
}
