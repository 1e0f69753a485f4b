//! How a call is answered: the same meaning has another look in each generation of Nacos's API.

/// The generation and area of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Naming, core and console of v1: naked bodies, plain texts for errors.
    V1,
    /// Configuration of v1: as [`Style::V1`], with other words and content types.
    V1Config,
    /// Everything in a `Result`; parameters named as in 2.x.
    V2,
    /// Everything in a `Result`; parameters named as in 3.x.
    V3,
}

impl Style {
    /// Whether answers are naked.
    pub(super) fn is_v1(self) -> bool {
        matches!(self, Style::V1 | Style::V1Config)
    }

    /// The content type of JSON answers.
    pub(super) fn json(self) -> &'static str {
        match self {
            Style::V1Config => JSON_UTF8,
            _ => JSON,
        }
    }
}

/// Of most answers.
pub(super) const JSON: &str = "application/json";
/// Of the answers of configuration in v1.
pub(super) const JSON_UTF8: &str = "application/json;charset=UTF-8";
/// Of naked answers.
pub(super) const TEXT: &str = "text/plain;charset=UTF-8";
