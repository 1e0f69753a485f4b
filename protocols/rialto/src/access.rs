//! Who is asking, and whether they may: the same for REST and gRPC.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use rialto_catalog::ServiceKey;
use rialto_security::{
    Action, AuthError, Credentials, Identity, Resource, Security, parse_authorization,
};

use crate::Shared;
use crate::problem::Problem;

/// Somebody who has proved who they are.
#[derive(Clone)]
pub(crate) struct Caller {
    security: Security,
    identity: Identity,
}

impl Caller {
    /// Goes on only if the caller may do it.
    pub(crate) fn may(&self, action: Action, resource: &Resource<'_>) -> Result<(), Problem> {
        if self.security.authorize(&self.identity, action, resource).is_allowed() {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "{} ({}) may not {} {resource}",
            self.identity.name,
            self.identity.role.as_str(),
            action.as_str(),
        )))
    }

    pub(crate) fn may_service(&self, action: Action, key: &ServiceKey) -> Result<(), Problem> {
        let (namespace, group, name) = key.parts();
        self.may(action, &Resource::Service { namespace, group, name })
    }

    /// Whether the user or token is still what it was: streams end with it.
    pub(crate) fn is_current(&self) -> bool {
        !self.identity.has_ended()
    }

    /// For records of who changed what.
    pub(crate) fn name(&self) -> &str {
        &self.identity.name
    }
}

/// Why there is no caller.
pub(crate) enum Unknown {
    /// No usable credentials were sent.
    Missing,
    /// They are wrong.
    Wrong(AuthError),
}

/// Finds out who sends these headers.
pub(crate) async fn authenticate(
    security: &Security,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Caller, Unknown> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credentials = header.and_then(parse_authorization).ok_or(Unknown::Missing)?;
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
    let own = security.clone();
    let found = match credentials {
        Credentials::Bearer(_) => own.authenticate(&credentials, peer),
        // A password is slow to verify on purpose: not on a thread that others wait for.
        Credentials::Basic { .. } => {
            tokio::task::spawn_blocking(move || own.authenticate(&credentials, peer))
                .await
                .map_err(|_| Unknown::Missing)?
        }
    };
    match found {
        Ok(identity) => Ok(Caller { security: security.clone(), identity }),
        Err(error) => Err(Unknown::Wrong(error)),
    }
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Missing => Self::unauthenticated(
                "send `Authorization: Bearer TOKEN`; tokens are in the data folder \
                 (service.token, admin.token)",
            ),
            Unknown::Wrong(AuthError::TooMany { retry_after_s }) => {
                Self::too_many("too many failed attempts from this address; wait", retry_after_s)
            }
            Unknown::Wrong(error) => Self::unauthenticated(error.to_string()),
        }
    }
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        Ok(authenticate(&shared.context.security, &parts.headers, &parts.extensions).await?)
    }
}
