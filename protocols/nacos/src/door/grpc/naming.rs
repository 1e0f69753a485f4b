//! Requests of module `naming`.

use rialto_catalog::ServiceKey;
use rialto_security::Action;
use serde::Deserialize;

use super::dispatch::Entry;
use super::request::{Answer, Members, Peer, Request, Response};
use super::text::{Text, or};
use crate::access::{Rule, Scope};
use crate::door::Parts;
use crate::limits::{BATCH_INSTANCES_MAX, PATTERN_MATCHES_MAX};
use crate::map::{GROUP_DEFAULT, InstanceForm, NAMESPACE_DEFAULT, check_form, check_names, key};
use crate::naming::{FuzzyForm, Owner, ServiceView, Target};
use crate::{Code, Problem};

mod body;

use body::Instance;

const REGISTERED: &str = "InstanceResponse";
const BATCH: &str = "BatchInstanceResponse";
const QUERIED: &str = "QueryServiceResponse";
const LISTED: &str = "ServiceListResponse";
const SUBSCRIBED: &str = "SubscribeServiceResponse";
const WATCHED: &str = "NamingFuzzyWatchResponse";

const READ: Rule = Rule::Needs(Action::Read, Scope::Service);
const REGISTER: Rule = Rule::Needs(Action::Register, Scope::Service);

/// Services of one page of a list, at most.
const PAGE_SIZE_MAX: usize = 10_000;

/// The requests and their answers.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { kind: "InstanceRequest", answer: REGISTERED, rule: REGISTER, handler: instance },
    Entry { kind: "BatchInstanceRequest", answer: BATCH, rule: REGISTER, handler: batch },
    Entry {
        kind: "PersistentInstanceRequest",
        answer: REGISTERED,
        rule: REGISTER,
        handler: persistent,
    },
    Entry { kind: "ServiceQueryRequest", answer: QUERIED, rule: READ, handler: query },
    Entry { kind: "ServiceListRequest", answer: LISTED, rule: READ, handler: list },
    Entry { kind: "SubscribeServiceRequest", answer: SUBSCRIBED, rule: READ, handler: subscribe },
    Entry { kind: "NamingFuzzyWatchRequest", answer: WATCHED, rule: READ, handler: watch },
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration<'a> {
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow, default)]
    group_name: Text<'a>,
    #[serde(borrow, default)]
    service_name: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    what: Text<'a>,
    #[serde(borrow, default)]
    instance: Option<Instance<'a>>,
    #[serde(borrow, default)]
    instances: Option<Vec<Instance<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow, default)]
    group_name: Text<'a>,
    #[serde(borrow, default)]
    service_name: Text<'a>,
    #[serde(borrow, default)]
    cluster: Text<'a>,
    #[serde(borrow, default)]
    clusters: Text<'a>,
    #[serde(default)]
    healthy_only: Option<bool>,
    #[serde(default)]
    subscribe: Option<bool>,
    #[serde(default)]
    page_no: Option<i64>,
    #[serde(default)]
    page_size: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FuzzyWatch<'a> {
    #[serde(borrow, default)]
    group_key_pattern: Text<'a>,
    #[serde(borrow, default)]
    received_group_keys: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    watch_type: Text<'a>,
    #[serde(default)]
    initializing: Option<bool>,
}

fn instance(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let mut asked: Registration<'_> = request.parse()?;
    let (key, form) = asked.one().map_err(|problem| invalid(REGISTERED, &problem))?;
    let owner = Owner::Connection(peer.id);
    let done = match asked.what.as_str() {
        "registerInstance" => parts.naming.register(owner, &key, form),
        "deregisterInstance" => parts.naming.deregister(owner, &key, target(&form)),
        other => Err(unsupported(other)),
    };
    done.map_err(failed)?;
    Ok(did(REGISTERED, asked.what.as_str()).into())
}

fn batch(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let mut asked: Registration<'_> = request.parse()?;
    let (key, forms) = asked.many().map_err(|problem| invalid(BATCH, &problem))?;
    let done = match asked.what.as_str() {
        "batchRegisterInstance" => parts.naming.register_batch(peer.id, &key, forms),
        other => Err(unsupported(other)),
    };
    done.map_err(failed)?;
    Ok(did(BATCH, asked.what.as_str()).into())
}

fn persistent(parts: &Parts, _: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let mut asked: Registration<'_> = request.parse()?;
    let (key, form) = asked.one().map_err(|problem| invalid(REGISTERED, &problem))?;
    let registers = match asked.what.as_str() {
        "registerInstance" => true,
        "deregisterInstance" => false,
        other => return Err(failed(unsupported(other))),
    };
    let (naming, what) = (parts.naming.clone(), asked.what.as_str().to_owned());
    Ok(Answer::Later(Box::pin(async move {
        let done = match registers {
            true => naming.register_persistent(&key, form).await,
            false => naming.deregister_persistent(&key, target(&form)).await,
        };
        done.map_or_else(failed, |()| did(REGISTERED, &what))
    })))
}

fn query(parts: &Parts, _: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let asked: Question<'_> = request.parse()?;
    let clusters = asked.cluster.as_str();
    let key = asked.key(clusters).map_err(|problem| invalid(QUERIED, &problem))?;
    let healthy_only = asked.healthy_only.unwrap_or(false);
    Ok(shown(QUERIED, &parts.naming.view(&key, clusters, healthy_only)).into())
}

fn subscribe(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let asked: Question<'_> = request.parse()?;
    let clusters = asked.clusters.as_str();
    let key = asked.key(clusters).map_err(|problem| invalid(SUBSCRIBED, &problem))?;
    let view = if asked.subscribe.unwrap_or(false) {
        parts.naming.subscribe(peer.id, &key, clusters)
    } else {
        parts.naming.unsubscribe(peer.id, &key);
        Ok(parts.naming.view(&key, clusters, false))
    };
    let view = view.map_err(failed)?;
    Ok(shown(SUBSCRIBED, &view).with_message("success").into())
}

