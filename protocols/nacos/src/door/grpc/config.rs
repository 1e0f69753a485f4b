//! Requests of module `config`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;

use rialto_configuration::{Effective, KeyRef, Labels, Rule as GrayRule};
use rialto_security::{Action, Resource};
use serde::Deserialize;

use super::dispatch::Entry;
use super::request::{Answer, Members, Peer, Request, Response};
use super::text::Text;
use crate::access::{Rule, Scope, denied};
use crate::config::{ListenItem, Listener, PublishForm, RemoveForm};
use crate::door::Parts;
use crate::limits::CONFIG_LISTENED_MAX;
use crate::{Code, Problem};

const QUERIED: &str = "ConfigQueryResponse";
const PUBLISHED: &str = "ConfigPublishResponse";
const REMOVED: &str = "ConfigRemoveResponse";
const LISTENED: &str = "ConfigChangeBatchListenResponse";
const WATCHED: &str = "ConfigFuzzyWatchResponse";

/// What a query answers when nothing is published.
const NOT_FOUND: u32 = 300;

const READ: Rule = Rule::Needs(Action::Read, Scope::Configuration);
const CHANGE: Rule = Rule::Needs(Action::Operate, Scope::Configuration);

/// The requests and their answers.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { kind: "ConfigQueryRequest", answer: QUERIED, rule: READ, handler: query },
    Entry { kind: "ConfigPublishRequest", answer: PUBLISHED, rule: CHANGE, handler: publish },
    Entry { kind: "ConfigRemoveRequest", answer: REMOVED, rule: CHANGE, handler: remove },
    Entry {
        kind: "ConfigBatchListenRequest",
        answer: LISTENED,
        rule: Rule::Each(Action::Read, Scope::Configuration),
        handler: listen,
    },
    Entry { kind: "ConfigFuzzyWatchRequest", answer: WATCHED, rule: READ, handler: watch },
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow, default)]
    data_id: Text<'a>,
    #[serde(borrow, default)]
    group: Text<'a>,
    #[serde(borrow, default)]
    tenant: Text<'a>,
    #[serde(borrow, default)]
    tag: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Publish<'a> {
    #[serde(borrow, default)]
    data_id: Text<'a>,
    #[serde(borrow, default)]
    group: Text<'a>,
    #[serde(borrow, default)]
    tenant: Text<'a>,
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    cas_md5: Text<'a>,
    #[serde(borrow, default)]
    addition_map: Option<BTreeMap<Text<'a>, Option<Text<'a>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listen<'a> {
    #[serde(default)]
    listen: Option<bool>,
    #[serde(borrow, default)]
    config_listen_contexts: Option<Vec<Context<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    #[serde(borrow, default)]
    data_id: Text<'a>,
    #[serde(borrow, default)]
    group: Text<'a>,
    #[serde(borrow, default)]
    tenant: Text<'a>,
    #[serde(borrow, default)]
    md5: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watch<'a> {
    #[serde(borrow, default)]
    group_key_pattern: Text<'a>,
    #[serde(borrow, default)]
    received_group_keys: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    watch_type: Text<'a>,
    #[serde(default)]
    initializing: Option<bool>,
}

