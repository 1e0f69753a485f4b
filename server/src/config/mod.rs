//! Configuration: defaults, a TOML file, the environment and flags become one validated [`Config`].
//!
//! Nothing here reads a file, a variable or a clock: `cli::sources` hands sources in as text, each
//! becomes a [`Layer`], and [`resolve`] merges them, the later over the earlier.

mod explain;
mod file;
mod fuzz;
mod layer;
mod limits;
mod nearest;
mod place;
mod problem;
mod rules;
mod schema;
mod value;

#[cfg(test)]
mod tests;

pub use explain::{to_json, to_text};
pub use fuzz::fuzz;
pub use layer::{Entry, Layer, PlacedRoute};
pub use limits::{FILE_MAX_BYTES, ROUTES_MAX, TEXT_MAX_BYTES};
pub use nearest::nearest;
pub use place::Place;
pub use problem::{Problem, Problems};
pub use schema::{Kind, SETTINGS, Setting};
pub use value::{Listen, Raw, Secret, Value};

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use rialto_api::route::RouteSpec;
use rialto_door::Access;
use rialto_gateway::{AccessLog, Limits, LogFormat, Network};

/// A whole configuration, every value checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Data folder.
    pub data: PathBuf,
    /// Where to say that everything serves.
    pub ready_file: Option<PathBuf>,
    /// The administrator's password, when one is set.
    pub admin_password: Option<Secret>,
    /// Logs.
    pub log: Log,
    /// How long requests under way get at a stop.
    pub drain: Duration,
    /// Eureka door.
    pub eureka: Eureka,
    /// Nacos door.
    pub nacos: Nacos,
    /// Gateway.
    pub gateway: Gateway,
    /// API and console.
    pub api: Api,
    /// Catalog.
    pub catalog: Catalog,
    /// Routes, identifiers unique.
    pub routes: Vec<RouteSpec>,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// JSON instead of text for people.
    pub json: bool,
    /// Filter such as `info` or `info,rialto_gateway=debug`.
    pub level: String,
}

/// Eureka door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eureka {
    /// Where it listens.
    pub listen: Listen,
    /// Who may call.
    pub access: Access,
    /// Threads; 0 means one per processor.
    pub workers: usize,
    /// Netflix's numbers for lease expiry instead of exact ones.
    pub netflix: bool,
}

/// Nacos door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nacos {
    /// Where it listens for HTTP; gRPC at the port plus 1000.
    pub listen: Listen,
    /// Who may call.
    pub access: Access,
    /// Threads; 0 means one per processor.
    pub workers: usize,
    /// Files of certificate chain and key, when TLS is spoken too.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// Gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Where it listens.
    pub listen: Listen,
    /// Threads; 0 means one per processor.
    pub workers: usize,
    /// One line per request.
    pub access_log: AccessLog,
    /// How it looks.
    pub access_log_format: LogFormat,
    /// Proxies whose word on the client is believed.
    pub trusted_proxies: Vec<Network>,
    /// Whether `%2F` and `%5C` pass.
    pub encoded_slashes: bool,
    /// Times, sizes and counts.
    pub limits: Limits,
}

/// API and console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where it listens.
    pub listen: Listen,
}

/// Self-preservation of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// Whether expiry is ever held back.
    pub protection: bool,
    /// Longest time that it is.
    pub protection_max_ms: u64,
}

/// A configuration with the origin of each value.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The configuration.
    pub config: Config,
    /// Each setting's value and where it was written, in the order of [`SETTINGS`].
    pub values: Vec<Placed>,
    /// Each route and where it was written, in the order of `config.routes`.
    pub routes: Vec<PlacedRoute>,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The setting.
    pub setting: &'static Setting,
    /// Its value.
    pub value: Value,
    /// Where it was written.
    pub place: Place,
}

