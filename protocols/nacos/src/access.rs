//! Who is asking, and whether they may: the same for HTTP and gRPC.
//!
//! Every route and every gRPC type carries a [`Rule`]; there is no call without one. The names in a
//! rule's resource are those that the call itself uses, after decoding and normalisation, never the
//! text of a path or a header. Nothing here reads `User-Agent` or an identity of another server.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use rialto_security::limits::SIGNED_TTL_S;
use rialto_security::{
    Action, AuthError, Credentials, Identity, Resource, Secret, Security, parse_authorization,
};

use crate::{Code, Problem};

/// What a call without credentials, or with a token nobody knows, is told.
const NOBODY: &str = "user not found!";
/// What a call with a token that does not hold is told.
const WRONG_TOKEN: &str = "token invalid!";
/// What a call with credentials that do not suffice is told.
const DENIED: &str = "authorization failed!";

/// What the door asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nobody has to sign in, because only this machine reaches the door.
    Loopback,
    /// Everybody has to.
    SignedIn,
    /// Nobody has to: the network is trusted, in so many words.
    Open,
}

/// What a route or a gRPC type asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Answers everybody: tells nothing and changes nothing.
    Public,
    /// One decision, on the resource that the call names.
    Needs(Action, Scope),
    /// The call names several resources: it decides on each of them, and leaves out or refuses
    /// what its caller may not.
    Each(Action, Scope),
    /// The signed-in user's own record.
    Oneself,
}

/// What kind of resource a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A service; without a name, all of its group; without a group, all of its namespace.
    Service,
    /// A configuration; without a data id, all of its group; without a group, all of its namespace.
    Configuration,
    /// The namespaces.
    Namespaces,
    /// Who is connected.
    Clients,
    /// This server and its cluster.
    Node,
    /// Figures.
    Metrics,
    /// Users, roles, permissions.
    Access,
}

/// The names that a call uses, after normalisation; empty for those that it leaves out, which then
/// means all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Names<'a> {
    /// Namespace; empty is `public`.
    pub namespace: &'a str,
    /// Group.
    pub group: &'a str,
    /// Service name or data id.
    pub name: &'a str,
}

/// What a call offers to prove who sent it. Each may be absent.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// Parameter `accessToken`, or the gRPC header of that name.
    pub access_token: Option<&'a str>,
    /// Header `Authorization`.
    pub authorization: Option<&'a str>,
    /// Parameter `username`.
    pub username: Option<&'a str>,
    /// Parameter `password`.
    pub password: Option<&'a str>,
}

/// Decides who may do what at this door. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    security: Security,
    mode: Mode,
    anonymous: Identity,
}

/// What is known of a caller at once.
pub enum Identified {
    /// Who it is, or why the call is refused.
    Now(Result<Identity, Problem>),
    /// A password that must be hashed first: finish it off the worker's thread.
    Later(Pending),
}

/// What a sign-in is answered with.
pub struct SignedIn {
    /// Presented from now on.
    pub token: Secret,
    /// Seconds until it ends.
    pub ttl_s: u64,
    /// Who signed in.
    pub identity: Identity,
}

/// Credentials that take a while to check.
pub struct Pending {
    access: Access,
    credentials: Credentials,
    peer: IpAddr,
}

impl Access {
    /// Decides by these users, roles and tokens.
    #[must_use]
    pub fn new(security: Security, mode: Mode) -> Self {
        Self(Arc::new(Inner { security, mode, anonymous: Identity::anonymous() }))
    }

    /// What the door asks of its callers.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The users, roles and tokens themselves.
    #[must_use]
    pub fn security(&self) -> &Security {
        &self.0.security
    }

    /// Who is calling. Where nobody has to sign in, a call without credentials, or with some that
    /// do not hold, is one of an unnamed operator: clients keep sending old tokens.
    pub fn identify(&self, presented: &Presented<'_>, peer: IpAddr) -> Identified {
        let Some(credentials) = credentials(presented) else {
            return Identified::Now(self.nobody(NOBODY));
        };
        match self.0.security.authenticate_now(&credentials, peer) {
            Some(Ok(identity)) => Identified::Now(Ok(identity)),
            Some(Err(error)) => Identified::Now(self.refused(&credentials, &error)),
            // A password in parameters that nobody asked for is not worth the time of a check:
            // clients send it with every call, right or wrong.
            None if self.0.mode != Mode::SignedIn && presented.authorization.is_none() => {
                Identified::Now(self.nobody(NOBODY))
            }
            None => Identified::Later(Pending { access: self.clone(), credentials, peer }),
        }
    }

