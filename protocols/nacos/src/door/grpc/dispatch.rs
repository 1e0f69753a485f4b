//! The one table of requests: which types there are, what each asks of its caller, and who answers.
//! And the order in which a request is looked at, which is the real server's.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use rialto_security::Identity;
use serde::Deserialize;

use super::mailbox::Mailbox;
use super::request::{Answer, Members, Peer, Request, Response, Setup};
use super::text::{Text, or};
use crate::access::{Identified, Mode, Names, Presented, Rule, Scope, denied};
use crate::codec::payload::Payload;
use crate::door::Parts;
use crate::map::{GROUP_DEFAULT, GROUP_SEPARATOR, NAMESPACE_DEFAULT};

/// A type of request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The payload's type.
    pub(crate) kind: &'static str,
    /// The type of its answer, which a refusal of the caller carries too.
    pub(crate) answer: &'static str,
    /// What it asks of its caller.
    pub(crate) rule: Rule,
    /// Answers it, on the spot unless something has to be waited for.
    pub(crate) handler: Handler,
}

/// Answers a request, or refuses it.
pub(crate) type Handler = fn(&Parts, &Peer<'_>, &Request<'_>) -> Result<Answer, Response>;

/// The server is still starting, or closing already.
const NOT_SERVING: u32 = 300;
/// The connection was not set up.
const UNREGISTERED: u32 = 301;
/// There is no such type.
const NO_HANDLER: u32 = 302;

/// Every type of request that is answered.
pub(crate) fn entries() -> impl Iterator<Item = &'static Entry> {
    OWN.iter().chain(super::naming::ENTRIES).chain(super::config::ENTRIES)
}

/// Requests of module `internal` that need a connection.
const OWN: &[Entry] = &[Entry {
    kind: "HealthCheckRequest",
    answer: "HealthCheckResponse",
    rule: Rule::Public,
    handler: |_, _, _| Ok(Response::ok("HealthCheckResponse", Members::None).into()),
}];

static BY_KIND: LazyLock<HashMap<&'static str, &'static Entry>> =
    LazyLock::new(|| entries().map(|entry| (entry.kind, entry)).collect());

/// Answers a request that came over a connection.
pub(super) fn answer(
    parts: &Parts,
    mailbox: &Mailbox,
    setup: Option<&Arc<Setup>>,
    payload: &Payload<'_>,
) -> Answer {
    if parts.connections.is_stopping() {
        return Response::error(NOT_SERVING, "Server is starting,please try later.").into();
    }
    if payload.kind == "ServerCheckRequest" {
        return server_check(mailbox).into();
    }
    let Some(entry) = BY_KIND.get(payload.kind) else {
        return Response::error(NO_HANDLER, "RequestHandler Not Found").into();
    };
    let Some(setup) = setup else {
        return Response::error(UNREGISTERED, "Connection is unregistered.").into();
    };
    let presented = Presented {
        access_token: payload.headers.get("accessToken"),
        authorization: payload.headers.get("authorization"),
        username: None,
        password: None,
    };
    let identified = match parts.access.identify(&presented, mailbox.remote.ip()) {
        // Probes carry no token, and must not fail for it.
        _ if entry.rule == Rule::Public => Ok(Identity::anonymous()),
        Identified::Now(identified) => identified,
        Identified::Later(_) if parts.access.mode() != Mode::SignedIn => Ok(Identity::anonymous()),
        // Passwords are for signing in over HTTP.
        Identified::Later(_) => Err(denied("only access tokens are taken over gRPC")),
    };
    // Names matter only where somebody may do less than everything, or is named in the audit log.
    let is_named = presented.access_token.or(presented.authorization).is_some();
    let named = match parts.access.mode() {
        Mode::Loopback | Mode::Open if !is_named => Some(Named::default()),
        _ => Named::read(payload.body),
    };
    let names = named.as_ref().map_or(EVERYTHING, |named| named.names(entry));
    let admitted = identified
        .and_then(|identity| parts.access.admit(&identity, entry.rule, names).map(|()| identity));
    let identity = match admitted {
        Ok(identity) => identity,
        Err(problem) => return Response::problem(entry.answer, problem).into(),
    };
    // What is subscribed to ends with the right to read it.
    let signed_in = parts.access.mode() == Mode::SignedIn && entry.rule != Rule::Public;
    if signed_in && !mailbox.remember(&identity) {
        let problem = denied("this connection has called with too many identities; open another");
        return Response::problem(entry.answer, problem).into();
    }
    let peer = Peer { id: mailbox.id(), remote: mailbox.remote, setup };
    let request = Request {
        kind: payload.kind,
        headers: payload.headers,
        client_ip: payload.client_ip,
        body: payload.body,
        identity: &identity,
    };
    (entry.handler)(parts, &peer, &request).unwrap_or_else(Answer::from)
}

fn server_check(mailbox: &Mailbox) -> Response {
    let members =
        format!("\"connectionId\":\"{}\",\"supportAbilityNegotiation\":true", mailbox.name);
    Response::ok("ServerCheckResponse", Members::Written(members.into_bytes()))
}

/// What a request is about, in the words of either module.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Named<'a> {
    #[serde(borrow)]
    namespace: Text<'a>,
    #[serde(borrow)]
    group_name: Text<'a>,
    #[serde(borrow)]
    service_name: Text<'a>,
    #[serde(borrow)]
    tenant: Text<'a>,
    #[serde(borrow)]
    group: Text<'a>,
    #[serde(borrow)]
    data_id: Text<'a>,
    /// `namespace>>group>>name`, with `*` in the last two.
    #[serde(borrow)]
    group_key_pattern: Text<'a>,
}