fn query(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let named: Named<'_> = request.parse()?;
    let key = named.key();
    named.check().map_err(|problem| refused(QUERIED, problem))?;
    let ip = client_ip(peer, request);
    let found = parts.configs.query(&key, &labels(&ip, peer, request), named.tag.as_str());
    let found = found.ok_or_else(|| Response {
        kind: QUERIED,
        error_code: NOT_FOUND,
        message: Some(Cow::Borrowed("config data not exist")),
        fields: Members::Written(br#""lastModified":0,"beta":false,"isBeta":false"#.to_vec()),
    })?;
    Ok(Response::ok(QUERIED, Members::Written(shown(&found))).into())
}

fn publish(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let publish: Publish<'_> = request.parse()?;
    let addition = |name: &str| {
        let mut map = publish.addition_map.iter().flatten();
        map.find(|(key, _)| key.as_str() == name)
            .and_then(|(_, value)| Some(value.as_ref()?.as_str()))
    };
    let said = |name| addition(name).unwrap_or_default();
    let ip = peer.remote.ip().to_string();
    let form = PublishForm {
        namespace: publish.tenant.as_str(),
        group: publish.group.as_str(),
        data_id: publish.data_id.as_str(),
        content: publish.content.as_str(),
        tag: said("tag"),
        beta_ips: said("betaIps"),
        cas_md5: publish.cas_md5.as_str(),
        kind: said("type"),
        app_name: said("appName"),
        config_tags: addition("config_tags"),
        desc: said("desc"),
        used_for: said("use"),
        effect: said("effect"),
        schema: said("schema"),
        encrypted_data_key: said("encryptedDataKey"),
        secret: None,
        user: user(request, said("src_user")),
        ip: &ip,
    };
    let published = parts.configs.publish(&form);
    Ok(Answer::Later(Box::pin(async move { done(PUBLISHED, published.await) })))
}

fn remove(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let named: Named<'_> = request.parse()?;
    let ip = peer.remote.ip().to_string();
    let form = RemoveForm {
        namespace: named.tenant.as_str(),
        group: named.group.as_str(),
        data_id: named.data_id.as_str(),
        tag: named.tag.as_str(),
        beta: false,
        user: user(request, ""),
        ip: &ip,
    };
    let removed = parts.configs.remove(&form);
    Ok(Answer::Later(Box::pin(async move { done(REMOVED, removed.await.map(drop)) })))
}

fn listen(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let asked: Listen<'_> = request.parse()?;
    let contexts = asked.config_listen_contexts.unwrap_or_default();
    if contexts.len() > CONFIG_LISTENED_MAX {
        let message = format!("more than {CONFIG_LISTENED_MAX} configurations in one request");
        return Err(refused(LISTENED, Problem::new(400, Code::ParameterInvalid, message)));
    }
    let items = contexts.iter().map(Context::item);
    // Whoever may not read something does not hear of it either.
    let allowed: Vec<ListenItem<'_>> =
        items.filter(|item| may_read(parts, request, item)).collect();
    if allowed.is_empty() && !contexts.is_empty() {
        return Err(refused(LISTENED, denied("authorization failed!")));
    }
    let ip = client_ip(peer, request);
    let listener = Listener { connection: peer.id, labels: labels(&ip, peer, request) };
    let changed = parts.configs.listen(&listener, &allowed, asked.listen.unwrap_or(true));
    let changed = changed.map_err(|problem| refused(LISTENED, problem))?;
    Ok(Response::ok(LISTENED, Members::Written(told(&allowed, &changed))).into())
}

fn watch(parts: &Parts, peer: &Peer<'_>, request: &Request<'_>) -> Result<Answer, Response> {
    let asked: Watch<'_> = request.parse()?;
    let pattern = asked.group_key_pattern.as_str();
    let done = match asked.watch_type.as_str() {
        "CANCEL_WATCH" => {
            parts.configs.unwatch(peer.id, pattern);
            Ok(())
        }
        "WATCH" => {
            let received = asked.received_group_keys.as_deref().unwrap_or_default();
            let received: Vec<&str> = received.iter().map(|key| &**key).collect();
            let initializing = asked.initializing.unwrap_or_default();
            parts.configs.watch(peer.id, pattern, &received, initializing)
        }
        other => {
            let message = format!("Unsupported watchType {other}");
            Err(Problem::new(400, Code::ParameterInvalid, message))
        }
    };
    Ok(self::done(WATCHED, done).into())
}

impl Named<'_> {
    fn key(&self) -> KeyRef<'_> {
        KeyRef::new(self.tenant.as_str(), self.group.as_str(), self.data_id.as_str())
    }

    /// Names that a client forgot: it should hear of that, not that nothing is published.
    fn check(&self) -> Result<(), Problem> {
        for (name, value) in [("dataId", &self.data_id), ("group", &self.group)] {
            if value.as_str().trim().is_empty() {
                let message = format!("invalid {name} : {}", value.as_str());
                return Err(Problem::new(400, Code::ParameterInvalid, message));
            }
        }
        Ok(())
    }
}