    /// Signs in with user and password, whatever the mode: wrong ones are refused where nobody has
    /// to sign in, too. Blocks for tens of milliseconds. An access token in the place of the
    /// password is given back as it is: it is presented in the same way.
    ///
    /// # Errors
    /// Wrong credentials (the same for a user that is unknown), or too many wrong ones.
    pub fn sign_in(&self, user: &str, password: &str, peer: IpAddr) -> Result<SignedIn, AuthError> {
        let password = Secret::new(password.to_owned());
        let credentials = Credentials::Basic { user: user.to_owned(), password: password.clone() };
        let identity = self.0.security.authenticate(&credentials, peer)?;
        match self.0.security.sign(&identity) {
            Ok(signed) => Ok(SignedIn { token: signed.token, ttl_s: signed.ttl_s, identity }),
            // Not a user's: the token itself goes on.
            Err(AuthError::Invalid) if !identity.has_ended() => {
                Ok(SignedIn { token: password, ttl_s: SIGNED_TTL_S, identity })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether this identity may do it.
    ///
    /// # Errors
    /// 403 with [`Code::AccessDenied`] when not.
    pub fn allow(
        &self,
        identity: &Identity,
        action: Action,
        resource: &Resource<'_>,
    ) -> Result<(), Problem> {
        // Asking for nothing must not turn into less for those who did sign in.
        let unnamed = self.0.mode != Mode::SignedIn && *resource != Resource::Access;
        let by = if unnamed && !self.0.security.allows(identity, action, resource) {
            &self.0.anonymous
        } else {
            identity
        };
        if self.0.security.authorize(by, action, resource).is_allowed() {
            return Ok(());
        }
        Err(denied(if identity.is_anonymous() { NOBODY } else { DENIED }))
    }

    /// Whether this identity may make a call with this rule and these names. What
    /// [`Rule::Each`] is about is left to the call itself.
    ///
    /// # Errors
    /// As [`Access::allow`].
    pub fn admit(&self, identity: &Identity, rule: Rule, names: Names<'_>) -> Result<(), Problem> {
        match rule {
            Rule::Public => Ok(()),
            Rule::Needs(action, scope) => self.allow(identity, action, &scope.resource(names)),
            Rule::Each(..) if identity.is_anonymous() && self.0.mode == Mode::SignedIn => {
                Err(denied(NOBODY))
            }
            Rule::Each(..) => Ok(()),
            Rule::Oneself if identity.is_anonymous() => Err(denied(NOBODY)),
            Rule::Oneself => Ok(()),
        }
    }

    fn nobody(&self, why: &'static str) -> Result<Identity, Problem> {
        match self.0.mode {
            Mode::Loopback | Mode::Open => Ok(self.0.anonymous.clone()),
            Mode::SignedIn => Err(denied(why)),
        }
    }

    fn refused(&self, credentials: &Credentials, error: &AuthError) -> Result<Identity, Problem> {
        match (self.0.mode, error) {
            (Mode::SignedIn, AuthError::TooMany { .. }) => Err(denied(error.to_string())),
            _ => match credentials {
                Credentials::Bearer(_) => self.nobody(WRONG_TOKEN),
                Credentials::Basic { .. } => self.nobody(NOBODY),
            },
        }
    }
}

impl Pending {
    /// Checks the password. Blocks for tens of milliseconds.
    ///
    /// # Errors
    /// 403 when it is wrong or its sender has been wrong too often, where callers have to sign in.
    pub fn finish(self) -> Result<Identity, Problem> {
        let Self { access, credentials, peer } = self;
        let found = access.0.security.authenticate(&credentials, peer);
        found.or_else(|error| access.refused(&credentials, &error))
    }
}

impl Scope {
    /// The resource that a call with these names is about.
    #[must_use]
    pub fn resource<'a>(self, names: Names<'a>) -> Resource<'a> {
        let Names { namespace, group, name } = names;
        match self {
            Self::Service => Resource::Service { namespace, group, name },
            Self::Configuration => Resource::Configuration { namespace, group, name },
            Self::Namespaces => Resource::Namespaces,
            Self::Clients => Resource::Clients,
            Self::Node => Resource::Node,
            Self::Metrics => Resource::Metrics,
            Self::Access => Resource::Access,
        }
    }
}

/// A refusal, in the form that both transports know.
#[must_use]
pub fn denied(message: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(403, Code::AccessDenied, message.into())
}

/// The strongest of what is offered. An `Authorization` header comes first because parameters end
/// up in logs, and whoever sends both means the header.
fn credentials(presented: &Presented<'_>) -> Option<Credentials> {
    let offered = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let header = presented.authorization.and_then(parse_authorization);
    let token = || offered(presented.access_token).map(|it| Credentials::Bearer(Secret::new(it)));
    let pair = || {
        let (user, password) = (offered(presented.username)?, offered(presented.password)?);
        Some(Credentials::Basic { user, password: Secret::new(password) })
    };
    header.or_else(token).or_else(pair)
}

#[cfg(test)]
mod tests;
