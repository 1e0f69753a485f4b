//! The routes, compiled into an immutable snapshot that workers read without locks.

pub(crate) mod edits;
pub(crate) mod path;
pub(crate) mod pattern;
pub(crate) mod plan;

use std::collections::HashMap;
use std::sync::Arc;

use rand::Rng;
use rialto_api::route::RouteSpec;
use rialto_http1::Fields;
use rialto_telemetry::Meter;
use smallvec::SmallVec;

use crate::protect::Guard;
use crate::upstream::Upstream;
use pattern::{Candidates, PathIndex, Pattern};
use plan::Plan;

/// Where a route came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// File, environment or flag.
    Configuration,
    /// A document of the catalog, changed at run time.
    Catalog,
}

impl Origin {
    /// The word used in the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Catalog => "catalog",
        }
    }
}

/// A route with everything that a request needs of it.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) spec: RouteSpec,
    pub(crate) origin: Origin,
    pub(crate) plan: Plan,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) meter: Arc<Meter>,
    /// Limits and breaker; kept over changes of the table as long as the route does not change.
    pub(crate) guard: Arc<Guard>,
}

/// All routes. Those that are switched off are listed but never match.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// In the order of matching, the enabled ones first.
    pub(crate) routes: Vec<Arc<Route>>,
    any_host: PathIndex,
    by_host: HashMap<Box<str>, PathIndex, ahash::RandomState>,
    groups: Vec<Group>,
    /// The group of each route that has one.
    group_of: Vec<Option<u32>>,
}

/// Routes that share requests by weight.
#[derive(Debug, Default)]
struct Group {
    name: String,
    /// Running sum of weights up to and with each route.
    members: Vec<(u64, u32)>,
    total: u64,
}

/// What a route is looked up by.
pub(crate) struct Sought<'a> {
    pub(crate) path: &'a str,
    /// Host without its port.
    pub(crate) host: &'a str,
    pub(crate) method: &'a str,
    pub(crate) fields: &'a Fields<'a, 'a>,
}

impl Table {
    /// Sorts and indexes routes; equal orders keep the order given.
    pub(crate) fn new(mut routes: Vec<Arc<Route>>) -> Self {
        routes.sort_by_key(|route| (!enabled(&route.spec), route.spec.order));
        let mut table = Self { group_of: vec![None; routes.len()], ..Self::default() };
        let everything = Pattern::parse("/**").expect("this pattern is right");
        for (number, route) in (0..).zip(&routes) {
            if !enabled(&route.spec) {
                break;
            }
            let plan = &route.plan;
            let patterns = match plan.patterns.as_slice() {
                [] => std::slice::from_ref(&everything),
                patterns => patterns,
            };
            let exact = plan.hosts.iter().all(|host| matches!(host, plan::HostPattern::Exact(_)));
            for pattern in patterns {
                if plan.hosts.is_empty() || !exact {
                    table.any_host.insert(pattern, number);
                    continue;
                }
                for host in &plan.hosts {
                    if let plan::HostPattern::Exact(name) = host {
                        table.by_host.entry(name.clone()).or_default().insert(pattern, number);
                    }
                }
            }
            table.enter_group(number, &route.spec);
        }
        table.routes = routes;
        table
    }

    fn enter_group(&mut self, number: u32, spec: &RouteSpec) {
        let Some(weight) = &spec.weight else { return };
        let at = self.groups.iter().position(|group| group.name == weight.group);
        let at = at.unwrap_or_else(|| {
            self.groups.push(Group { name: weight.group.clone(), ..Group::default() });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        group.total += u64::from(weight.weight);
        group.members.push((group.total, number));
        self.group_of[number as usize] = u32::try_from(at).ok();
    }

    /// The position of the first route that matches. Allocates nothing for usual paths.
    pub(crate) fn find(&self, sought: &Sought<'_>, random: &mut impl Rng) -> Option<u32> {
        let mut candidates = Candidates::new();
        self.any_host.find(sought.path, &mut candidates);
        if !self.by_host.is_empty() {
            let mut lower: SmallVec<[u8; 64]> = SmallVec::from_slice(sought.host.as_bytes());
            lower.make_ascii_lowercase();
            let host = std::str::from_utf8(&lower).unwrap_or_default();
            if let Some(index) = self.by_host.get(host) {
                index.find(sought.path, &mut candidates);
            }
        }
        candidates.sort_unstable();
        let mut drawn: SmallVec<[(u32, u32); 4]> = SmallVec::new();
        candidates.into_iter().find(|number| {
            self.routes[*number as usize].accepts(sought)
                && self.is_drawn(*number, &mut drawn, random)
        })
    }

    /// Whether the route is its group's choice for this request; one draw for each group.
    fn is_drawn(
        &self,
        number: u32,
        drawn: &mut SmallVec<[(u32, u32); 4]>,
        random: &mut impl Rng,
    ) -> bool {
        let Some(at) = self.group_of[number as usize] else { return true };
        if let Some((_, chosen)) = drawn.iter().find(|(group, _)| *group == at) {
            return *chosen == number;
        }
        let group = &self.groups[at as usize];
        if group.total == 0 {
            return false;
        }
        let point = random.random_range(0..group.total);
        let member = group.members.partition_point(|(sum, _)| *sum <= point);
        let chosen = group.members[member].1;
        drawn.push((at, chosen));
        chosen == number
    }
}

impl Route {
    /// Everything but the path and exact hosts, which the index has decided.
    fn accepts(&self, sought: &Sought<'_>) -> bool {
        let plan = &self.plan;
        let host = plan.hosts.is_empty() || plan.hosts.iter().any(|one| one.matches(sought.host));
        let method =
            plan.methods.is_empty() || plan.methods.iter().any(|method| **method == *sought.method);
        host && method
            && plan.headers.iter().all(|(name, pattern)| {
                sought.fields.iter().any(|(line, _)| {
                    line.name.eq_ignore_ascii_case(name)
                        && pattern.as_ref().is_none_or(|pattern| pattern.is_match(line.value))
                })
            })
    }
}

pub(crate) fn enabled(spec: &RouteSpec) -> bool {
    spec.enabled.unwrap_or(true)
}

#[cfg(test)]
pub(crate) mod tests;