impl Context<'_> {
    fn item(&self) -> ListenItem<'_> {
        ListenItem {
            data_id: self.data_id.as_str(),
            group: self.group.as_str(),
            tenant: self.tenant.as_str(),
            md5: self.md5.as_str(),
        }
    }
}

fn may_read(parts: &Parts, request: &Request<'_>, item: &ListenItem<'_>) -> bool {
    let key = item.key();
    let resource = Resource::Configuration {
        namespace: key.namespace(),
        group: key.group(),
        name: key.data_id(),
    };
    parts.access.allow(request.identity, Action::Read, &resource).is_ok()
}

/// Members of what is found. `beta` is read by Java and Rust, `isBeta` by Go and Python; `tag` is a
/// text to some and a truth value to others, and so is only there when it says something.
fn shown(found: &Effective) -> Vec<u8> {
    let mut out = Vec::with_capacity(found.content.bytes().len() + 256);
    let beta = matches!(found.rule.as_deref(), Some(GrayRule::Beta { .. }));
    out.extend_from_slice(br#""content":"#);
    json(&mut out, found.content.text());
    out.extend_from_slice(br#","encryptedDataKey":"#);
    json(&mut out, &found.encrypted_data_key);
    let (kind, md5, modified_ms) =
        (found.kind.as_str(), found.content.md5_text(), found.modified_ms);
    write!(out, r#","contentType":"{kind}","md5":"{md5}","lastModified":{modified_ms}"#)
        .and_then(|()| write!(out, r#","beta":{beta},"isBeta":{beta}"#))
        .expect("writing into memory");
    if let Some(GrayRule::Tag { tag }) = found.rule.as_deref() {
        out.extend_from_slice(br#","tag":"#);
        json(&mut out, tag);
    }
    out
}

/// What differs, in the words in which it is listened to.
fn told(items: &[ListenItem<'_>], changed: &[usize]) -> Vec<u8> {
    let mut out = br#""changedConfigs":["#.to_vec();
    for (at, item) in changed.iter().filter_map(|place| items.get(*place)).enumerate() {
        out.extend_from_slice(if at == 0 { br#"{"group":"# } else { br#",{"group":"#.as_slice() });
        json(&mut out, item.group);
        out.extend_from_slice(br#","dataId":"#);
        json(&mut out, item.data_id);
        out.extend_from_slice(br#","tenant":"#);
        json(&mut out, item.tenant);
        out.push(b'}');
    }
    out.push(b']');
    out
}

fn done(kind: &'static str, result: Result<(), Problem>) -> Response {
    match result {
        Ok(()) => Response::ok(kind, Members::None),
        Err(problem) => refused(kind, problem),
    }
}

/// Codes that clients of configurations look at: statuses, and Nacos's own for limits.
fn refused(kind: &'static str, problem: Problem) -> Response {
    let code = match (problem.status, problem.code) {
        (_, Code::GrayTooMany | Code::PatternsTooMany | Code::MatchesTooMany) | (429, _) => {
            problem.code as u32
        }
        (400, _) => 400,
        (403, _) => 403,
        _ => 500,
    };
    Response::refused(kind, code, problem.message)
}

/// The address by which betas are chosen: what the client says, otherwise where it comes from.
fn client_ip<'a>(peer: &'a Peer<'_>, request: &'a Request<'_>) -> Cow<'a, str> {
    let said = [request.client_ip, &peer.setup.client_ip];
    match said.into_iter().find(|ip| !ip.is_empty()) {
        Some(ip) => Cow::Borrowed(ip),
        None => Cow::Owned(peer.remote.ip().to_string()),
    }
}

fn labels<'a>(ip: &'a str, peer: &'a Peer<'_>, request: &Request<'a>) -> Labels<'a> {
    let tag = request.headers.get("Vipserver-Tag");
    let tag = tag.or_else(|| peer.setup.label("Vipserver-Tag")).unwrap_or_default();
    Labels { client_ip: ip, tag }
}

/// Whoever signed in, otherwise whom the client names.
fn user<'a>(request: &'a Request<'_>, said: &'a str) -> &'a str {
    if request.identity.is_anonymous() { said } else { &request.identity.name }
}

fn json(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a text into memory");
}
