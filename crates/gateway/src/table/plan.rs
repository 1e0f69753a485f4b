//! A route specification, compiled and checked, without anything that lives.

use regex::bytes::{Regex, RegexBuilder};
use rialto_api::route::{FilterSpec, RouteSpec};
use rialto_balance::Algorithm;

use super::edits::{self, Edits};
use super::path::{self, PathEdit};
use super::pattern::Pattern;
use crate::auth::Auth;
use crate::limits::{FILTERS_MAX, REGEX_MAX_BYTES, TRIES_MAX};

/// What a specification means.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) destination: Destination,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) methods: Vec<Box<str>>,
    pub(crate) headers: Vec<HeaderMatch>,
    pub(crate) path_edits: Vec<PathEdit>,
    pub(crate) request: Edits,
    pub(crate) response: Edits,
    pub(crate) preserve_host: bool,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) hash_on: Option<HashOn>,
    pub(crate) retry: RetryPlan,
    pub(crate) auth: Option<Auth>,
    pub(crate) limit_key: LimitKey,
}

/// A header's name and what its whole value must match; None asks for presence.
pub(crate) type HeaderMatch = (Box<str>, Option<Regex>);

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Destination {
    /// Instances of the catalog, by service name in lower case.
    Service(String),
    /// One address.
    Fixed { host: String, port: u16 },
}

/// A host to match, in lower case and without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Exact(Box<str>),
    /// `*.example`: any name below; kept with its dot.
    Below(Box<str>),
}

/// What a consistent hash is taken of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HashOn {
    Ip,
    Path,
    Header(Box<str>),
    Cookie(Box<str>),
}

/// What tells the buckets of a limiter apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LimitKey {
    Route,
    Ip,
    Header(Box<str>),
    Principal,
}

/// When to try again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RetryPlan {
    /// Further tries once a request may have been processed.
    pub(crate) retries: u32,
    /// Methods that may be sent twice.
    pub(crate) methods: Vec<Box<str>>,
    /// Answers that call for another try.
    pub(crate) statuses: Vec<u16>,
    /// Share of requests that may be retries.
    pub(crate) budget_ratio: f64,
}

impl Plan {
    /// Compiles `spec`; the error says what is wrong and what would be right.
    pub(crate) fn compile(spec: &RouteSpec) -> Result<Self, String> {
        check_id(&spec.id)?;
        if spec.filters.len() > FILTERS_MAX {
            return Err(format!("more than {FILTERS_MAX} filters"));
        }
        let patterns: Vec<Pattern> =
            spec.paths.iter().map(|text| Pattern::parse(text)).collect::<Result<_, _>>()?;
        let (request, response) = edits::compile(&spec.filters, &patterns)?;
        let preserves = |filter| matches!(filter, &FilterSpec::PreserveHostHeader {});
        check_numbers(spec)?;
        Ok(Self {
            destination: Destination::parse(&spec.uri)?,
            hosts: spec
                .hosts
                .iter()
                .map(|text| HostPattern::parse(text))
                .collect::<Result<_, _>>()?,
            methods: spec.methods.iter().map(|text| method(text)).collect::<Result<_, _>>()?,
            headers: headers(spec)?,
            path_edits: path::compile(&spec.filters, &patterns)?,
            request,
            response,
            preserve_host: spec.filters.iter().any(preserves),
            algorithm: spec.balance.as_deref().map(algorithm).transpose()?,
            hash_on: spec.hash_on.as_deref().map(HashOn::parse).transpose()?,
            retry: RetryPlan::compile(spec)?,
            auth: spec.auth.as_ref().map(Auth::compile).transpose()?,
            limit_key: LimitKey::parse(spec)?,
            patterns,
        })
    }
}

impl Destination {
    fn parse(uri: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("target {uri:?} {why}; write lb://service or http://host:port");
        let (scheme, rest) = uri.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        let authority = rest.trim_end_matches('/');
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
        if authority.is_empty() || !authority.chars().all(legal) {
            return Err(wrong("names no host"));
        }
        match scheme {
            "lb" => Ok(Self::Service(authority.to_lowercase())),
            "http" => Self::fixed(authority, 80).ok_or_else(|| wrong("has a wrong port")),
            "https" => Err(wrong("needs TLS to the instance, which is not there yet")),
            _ => Err(wrong("has a scheme that is not known")),
        }
    }

