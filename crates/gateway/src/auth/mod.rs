//! Who may pass: JSON Web Tokens and API keys.

mod der;
mod jwt;
mod key;

use std::rc::Rc;

use rialto_api::route::AuthSpec;
use rialto_http1::{Fields, Kind};

pub(crate) use jwt::TokenCache;

use jwt::Jwt;
use key::ApiKeys;

/// A compiled [`AuthSpec`].
#[derive(Debug, Clone)]
pub(crate) struct Auth {
    jwt: Option<Jwt>,
    keys: Option<ApiKeys>,
}

/// Who a request is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The token's subject or the key's owner.
    pub(crate) principal: Box<str>,
    /// Header lines that tell the instance about the claims, ready to be written.
    pub(crate) lines: Vec<u8>,
}

/// Why a request may not pass. The text goes to the client: it must help without telling secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied(pub(crate) &'static str);

impl Auth {
    /// Compiles a specification; the error says what is wrong with it.
    pub(crate) fn compile(spec: &AuthSpec) -> Result<Self, String> {
        if spec.jwt.is_none() && spec.api_key.is_none() {
            return Err("auth needs 'jwt' or 'api_key'".to_owned());
        }
        let jwt = spec.jwt.as_ref().map(Jwt::compile).transpose()?;
        let keys = spec.api_key.as_ref().map(ApiKeys::compile).transpose()?;
        Ok(Self { jwt, keys })
    }

    /// Decides about a request. `now_s` is the time since the Unix epoch in seconds.
    pub(crate) fn check(
        &self,
        fields: &Fields<'_, '_>,
        now_s: u64,
        cache: &mut TokenCache,
    ) -> Result<Rc<Identity>, Denied> {
        let bearer = fields.first(Kind::Authorization).and_then(bearer);
        if let (Some(jwt), Some(token)) = (&self.jwt, bearer) {
            if fields.iter().filter(|(_, kind)| *kind == Kind::Authorization).count() > 1 {
                return Err(Denied("more than one Authorization header"));
            }
            return jwt.check(token, now_s, cache);
        }
        match &self.keys {
            Some(keys) => keys.check(fields),
            None => Err(Denied("a bearer token is needed")),
        }
    }

    /// Whether a received header must not reach the instance: the key itself, and what a client
    /// could use to claim something.
    pub(crate) fn hides(&self, name: &str) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.is_header(name))
            || self.jwt.as_ref().is_some_and(|jwt| jwt.sets_header(name))
    }

    /// What a 401 asks for.
    pub(crate) fn challenge(&self) -> &'static str {
        if self.jwt.is_some() { "Bearer" } else { "ApiKey" }
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
