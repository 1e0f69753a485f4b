//! The options in `#[client(…)]` and `#[get("…", …)]`.

use std::fmt::Write as _;

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, LitInt, LitStr, Result, Token};

/// Longest time that a call may be given: a day.
const TIMEOUT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// Most further tries of a call.
const RETRIES_MAX: u32 = 10;

/// `#[client(service = "stock", path = "/api", timeout = "1s", retry = 1)]`.
pub(crate) struct ClientOptions {
    pub(crate) service: LitStr,
    pub(crate) path: Option<LitStr>,
    pub(crate) policy: Policy,
}

/// `("/items/{id}", timeout = "300ms", retry = 2)`.
pub(crate) struct MethodOptions {
    pub(crate) path: LitStr,
    pub(crate) policy: Policy,
}

/// How a call is protected.
#[derive(Default, Clone)]
pub(crate) struct Policy {
    pub(crate) timeout_ms: Option<u64>,
    /// With the place to point at.
    pub(crate) retries: Option<(u32, Span)>,
}

impl Parse for ClientOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut service, mut path, mut policy) = (None, None, Policy::default());
        for pair in Punctuated::<Pair, Token![,]>::parse_terminated(input)? {
            match pair.name.to_string().as_str() {
                "service" => service = Some(service_name(pair.string()?)?),
                "path" => path = Some(prefix(pair.string()?)?),
                _ => policy.take(&pair, &["service", "path", "timeout", "retry"])?,
            }
        }
        let service = service.ok_or_else(|| {
            Error::new(
                Span::call_site(),
                "which service is called? Write `#[client(service = \"stock\")]`",
            )
        })?;
        Ok(Self { service, path, policy })
    }
}

impl Parse for MethodOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(LitStr) {
            return Err(input.error("the path comes first: `(\"/items/{id}\")`"));
        }
        let path = input.parse()?;
        let mut policy = Policy::default();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            policy.take(&input.parse()?, &["timeout", "retry"])?;
        }
        Ok(Self { path, policy })
    }
}

impl Policy {
    /// This policy, with another's values where it sets none.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            timeout_ms: self.timeout_ms.or(other.timeout_ms),
            retries: self.retries.or(other.retries),
        }
    }

    fn take(&mut self, pair: &Pair, known: &[&str]) -> Result<()> {
        match pair.name.to_string().as_str() {
            "timeout" => {
                let text = pair.string()?;
                let timeout = duration_ms(&text.value()).map_err(|told| spanned(&text, &told))?;
                self.timeout_ms = Some(timeout);
            }
            "retry" => self.retries = Some((pair.retries()?, pair.value.span())),
            unknown => return Err(spanned(&pair.name, &unknown_option(unknown, known))),
        }
        Ok(())
    }
}

struct Pair {
    name: Ident,
    value: Lit,
}

impl Parse for Pair {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

impl Pair {
    fn string(&self) -> Result<LitStr> {
        match &self.value {
            Lit::Str(text) => Ok(text.clone()),
            other => Err(spanned(other, &format!("`{}` takes a string in quotes", self.name))),
        }
    }

    fn retries(&self) -> Result<u32> {
        let number = match &self.value {
            Lit::Int(number) => LitInt::base10_parse::<u32>(number).ok(),
            _ => None,
        };
        number.filter(|retries| *retries <= RETRIES_MAX).ok_or_else(|| {
            spanned(
                &self.value,
                &format!("`retry` takes a number of further tries, 0 to {RETRIES_MAX}"),
            )
        })
    }
}

fn unknown_option(unknown: &str, known: &[&str]) -> String {
    let mut told = format!("there is no option `{unknown}`");
    match known.iter().find(|name| distance(name, unknown) <= 2) {
        Some(name) => _ = write!(told, "; did you mean `{name}`?"),
        None => _ = write!(told, "; there are `{}`", known.join("`, `")),
    }
    told
}

/// Edits from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

/// Reads `300ms`, `1.5s`, `2m`.
fn duration_ms(text: &str) -> std::result::Result<u64, String> {
    let unreadable = || format!("`{text}` is no duration; write `300ms`, `1.5s` or `2m`");
    let unit = text.find(|character: char| character.is_ascii_alphabetic());
    let (number, unit) = text.split_at(unit.ok_or_else(unreadable)?);
    let scale = match unit {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        _ => return Err(unreadable()),
    };
    let digits = number.chars().all(|character| character.is_ascii_digit() || character == '.');
    let number: f64 = number.parse().ok().filter(|_| digits).ok_or_else(unreadable)?;
    let duration_ms = (number * scale).round() as u64;
    if !(1..=TIMEOUT_MS_MAX).contains(&duration_ms) {
        return Err(format!("`{text}` is out of range: from 1ms to a day"));
    }
    Ok(duration_ms)
}

fn service_name(name: LitStr) -> Result<LitStr> {
    let value = name.value();
    let fits = |character: char| character.is_ascii_graphic() && !"/?#%\\\"".contains(character);
    if value.is_empty() || !value.chars().all(fits) {
        return Err(spanned(&name, "a service's name is letters, digits, `-`, `_` and `.`"));
    }
    Ok(name)
}

fn prefix(path: LitStr) -> Result<LitStr> {
    let value = path.value();
    if !value.starts_with('/') || value.ends_with('/') || value.contains(['{', '}', '?']) {
        return Err(spanned(
            &path,
            "the common path begins with `/`, does not end with it, and has no variables",
        ));
    }
    Ok(path)
}

pub(crate) fn spanned(tokens: &impl quote::ToTokens, told: &str) -> Error {
    Error::new_spanned(tokens, told)
}

#[cfg(test)]
mod tests {
    use super::{distance, duration_ms};

    #[test]
    fn durations() {
        assert_eq!(duration_ms("300ms"), Ok(300));
        assert_eq!(duration_ms("1.5s"), Ok(1_500));
        assert_eq!(duration_ms("2m"), Ok(120_000));
        for bad in ["", "5", "ms", "5h", "-1s", "1e3s", "0ms", "1000000m", "infs", "5 s"] {
            assert!(duration_ms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("timeout", "timout"), 1);
        assert_eq!(distance("retry", "retries"), 3);
        assert_eq!(distance("", "ab"), 2);
    }
}
