//! The one table of routes: what can be called, how, and what it needs.
//!
//! Each file of calls lists its own routes beside them; here they are found. Whoever checks that
//! nothing can be reached unguarded goes through [`routes`].

use std::collections::HashMap;
use std::sync::LazyLock;

use rialto_door::http::Reply;
use rialto_security::Action;

use super::ask::Ask;
use super::check::Checks;
use super::desk::Desk;
use super::refusal::Refusal;
use super::style::Style;
use crate::access::{Rule, Scope};
use crate::codec::form;

/// What is behind a route.
pub(super) type Handler = fn(&Desk, &Ask<'_>) -> Result<Reply, Refusal>;

/// A call that can be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    /// GET, POST, PUT, DELETE or PATCH.
    pub(crate) method: &'static str,
    /// Below `/nacos`. A segment `*` stands for one segment of any text.
    pub(crate) path: &'static str,
    /// How it is answered.
    pub(crate) style: Style,
    /// What it asks of its caller.
    pub(crate) rule: Rule,
    pub(super) answer: Handler,
}

/// A route that anybody may call.
pub(super) const fn open(
    method: &'static str,
    path: &'static str,
    style: Style,
    answer: Handler,
) -> Route {
    Route { method, path, style, rule: Rule::Public, answer }
}

/// A route about the signed-in caller's own record.
pub(super) const fn oneself(
    method: &'static str,
    path: &'static str,
    style: Style,
    answer: Handler,
) -> Route {
    Route { method, path, style, rule: Rule::Oneself, answer }
}

/// A route that reads.
pub(super) const fn reads(
    scope: Scope,
    path: &'static str,
    style: Style,
    answer: Handler,
) -> Route {
    Route { method: "GET", path, style, rule: Rule::Needs(Action::Read, scope), answer }
}

/// A route that does more than read.
pub(super) const fn does(
    (action, scope): (Action, Scope),
    method: &'static str,
    path: &'static str,
    style: Style,
    answer: Handler,
) -> Route {
    Route { method, path, style, rule: Rule::Needs(action, scope), answer }
}

/// A route whose call decides itself on each of the things that it names.
pub(super) const fn each(
    (action, scope): (Action, Scope),
    method: &'static str,
    path: &'static str,
    style: Style,
    answer: Handler,
) -> Route {
    Route { method, path, style, rule: Rule::Each(action, scope), answer }
}

/// Every list of routes.
const LISTS: &[&[Route]] = &[
    super::auth::ROUTES,
    super::instance::ROUTES,
    super::service::ROUTES,
    super::catalog::ROUTES,
    super::client::ROUTES,
    super::config::ROUTES,
    super::publish::ROUTES,
    super::listen::ROUTES,
    super::transfer::ROUTES,
    super::history::ROUTES,
    super::namespace::ROUTES,
    super::node::ROUTES,
    super::loader::ROUTES,
];

/// Every route.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    LISTS.iter().copied().flatten()
}

impl Route {
    /// Which parameters are checked before the call.
    pub(super) fn checks(&self) -> Checks {
        match self.rule {
            Rule::Needs(_, Scope::Service) | Rule::Each(_, Scope::Service) => Checks::Naming,
            Rule::Needs(_, Scope::Configuration) | Rule::Each(_, Scope::Configuration) => {
                let searches = ["/list", "/searchDetail", "/export", "/export2"];
                let is_search = searches.iter().any(|end| self.path.ends_with(end));
                if is_search && !self.path.contains("/history/") {
                    Checks::ConfigSearch
                } else {
                    Checks::Config
                }
            }
            Rule::Needs(_, Scope::Namespaces) => Checks::Namespaces,
            _ => Checks::None,
        }
    }
}

/// What was found for a call.
#[derive(Debug)]
pub(super) enum Found {
    /// A route, and the texts that stood for its `*`.
    Route(&'static Route, Vec<String>),
    /// The path exists, with other methods.
    OtherMethod(Style),
    /// Nothing, under a part of the API that exists or not.
    Nothing(Style),
}

type Methods = Vec<&'static Route>;

static BY_PATH: LazyLock<HashMap<&'static str, Methods>> = LazyLock::new(|| {
    let mut all: HashMap<&'static str, Methods> = HashMap::new();
    for route in routes() {
        all.entry(route.path).or_default().push(route);
    }
    all
});

