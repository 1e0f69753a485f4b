//! The TOML file: decoded with the position of every key and value.

use rialto_api::route::RouteSpec;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::layer::{Entry, Layer, PlacedRoute};
use super::limits::FILE_MAX_BYTES;
use super::nearest::nearest;
use super::place::Place;
use super::problem::Problem;
use super::schema::SETTINGS;
use super::value::Raw;

impl Layer {
    /// The layer of a file's text; `path` is only for messages.
    pub fn file(path: &str, text: &str) -> Self {
        if text.len() > FILE_MAX_BYTES {
            return Self::too_large(path, text.len());
        }
        let mut reader = Reader { path, text, layer: Self::default() };
        match DeTable::parse(text) {
            Ok(table) => reader.table("", table.get_ref()),
            Err(error) => {
                let place = reader.place(error.span().map_or(0, |span| span.start));
                let message = error.message().trim().replace('\n', ", ");
                reader.layer.problems.push(Problem::Syntax { message, place });
            }
        }
        reader.layer
    }
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    layer: Layer,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> Place {
        Place::in_file(self.path, self.text, offset)
    }

    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = match section {
                "" => name.get_ref().to_string(),
                section => format!("{section}.{}", name.get_ref()),
            };
            match value.get_ref() {
                DeValue::Array(routes) if key == "routes" => {
                    for route in routes.iter() {
                        self.route(route);
                    }
                }
                DeValue::Table(inner) if is_section(&key) => self.table(&key, inner),
                other if is_setting(&key) => {
                    let (raw, place) = (Raw::toml(other), self.place(value.span().start));
                    self.layer.entries.push(Entry { key, raw, place });
                }
                other => self.refuse(key, other, self.place(name.span().start)),
            }
        }
    }

    fn refuse(&mut self, key: String, value: &DeValue<'_>, place: Place) {
        let problem = if key == "routes" {
            Problem::WrongValue {
                key,
                found: format!("of type {}", value.type_str()),
                expected: "a list of tables, each begun by [[routes]]".to_owned(),
                place,
            }
        } else if is_section(&key) {
            Problem::WrongValue {
                found: format!("of type {}", value.type_str()),
                expected: format!("a group of settings like [{key}]"),
                key,
                place,
            }
        } else {
            let keys = SETTINGS.iter().map(|setting| setting.key);
            let names = keys.chain(sections()).chain(["routes"]);
            let nearest = nearest(&key, names);
            Problem::UnknownKey { key, nearest, place }
        };
        self.layer.problems.push(problem);
    }

    fn route(&mut self, value: &Spanned<DeValue<'_>>) {
        let at = value.span().start;
        match RouteSpec::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(mut spec) => {
                let place = self.place(at);
                if spec.id.is_empty()
                    && let Some(path) = spec.paths.first()
                    && let Ok(named) = RouteSpec::parse_shorthand(&format!("{path}={}", spec.uri))
                {
                    spec.id = named.id;
                }
                self.layer.routes.push(PlacedRoute { spec, place });
            }
            Err(error) => {
                let place = self.place(error.span().map_or(at, |span| span.start));
                let message = format!("route: {}", with_nearest(error.message().trim()));
                self.layer.problems.push(Problem::Route { message, place });
            }
        }
    }
}

fn sections() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter_map(|setting| setting.key.rsplit_once('.').map(|(group, _)| group))
}

fn is_section(key: &str) -> bool {
    sections().any(|section| section == key)
}

fn is_setting(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key == key)
}

/// Adds the nearest valid name to serde's "unknown field `x`, expected one of `a`, `b`".
fn with_nearest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let found = quoted.next().filter(|_| unknown).and_then(|typed| nearest(typed, quoted));
    found.map_or_else(
        || message.to_owned(),
        |name| {
            let what = message.split(", expected").next().unwrap_or(message);
            format!("{what}; did you mean `{name}`?")
        },
    )
}