    fn fixed(authority: &str, port_default: u16) -> Option<Self> {
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = port.map_or(Ok(port_default), str::parse).ok()?;
        (port != 0 && !host.is_empty()).then(|| Self::Fixed { host: host.to_owned(), port })
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let (below, name) = match lower.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, lower.as_str()),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if name.is_empty() || !name.chars().all(legal) {
            return Err(format!("host {text:?} must be a name or *.name, without a port"));
        }
        Ok(if below { Self::Below(lower[1..].into()) } else { Self::Exact(lower.into()) })
    }

    /// Whether `host`, without its port, is meant.
    pub(crate) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name),
            Self::Below(suffix) => {
                let begin = host.len().checked_sub(suffix.len()).filter(|begin| *begin > 0);
                let end = begin.and_then(|begin| host.get(begin..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
        }
    }
}

impl HashOn {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "ip" => Ok(Self::Ip),
            None if text == "path" => Ok(Self::Path),
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.into())),
            Some(("cookie", name)) if !name.is_empty() => Ok(Self::Cookie(name.into())),
            _ => Err(format!("hash_on {text:?} must be ip, path, header:NAME or cookie:NAME")),
        }
    }
}

impl LimitKey {
    fn parse(spec: &RouteSpec) -> Result<Self, String> {
        let key = spec.rate_limit.as_ref().and_then(|limit| limit.key.as_deref());
        match key.map(|text| text.split_once(':').ok_or(text)) {
            None | Some(Err("route")) => Ok(Self::Route),
            Some(Err("ip")) => Ok(Self::Ip),
            Some(Err("principal")) if spec.auth.is_some() => Ok(Self::Principal),
            Some(Err("principal")) => {
                Err("rate_limit: the key 'principal' needs 'auth' on the route".to_owned())
            }
            Some(Ok(("header", name))) if !name.is_empty() => Ok(Self::Header(name.into())),
            Some(_) => {
                Err("rate_limit: key must be route, ip, principal or header:NAME".to_owned())
            }
        }
    }
}

impl RetryPlan {
    /// Without a specification a request that may be sent twice is tried once more when its
    /// connection breaks; answers are not judged.
    fn compile(spec: &RouteSpec) -> Result<Self, String> {
        let given = spec.retry.clone();
        let judges = given.is_some();
        let retry = given.unwrap_or_default();
        if retry.retries >= TRIES_MAX {
            return Err(format!("retry: at most {} retries", TRIES_MAX - 1));
        }
        if !(0.0..=1.0).contains(&retry.budget_ratio) {
            return Err("retry: budget_ratio must be between 0 and 1".to_owned());
        }
        Ok(Self {
            retries: retry.retries,
            methods: retry.methods.iter().map(|text| method(text)).collect::<Result<_, _>>()?,
            statuses: if judges { retry.statuses } else { Vec::new() },
            budget_ratio: retry.budget_ratio,
        })
    }
}

fn check_id(id: &str) -> Result<(), String> {
    let legal = |c: char| !c.is_control() && c != '"' && c != '\\';
    if id.is_empty() || id.len() > 128 || !id.chars().all(legal) {
        return Err("the id must have 1 to 128 characters, without quotes and \\".to_owned());
    }
    Ok(())
}

fn check_numbers(spec: &RouteSpec) -> Result<(), String> {
    let limit = spec.rate_limit.as_ref();
    let breaker = spec.breaker.as_ref();
    let demands = [
        (
            limit.is_none_or(|limit| limit.per_second > 0.0 && limit.per_second.is_finite()),
            "rate_limit: per_second must be more than 0",
        ),
        (limit.is_none_or(|limit| limit.burst != Some(0)), "rate_limit: burst must be 1 or more"),
        (
            spec.concurrency.as_ref().is_none_or(|concurrency| concurrency.max > 0),
            "concurrency: max must be 1 or more",
        ),
        (
            breaker.is_none_or(|breaker| (0.0..=1.0).contains(&breaker.failure_ratio)),
            "breaker: failure_ratio must be between 0 and 1",
        ),
        (
            breaker.is_none_or(|breaker| breaker.window > 0 && breaker.open_ms > 0),
            "breaker: window and open_ms must be 1 or more",
        ),
        (spec.connect_timeout_ms != Some(0), "connect_timeout_ms must be 1 or more"),
        (spec.response_timeout_ms != Some(0), "response_timeout_ms must be 1 or more"),
        (
            spec.weight.as_ref().is_none_or(|weight| !weight.group.is_empty()),
            "weight: the group needs a name",
        ),
    ];
    match demands.into_iter().find(|(holds, _)| !holds) {
        Some((_, demand)) => Err(demand.to_owned()),
        None => Ok(()),
    }
}

fn method(text: &str) -> Result<Box<str>, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
        return Err(format!("{text:?} is not a method"));
    }
    Ok(text.to_ascii_uppercase().into())
}