// `Setting` is a row of a constant table: the key says which.
impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// Merges layers, the later over the earlier, over the defaults.
///
/// # Errors
/// Everything that is wrong, in the order of the layers.
pub fn resolve(default_data: &str, layers: Vec<Layer>) -> Result<Resolved, Problems> {
    let mut merge = Merge::new(default_data);
    for layer in layers {
        merge.add(layer);
    }
    merge.finish()
}

struct Merge {
    values: Vec<Placed>,
    routes: Vec<PlacedRoute>,
    problems: Vec<Problem>,
}

impl Merge {
    fn new(default_data: &str) -> Self {
        let values = SETTINGS.iter().map(|setting| {
            let text = if setting.key == "data" { default_data } else { setting.default };
            let value = Raw::text(text).check(setting.kind);
            let value = value.expect("a built-in default is valid, as a test shows");
            Placed { setting, value, place: Place::Default }
        });
        Self { values: values.collect(), routes: Vec::new(), problems: Vec::new() }
    }

    fn add(&mut self, layer: Layer) {
        self.problems.extend(layer.problems);
        for entry in layer.entries {
            self.entry(entry);
        }
        let mut routes = Vec::new();
        let mut places = HashMap::new();
        for route in layer.routes {
            match self.refused(&route, &places) {
                Some(message) => {
                    self.problems.push(Problem::Route { message, place: route.place });
                }
                None => {
                    places.insert(route.spec.id.clone(), route.place.clone());
                    routes.push(route);
                }
            }
        }
        // A later layer's route replaces the earlier one of the same name.
        self.routes.retain(|old| !places.contains_key(&old.spec.id));
        self.routes.append(&mut routes);
    }

    fn entry(&mut self, Entry { key, raw, place }: Entry) {
        let Some(placed) = self.values.iter_mut().find(|placed| placed.setting.key == key) else {
            let nearest = nearest(&key, SETTINGS.iter().map(|setting| setting.key));
            self.problems.push(Problem::UnknownKey { key, nearest, place });
            return;
        };
        let kind = placed.setting.kind;
        match raw.check(kind) {
            Some(value) => {
                placed.value = value;
                placed.place = place;
            }
            None => self.problems.push(Problem::WrongValue {
                found: raw.describe(kind),
                expected: kind.expected(),
                key,
                place,
            }),
        }
    }

    fn refused(&self, route: &PlacedRoute, places: &HashMap<String, Place>) -> Option<String> {
        let id = &route.spec.id;
        if id.is_empty() {
            Some("a route needs an id, like id = \"shop\"".to_owned())
        } else if route.spec.uri.is_empty() {
            Some(format!("route {id:?} needs a uri, like uri = \"lb://storefront\""))
        } else {
            places.get(id).map(|twin| format!("route {id:?} exists already, at {twin}"))
        }
    }

    fn finish(mut self) -> Result<Resolved, Problems> {
        rules::check(&self.values, &mut self.problems);
        if self.routes.len() > ROUTES_MAX {
            self.problems.push(Problem::TooLarge {
                subject: "the list of routes".to_owned(),
                found: self.routes.len(),
                limit: ROUTES_MAX,
                unit: "routes",
            });
        }
        Problems::check(self.problems)?;
        let config = rules::build(&self.values, &self.routes);
        Ok(Resolved { config, values: self.values, routes: self.routes })
    }
}

impl Resolved {
    /// Asks somebody who knows routes whether each can be used.
    ///
    /// # Errors
    /// The routes refused, with their places.
    pub fn check_routes(
        &self,
        check: impl Fn(&RouteSpec) -> Result<(), String>,
    ) -> Result<(), Problems> {
        let problems = self.routes.iter().filter_map(|route| {
            let id = &route.spec.id;
            let place = route.place.clone();
            let refused = check(&route.spec).err()?;
            Some(Problem::Route { message: format!("route {id:?}: {refused}"), place })
        });
        Problems::check(problems.collect())
    }
}
