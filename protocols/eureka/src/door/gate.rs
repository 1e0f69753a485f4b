//! Who may call, when the door is not open to everybody on the machine.

use std::net::IpAddr;

use rialto_catalog::ServiceKey;
use rialto_door::http::{Answer, Value};
use rialto_security::{
    Action, AuthError, Credentials, Identity, Resource as Guarded, Security, parse_authorization,
};

use super::answer;
use super::call::Call;
use super::negotiate;
use super::route::Resource;

/// How long a connection's credentials count as checked, in milliseconds.
const CHECKED_MS: u64 = 60_000;

/// The gate of one connection.
pub(super) struct Gate {
    /// None when everybody may call.
    security: Option<Security>,
    peer: IpAddr,
    /// To be checked before the call is looked at again.
    pending: Option<Check>,
    checked: Option<Checked>,
}

/// What became of the credentials seen last.
struct Checked {
    header: String,
    outcome: Result<Identity, AuthError>,
    until_ms: u64,
}

/// What the gate says to a call.
pub(super) enum Admission {
    Allowed,
    Refused(Answer),
    /// To be looked at again after [`Gate::check`].
    Check,
}

/// Credentials to be checked, which takes a while.
struct Check {
    header: String,
    credentials: Credentials,
    until_ms: u64,
}

impl Gate {
    pub(super) fn new(security: Option<Security>, peer: IpAddr) -> Self {
        Gate { security, peer, pending: None, checked: None }
    }

    pub(super) fn admit(&mut self, call: &Call<'_>, now_ms: u64) -> Admission {
        let reads = matches!(call.method, "GET" | "HEAD" | "OPTIONS");
        if call.headers.from_page && !reads {
            // A page that somebody on this machine looks at must not change the registry.
            return Admission::Refused(problem(call, 403, now_ms));
        }
        let Some(security) = &self.security else { return Admission::Allowed };
        let resource = Resource::of(call.path);
        if resource == Some(Resource::Health) {
            return Admission::Allowed;
        }
        let Some(header) = call.headers.authorization else {
            return Admission::Refused(challenge(call, now_ms));
        };
        match &self.checked {
            Some(checked) if checked.holds(header, now_ms) => match &checked.outcome {
                Ok(identity) => authorize(security, identity, call, resource.as_ref(), now_ms),
                Err(AuthError::TooMany { retry_after_s }) => {
                    let wait = Value::Number(*retry_after_s);
                    Admission::Refused(problem(call, 429, now_ms).with("retry-after", wait))
                }
                Err(_) => Admission::Refused(challenge(call, now_ms)),
            },
            _ => match parse_authorization(header) {
                Some(credentials) => {
                    let (header, until_ms) = (header.to_owned(), now_ms + CHECKED_MS);
                    self.pending = Some(Check { header, credentials, until_ms });
                    Admission::Check
                }
                None => Admission::Refused(challenge(call, now_ms)),
            },
        }
    }

    /// Checks the credentials seen last, off the worker's thread: a password takes tens of
    /// milliseconds.
    pub(super) async fn check(&mut self) {
        let Some(security) = self.security.clone() else { return };
        let Some(Check { header, credentials, until_ms }) = self.pending.take() else { return };
        let peer = self.peer;
        let work = move || security.authenticate(&credentials, peer);
        let outcome = tokio::task::spawn_blocking(work).await.unwrap_or(Err(AuthError::Invalid));
        self.checked = Some(Checked { header, outcome, until_ms });
    }
}

impl Checked {
    /// Whether it says something of these credentials. A user who was changed or deleted
    /// meanwhile is checked again.
    fn holds(&self, header: &str, now_ms: u64) -> bool {
        let ended = matches!(&self.outcome, Ok(identity) if identity.has_ended());
        self.header == header && now_ms < self.until_ms && !ended
    }
}

/// A path that names no service is about all of those that Eureka clients see: their group.
fn authorize(
    security: &Security,
    identity: &Identity,
    call: &Call<'_>,
    resource: Option<&Resource<'_>>,
    now_ms: u64,
) -> Admission {
    let reads = matches!(call.method, "GET" | "HEAD" | "OPTIONS");
    let name = match resource {
        Some(
            Resource::App(app)
            | Resource::Instance(app, _)
            | Resource::Status(app, _)
            | Resource::Metadata(app, _),
        ) => app.to_lowercase(),
        _ => String::new(),
    };
    let service = Guarded::Service {
        namespace: ServiceKey::NAMESPACE_DEFAULT,
        group: ServiceKey::GROUP_DEFAULT,
        name: &name,
    };
    let action = match (reads, name.is_empty()) {
        (true, _) => Action::Read,
        (false, false) => Action::Register,
        // A peer speaks for every service.
        (false, true) => Action::Operate,
    };
    if security.authorize(identity, action, &service).is_allowed() {
        Admission::Allowed
    } else {
        Admission::Refused(problem(call, 403, now_ms))
    }
}

fn challenge(call: &Call<'_>, now_ms: u64) -> Answer {
    let realm = Value::Text("Basic realm=\"Rialto\"");
    problem(call, 401, now_ms).with("www-authenticate", realm)
}

fn problem(call: &Call<'_>, status: u16, now_ms: u64) -> Answer {
    answer::problem(status, negotiate::problem(call.headers.accept), call.path, now_ms)
}
