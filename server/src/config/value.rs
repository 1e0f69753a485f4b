//! Values of settings: read from text (environment, flags) or from TOML, checked against the kind.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rialto_gateway::Network;
use toml::de::DeValue;

use super::limits::TEXT_MAX_BYTES;
use super::schema::Kind;

/// Where a door listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere: the door is switched off.
    Off,
    /// At this address; port 0 lets the system choose.
    At(SocketAddr),
}

impl Listen {
    /// The address, unless the door is off.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::Off);
        }
        if let Some(port) = text.strip_prefix("localhost:") {
            let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?);
            return Some(Self::At(address));
        }
        text.parse().ok().map(Self::At)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => write!(f, "{address}"),
        }
    }
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one who verifies it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a door.
    Listen(Listen),
    /// Of a switch.
    Switch(bool),
    /// A whole number.
    Number(u64),
    /// A word, path or text.
    Text(String),
    /// A secret.
    Secret(Secret),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(listen) => write!(f, "{listen}"),
            Self::Switch(on) => write!(f, "{on}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Secret(secret) if secret.reveal().is_empty() => Ok(()),
            Self::Secret(_) => f.write_str("(hidden)"),
        }
    }
}

/// A value as it was written, before anybody knows what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// Text of the environment or the command line, or a TOML string.
    Text {
        /// The text.
        text: String,
        /// Whether it was a TOML string, which is never read as a number or switch.
        quoted: bool,
    },
    /// A TOML boolean.
    Switch(bool),
    /// A TOML integer; nothing when it is out of range.
    Number(Option<u64>),
    /// Any other TOML type, by its name.
    Other(&'static str),
}

impl Raw {
    /// Text of the environment or the command line.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), quoted: false }
    }

    /// A TOML value.
    pub fn toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text { text: text.to_string(), quoted: true },
            DeValue::Boolean(on) => Self::Switch(*on),
            DeValue::Integer(integer) => {
                Self::Number(u64::from_str_radix(integer.as_str(), integer.radix()).ok())
            }
            other => Self::Other(other.type_str()),
        }
    }

    /// The value, if this is one of that kind.
    pub fn check(&self, kind: Kind) -> Option<Value> {
        match (kind, self) {
            (Kind::Number { min, max }, Self::Number(Some(number))) => {
                (min..=max).contains(number).then_some(Value::Number(*number))
            }
            (Kind::Switch, Self::Switch(on)) => Some(Value::Switch(*on)),
            (_, Self::Text { text, quoted }) => check_text(kind, text, *quoted),
            _ => None,
        }
    }

    /// What was written, for a message that says what should be; a secret is not repeated.
    pub fn describe(&self, kind: Kind) -> String {
        match self {
            Self::Text { .. } if kind == Kind::Secret => "too long".to_owned(),
            Self::Text { text, .. } if text.len() > TEXT_MAX_BYTES => {
                format!("a text of {} bytes (at most {TEXT_MAX_BYTES})", text.len())
            }
            Self::Text { text, .. } => format!("{text:?}"),
            Self::Switch(on) => format!("the boolean {on}"),
            Self::Number(Some(number)) => format!("the number {number}"),
            Self::Number(None) => "a number out of range".to_owned(),
            Self::Other(name) => format!("of type {name}"),
        }
    }
}

fn check_text(kind: Kind, text: &str, quoted: bool) -> Option<Value> {
    if text.len() > TEXT_MAX_BYTES || text.contains('\0') {
        return None;
    }
    match kind {
        Kind::Listen => Listen::parse(text).map(Value::Listen),
        Kind::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        Kind::Networks => networks(text).map(|_| Value::Text(text.to_owned())),
        Kind::Path | Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Secret => Some(Value::Secret(Secret(text.to_owned()))),
        Kind::Switch if !quoted => text.parse().ok().map(Value::Switch),
        Kind::Number { .. } if !quoted => Raw::Number(text.parse().ok()).check(kind),
        Kind::Switch | Kind::Number { .. } => None,
    }
}

/// The networks of a list, if each is one.
pub(super) fn networks(text: &str) -> Option<Vec<Network>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().ok()).collect()
}