/// Every namespace with all that is in it: only a right on everything suffices.
const EVERYTHING: Names<'_> = Names { namespace: "*", group: "", name: "" };

impl<'a> Named<'a> {
    /// Reads what is there. A body that cannot be read (a member twice, or of another type, that
    /// the handler might not look at) says nothing of what it is about, and then needs a right on
    /// everything; whoever has that is told by the handler what is wrong.
    fn read(body: &'a [u8]) -> Option<Self> {
        // A list would be read by position, which is another one in each handler.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        is_object.then(|| serde_json::from_slice(body).ok()).flatten()
    }

    /// The names that a rule is decided on: those that the handler uses, and no others that the
    /// body may contain.
    fn names(&self, entry: &Entry) -> Names<'_> {
        let (Rule::Needs(_, scope) | Rule::Each(_, scope)) = entry.rule else {
            return Names::default();
        };
        if entry.kind.contains("FuzzyWatch") {
            let pattern = filled(&self.group_key_pattern).unwrap_or_default();
            let namespace = pattern.split(">>").next().unwrap_or_default();
            return Names { namespace: or(namespace, NAMESPACE_DEFAULT), group: "", name: "" };
        }
        if scope == Scope::Configuration {
            let namespace = filled(&self.tenant).unwrap_or(NAMESPACE_DEFAULT);
            let group = filled(&self.group).unwrap_or_default();
            return Names { namespace, group, name: filled(&self.data_id).unwrap_or_default() };
        }
        let namespace = filled(&self.namespace).unwrap_or(NAMESPACE_DEFAULT);
        let group = filled(&self.group_name).unwrap_or(GROUP_DEFAULT);
        if entry.kind == "ServiceListRequest" {
            return Names { namespace, group, name: "" };
        }
        let name = filled(&self.service_name).unwrap_or_default();
        match name.split_once(GROUP_SEPARATOR) {
            Some((group, name)) => Names { namespace, group: or(group, GROUP_DEFAULT), name },
            None => Names { namespace, group, name },
        }
    }
}

fn filled<'n>(name: &'n Text<'_>) -> Option<&'n str> {
    Some(name.as_str()).filter(|name| !name.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use rialto_security::Action;

    use super::*;

    #[test]
    fn no_two_entries_have_one_type_and_each_has_a_rule() {
        let mut kinds: Vec<_> = entries().map(|entry| entry.kind).collect();
        kinds.sort_unstable();
        let count = kinds.len();
        kinds.dedup();
        assert_eq!(kinds.len(), count);
        for entry in entries() {
            let is_probe = entry.kind == "HealthCheckRequest";
            assert_eq!(entry.rule == Rule::Public, is_probe, "{}", entry.kind);
            assert!(entry.kind.ends_with("Request") && entry.answer.ends_with("Response"));
        }
    }

    fn named(kind: &'static str, scope: Scope, body: &str) -> String {
        let handler: Handler = |_, _, _| Err(Response::error(NO_HANDLER, ""));
        let rule = Rule::Needs(Action::Read, scope);
        let entry = Entry { kind, answer: "", rule, handler };
        let named = Named::read(body.as_bytes());
        let Names { namespace, group, name } =
            named.as_ref().map_or(EVERYTHING, |named| named.names(&entry));
        format!("{namespace}:{group}:{name}")
    }

    #[test]
    fn names_are_those_that_handlers_use() {
        for (body, expected) in [
            ("{}", "public:DEFAULT_GROUP:"),
            (r#"{"namespace":" ","serviceName":"a"}"#, "public:DEFAULT_GROUP:a"),
            (r#"{"namespace":"n","groupName":"g","serviceName":"h@@a","tenant":"t"}"#, "n:h:a"),
        ] {
            let found = named("SubscribeServiceRequest", Scope::Service, body);
            assert_eq!(found, expected, "{body}");
        }
        for (body, expected) in [
            (r#"{"dataId":null,"namespace":"n"}"#, "public::"),
            (r#"{"tenant":"t","group":"g","dataId":"d","serviceName":"a"}"#, "t:g:d"),
        ] {
            let found = named("ConfigQueryRequest", Scope::Configuration, body);
            assert_eq!(found, expected, "{body}");
        }
        let body = r#"{"namespace":"n","groupKeyPattern":"m>>*>>*","serviceName":"a"}"#;
        assert_eq!(named("NamingFuzzyWatchRequest", Scope::Service, body), "m::");
    }

    #[test]
    fn what_another_request_would_look_at_decides_nothing() {
        let query = |body| named("ServiceQueryRequest", Scope::Service, body);
        let body = r#"{"namespace":"secret","serviceName":"a","groupKeyPattern":"mine>>*>>*"}"#;
        assert_eq!(query(body), "secret:DEFAULT_GROUP:a");
        let body = r#"{"namespace":"n","groupName":"g","serviceName":"mine"}"#;
        assert_eq!(named("ServiceListRequest", Scope::Service, body), "n:g:");
        // What cannot be read is about everything: the handler may see more in it.
        for body in [
            r#"{"namespace":"secret","serviceName":"a","tenant":1}"#,
            r#"{"namespace":"mine","namespace":"secret","serviceName":"a"}"#,
            "",
            "[]",
        ] {
            assert_eq!(query(body), "*::", "{body}");
        }
    }
}