/// `.*` asks for presence and needs no engine.
fn headers(spec: &RouteSpec) -> Result<Vec<HeaderMatch>, String> {
    let compile = |(name, text): (&String, &String)| {
        if text == ".*" {
            return Ok((name.as_str().into(), None));
        }
        let whole = RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(REGEX_MAX_BYTES)
            .build()
            .map_err(|error| format!("header {name:?}: {text:?} cannot be used: {error}"))?;
        Ok((name.as_str().into(), Some(whole)))
    };
    spec.headers.iter().map(compile).collect()
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Ok(match text {
        "p2c_peak_ewma" => Algorithm::PeakEwma,
        "round_robin" => Algorithm::RoundRobin,
        "weighted_round_robin" => Algorithm::WeightedRoundRobin,
        "random" => Algorithm::Random,
        "weighted_random" => Algorithm::WeightedRandom,
        "least_request" => Algorithm::LeastRequests,
        "consistent_hash" => Algorithm::ConsistentHash,
        _ => {
            return Err(format!(
                "balance {text:?} is not one of p2c_peak_ewma, round_robin, weighted_round_robin, \
                 random, weighted_random, least_request, consistent_hash"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_api::route::{RateLimitSpec, RetrySpec, WeightSpec};

    fn spec() -> RouteSpec {
        RouteSpec::parse_shorthand("/shop/**=lb://Storefront").unwrap()
    }

    #[test]
    fn destinations() {
        let fixed = |host: &str, port| Destination::Fixed { host: host.to_owned(), port };
        for (uri, expected) in [
            ("lb://Storefront", Destination::Service("storefront".to_owned())),
            ("lb://my_service/", Destination::Service("my_service".to_owned())),
            ("http://a.example", fixed("a.example", 80)),
            ("http://127.0.0.1:9000/ignored", fixed("", 0)),
            ("http://[::1]:9000", fixed("::1", 9000)),
        ] {
            match Destination::parse(uri) {
                Ok(destination) => assert_eq!(destination, expected, "{uri}"),
                Err(_) => assert!(uri.contains("ignored"), "{uri}"),
            }
        }
        for wrong in ["lb://", "shop", "ftp://a", "http://a:0", "http://a:x", "lb://a b"] {
            assert!(Destination::parse(wrong).unwrap_err().contains("lb://service"), "{wrong}");
        }
    }

    #[test]
    fn hosts() {
        let below = HostPattern::parse("*.Example").unwrap();
        assert!(below.matches("a.example") && below.matches("A.B.EXAMPLE"));
        assert!(!below.matches("example") && !below.matches(".example"));
        assert!(!below.matches("badexample"));
        assert!(HostPattern::parse("a.example").unwrap().matches("A.example"));
        assert!(HostPattern::parse("a:80").is_err() && HostPattern::parse("*").is_err());
    }

    #[test]
    fn a_route_without_retry_judges_no_answer() {
        let plan = Plan::compile(&spec()).unwrap();
        assert_eq!((plan.retry.retries, plan.retry.statuses.len()), (1, 0));
        let retry = Some(RetrySpec::default());
        let plan = Plan::compile(&RouteSpec { retry, ..spec() }).unwrap();
        assert_eq!(plan.retry.statuses, [502, 503, 504]);
    }

    #[test]
    fn wrong_specifications_say_why() {
        let limit = |per_second, key: Option<&str>| {
            let key = key.map(str::to_owned);
            Some(RateLimitSpec { per_second, burst: None, max_wait_ms: None, key })
        };
        for (spec, why) in [
            (RouteSpec { id: String::new(), ..spec() }, "id"),
            (RouteSpec { rate_limit: limit(0.0, None), ..spec() }, "per_second"),
            (RouteSpec { rate_limit: limit(1.0, Some("x")), ..spec() }, "key"),
            (RouteSpec { rate_limit: limit(1.0, Some("principal")), ..spec() }, "auth"),
            (RouteSpec { balance: Some("best".to_owned()), ..spec() }, "round_robin"),
            (RouteSpec { hash_on: Some("x".to_owned()), ..spec() }, "hash_on"),
            (RouteSpec { methods: vec!["G T".to_owned()], ..spec() }, "method"),
            (RouteSpec { headers: [("a".to_owned(), "(".to_owned())].into(), ..spec() }, "header"),
            (
                RouteSpec {
                    retry: Some(RetrySpec { retries: TRIES_MAX, ..RetrySpec::default() }),
                    ..spec()
                },
                "retries",
            ),
            (
                RouteSpec {
                    weight: Some(WeightSpec { group: String::new(), weight: 1 }),
                    ..spec()
                },
                "group",
            ),
        ] {
            let error = Plan::compile(&spec).unwrap_err();
            assert!(error.contains(why), "{error} should be about {why}");
        }
    }
}