/// Finds the route of a path below `/nacos`.
pub(super) fn find(method: &str, path: &str) -> Found {
    let path = match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => path,
    };
    if let Some(methods) = BY_PATH.get(path).filter(|_| !path.contains('*')) {
        return among(methods, method, Vec::new());
    }
    let wild = BY_PATH.iter().filter(|(pattern, _)| pattern.contains('*'));
    let found =
        wild.filter_map(|(pattern, methods)| Some((methods, segments(pattern, path)?))).next();
    match found {
        Some((methods, segments)) => among(methods, method, segments),
        None => Found::Nothing(style_of(path)),
    }
}

fn among(methods: &Methods, method: &str, segments: Vec<String>) -> Found {
    // HEAD is GET without the body, which the connection leaves out.
    let wanted = if method == "HEAD" { "GET" } else { method };
    match methods.iter().find(|route| route.method == wanted) {
        Some(route) => Found::Route(route, segments),
        None => Found::OtherMethod(methods[0].style),
    }
}

/// The texts that stand for the `*` of a pattern, decoded; `None` when the path is another one.
fn segments(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some("*"), Some(text)) if !text.is_empty() => {
                found.push(form::decode(text.as_bytes()).ok()?.into_owned());
            }
            (Some(same), Some(text)) if same == text => {}
            _ => return None,
        }
    }
}

fn style_of(path: &str) -> Style {
    match path {
        _ if path.starts_with("/v1/cs/") => Style::V1Config,
        _ if path.starts_with("/v2/") => Style::V2,
        _ if path.starts_with("/v3/") => Style::V3,
        _ => Style::V1,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn found(method: &str, path: &str) -> String {
        match find(method, path) {
            Found::Route(route, segments) => format!("{} {segments:?}", route.path),
            Found::OtherMethod(style) => format!("other method, {style:?}"),
            Found::Nothing(style) => format!("nothing, {style:?}"),
        }
    }

    #[test]
    fn no_route_is_there_twice() {
        let mut seen = HashSet::new();
        for route in routes() {
            assert!(seen.insert((route.method, route.path)), "{} {}", route.method, route.path);
            assert!(route.path.starts_with('/'), "{}", route.path);
            let style = style_of(route.path);
            let of_others = ["/prometheus", "/actuator", "/serverlist"];
            if !of_others.iter().any(|it| route.path.starts_with(it)) {
                assert_eq!(route.style, style, "{}", route.path);
            }
        }
    }

    #[test]
    fn paths_have_one_reading() {
        for (method, path, expected) in [
            ("GET", "/v1/ns/instance/list", "/v1/ns/instance/list []"),
            ("HEAD", "/v1/ns/instance/list/", "/v1/ns/instance/list []"),
            ("POST", "/v1/ns/instance/list", "other method, V1"),
            ("GET", "/v1/ns/Instance/list", "nothing, V1"),
            ("GET", "/v1/ns//instance/list", "nothing, V1"),
            ("GET", "/v1/ns/./instance/list", "nothing, V1"),
            ("GET", "/v1/ns/instance%2Flist", "nothing, V1"),
            ("GET", "/v1/ns/instance/list;x=1", "nothing, V1"),
            ("GET", "/v1/ns/instance/list//", "nothing, V1"),
            ("GET", "/v1/cs/nothing", "nothing, V1Config"),
            ("GET", "/v3/nothing", "nothing, V3"),
            ("GET", "/v2/ns/instance/statuses/a%23b", r#"/v2/ns/instance/statuses/* ["a#b"]"#),
            ("GET", "/v2/ns/instance/statuses/*", r#"/v2/ns/instance/statuses/* ["*"]"#),
            ("GET", "/v1/ns/instance/statuses/a", "nothing, V1"),
            (
                "GET",
                "/prometheus/namespaceId/n/service/s",
                r#"/prometheus/namespaceId/*/service/* ["n", "s"]"#,
            ),
            ("GET", "/", "/ []"),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }
}
