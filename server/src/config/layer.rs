//! A layer: what one source says, before it is checked and merged.

use std::collections::HashSet;

use rialto_api::route::RouteSpec;

use super::limits::FILE_MAX_BYTES;
use super::nearest::nearest;
use super::place::Place;
use super::problem::Problem;
use super::schema::{SETTINGS, Setting};
use super::value::Raw;

/// What one source says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layer {
    /// Settings in the order written; keys are not yet known to exist.
    pub entries: Vec<Entry>,
    /// Routes in the order written.
    pub routes: Vec<PlacedRoute>,
    /// What could not be read at all.
    pub problems: Vec<Problem>,
}

/// One setting as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Dotted key.
    pub key: String,
    /// What was written.
    pub raw: Raw,
    /// Where.
    pub place: Place,
}

/// A route and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedRoute {
    /// The route.
    pub spec: RouteSpec,
    /// Where.
    pub place: Place,
}

impl Layer {
    /// The layer of the environment: `RIALTO_EUREKA_LISTEN` is `eureka.listen`. Variables that
    /// other parts of the product read, or that Kubernetes sets for a service called `rialto`, are
    /// left alone; any other `RIALTO_…` is a mistake.
    pub fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut layer = Self::default();
        let mut ours: Vec<_> =
            variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        ours.sort();
        for (name, text) in ours {
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) {
                layer.entries.push(Entry {
                    key: setting.key.to_owned(),
                    raw: Raw::text(text),
                    place: Place::Variable(name),
                });
            } else if !is_read_elsewhere(&name) {
                let names: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
                let typed = name.to_lowercase();
                let folded: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
                let found = nearest(&typed, folded.iter().map(String::as_str));
                let nearest = found.map(str::to_uppercase);
                layer.problems.push(Problem::UnknownVariable { variable: name, nearest });
            }
        }
        layer
    }

    /// The layer of the command line.
    pub fn flags(sets: &[String], routes: &[String], named: &[(&str, &str, String)]) -> Self {
        let mut layer = Self::default();
        for (flag, key, text) in named {
            layer.entries.push(Entry {
                key: (*key).to_owned(),
                raw: Raw::text(text),
                place: Place::Flag(format!("{flag} {text}")),
            });
        }
        for set in sets {
            layer.set(set);
        }
        for text in routes {
            let place = Place::Flag(format!("--route '{text}'"));
            match RouteSpec::parse_shorthand(text) {
                Ok(spec) => layer.routes.push(PlacedRoute { spec, place }),
                Err(error) => {
                    layer.problems.push(Problem::Route { message: error.to_string(), place });
                }
            }
        }
        layer.number_equal_routes();
        layer
    }

    fn set(&mut self, text: &str) {
        let Some((key, value)) = text.split_once('=') else {
            self.problems.push(Problem::WrongValue {
                key: "--set".to_owned(),
                found: format!("{text:?}"),
                expected: "KEY=VALUE like eureka.listen=127.0.0.1:8762".to_owned(),
                place: Place::Flag(format!("--set {text}")),
            });
            return;
        };
        let key = key.trim();
        // What is wrong is named without the value: it may be a password.
        let place = Place::Flag(format!("--set {key}"));
        if key == "admin.password" {
            self.problems.push(Problem::Refused {
                message: "a password on the command line is visible to everybody on this machine; \
                          set RIALTO_ADMIN_PASSWORD instead"
                    .to_owned(),
                place,
            });
            return;
        }
        self.entries.push(Entry { key: key.to_owned(), raw: Raw::text(value), place });
    }

    /// Two `--route` flags below the same first segment are both meant: the second gets a number.
    fn number_equal_routes(&mut self) {
        let mut taken = HashSet::new();
        for route in &mut self.routes {
            let base = route.spec.id.clone();
            let mut number = 2;
            while !taken.insert(route.spec.id.clone()) {
                route.spec.id = format!("{base}-{number}");
                number += 1;
            }
        }
    }

    /// A layer that says only that a file is too large to be read.
    pub fn too_large(path: &str, bytes: usize) -> Self {
        let problem = Problem::TooLarge {
            subject: path.to_owned(),
            found: bytes,
            limit: FILE_MAX_BYTES,
            unit: "bytes",
        };
        Self { problems: vec![problem], ..Self::default() }
    }
}

const PREFIX: &str = "RIALTO_";

/// Variables that the SDK, `rialto ctl` and the shop read.
const ELSEWHERE: &[&str] = &[
    "RIALTO_CACHE",
    "RIALTO_CONFIG",
    "RIALTO_HOST",
    "RIALTO_NAME",
    "RIALTO_SERVER",
    "RIALTO_ZONE",
];
const ELSEWHERE_PREFIXES: &[&str] = &[
    "RIALTO_TOKEN",
    "RIALTO_SDK_",
    "RIALTO_SHOP_",
    "RIALTO_BENCH_",
    "RIALTO_TEST_",
    // Set by Kubernetes in every container when a service is called `rialto`.
    "RIALTO_SERVICE_",
    "RIALTO_PORT",
];

fn is_read_elsewhere(name: &str) -> bool {
    ELSEWHERE.contains(&name) || ELSEWHERE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