fn list(parts: &Parts, _: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let asked: Question<'_> = request.parse()?;
    let (namespace, group) = (asked.namespace.as_str(), asked.group_name.as_str());
    check_names(namespace, group, "", "").map_err(|problem| invalid(LISTED, &problem))?;
    let positive = |number: Option<i64>, default| {
        let number = number.filter(|number| *number > 0);
        number.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX))
    };
    let page_size = match asked.page_size {
        Some(size) if size <= 0 => 0,
        size => positive(size, PAGE_SIZE_MAX).min(PAGE_SIZE_MAX),
    };
    let page = positive(asked.page_no, 1);
    let found = parts.naming.service_names(
        or(namespace, NAMESPACE_DEFAULT),
        or(group, GROUP_DEFAULT),
        page,
        page_size,
    );
    let names = serde_json::to_string(&found.items).unwrap_or_else(|_| "[]".to_owned());
    let members = format!("\"count\":{},\"serviceNames\":{names}", found.count);
    Ok(Response::ok(LISTED, Members::Written(members.into_bytes())).into())
}

fn watch(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let asked: FuzzyWatch<'_> = request.parse()?;
    let pattern = asked.group_key_pattern.as_str();
    match asked.watch_type.as_str() {
        "WATCH" => {}
        "CANCEL_WATCH" => {
            parts.naming.cancel_fuzzy_watch(peer.id, pattern);
            return Ok(Response::ok(WATCHED, Members::None).into());
        }
        other => return Err(failed(unsupported(other))),
    }
    let received = asked.received_group_keys.unwrap_or_default();
    if received.len() > 2 * PATTERN_MATCHES_MAX {
        let message = "more received keys than a pattern may match";
        return Err(invalid(WATCHED, &Problem::new(400, Code::ParameterInvalid, message)));
    }
    let received: Vec<&str> = received.iter().map(Text::as_str).collect();
    let initial = asked.initializing.unwrap_or(false);
    let form = FuzzyForm { pattern, received: &received, initial };
    let watched = parts.naming.watch_fuzzily(peer.id, form);
    watched.map_err(|problem| Response::problem(WATCHED, problem))?;
    Ok(Response::ok(WATCHED, Members::None).into())
}

impl Registration<'_> {
    fn one(&mut self) -> Result<(ServiceKey, InstanceForm), Problem> {
        let Some(instance) = self.instance.take() else {
            let message = "Param 'instance' is required.";
            return Err(Problem::new(400, Code::ParameterMissing, message));
        };
        let key = self.key(instance.cluster())?;
        Ok((key, checked(instance)?))
    }

    fn many(&mut self) -> Result<(ServiceKey, Vec<InstanceForm>), Problem> {
        let instances = self.instances.take().unwrap_or_default();
        if instances.len() > BATCH_INSTANCES_MAX {
            let message = format!("a batch of more than {BATCH_INSTANCES_MAX} instances");
            return Err(Problem::new(400, Code::ParameterInvalid, message));
        }
        let forms: Result<_, _> = instances.into_iter().map(checked).collect();
        Ok((self.key("")?, forms?))
    }

    fn key(&self, cluster: &str) -> Result<ServiceKey, Problem> {
        checked_key(
            self.namespace.as_str(),
            self.group_name.as_str(),
            self.service_name.as_str(),
            cluster,
        )
    }
}

impl Question<'_> {
    fn key(&self, clusters: &str) -> Result<ServiceKey, Problem> {
        checked_key(
            self.namespace.as_str(),
            self.group_name.as_str(),
            self.service_name.as_str(),
            clusters,
        )
    }
}

/// What a client says, as far as the check of parameters has no objection. What else may be wrong
/// with it is the call's to say.
fn checked(instance: Instance<'_>) -> Result<InstanceForm, Problem> {
    let form = instance.form()?;
    match check_form(&form) {
        Err(problem) if matches!(problem.code, Code::ParameterMissing | Code::ParameterInvalid) => {
            Err(problem)
        }
        Ok(()) | Err(_) => Ok(form),
    }
}

fn checked_key(
    namespace: &str,
    group: &str,
    name: &str,
    clusters: &str,
) -> Result<ServiceKey, Problem> {
    if name.trim().is_empty() {
        let message = "Param 'serviceName' is required.";
        return Err(Problem::new(400, Code::ParameterMissing, message));
    }
    check_names(namespace, group, name, clusters)?;
    key(namespace, group, name)
}

fn target(form: &InstanceForm) -> Target<'_> {
    Target { ip: &form.ip, port: form.port, cluster: &form.cluster }
}

fn shown(kind: &'static str, view: &ServiceView) -> Response {
    Response::ok(kind, Members::Shared("serviceInfo", view.bare()))
}

fn did(kind: &'static str, what: &str) -> Response {
    Response::ok(kind, Members::Written(format!("\"type\":\"{what}\"").into_bytes()))
}

/// What the check of parameters refuses is refused in the request's own type of answer.
fn invalid(kind: &'static str, problem: &Problem) -> Response {
    let message = format!("Param check invalid:{}", problem.message);
    Response::refused(kind, problem.status.into(), message)
}

/// What a call itself refuses is an `ErrorResponse`, as the real server's exceptions are.
fn failed(problem: Problem) -> Response {
    Response::error(problem.status.into(), problem.message)
}

fn unsupported(what: &str) -> Problem {
    let shown: String = what.chars().take(64).collect();
    Problem::new(400, Code::ParameterInvalid, format!("Unsupported request type {shown}"))
}
