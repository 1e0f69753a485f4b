//! Reading configurations: what clients get, what operators see, searches.

use std::sync::Arc;

use bytes::Bytes;
use rialto_configuration::{Effective, Entry, Formal, Gray, KeyRef, Kind, Labels, Search, Text};
use rialto_door::http::{Answer, Body, Reply, Value, http_date};
use rialto_security::Action::Read;
use serde_json::{Value as Json, json};

use super::ask::{Ask, Page, rest_in};
use super::desk::Desk;
use super::instance::{PAGE_SIZE, nothing};
use super::refusal::Refusal;
use super::style::Style::{V1Config, V2, V3};
use super::style::{JSON_UTF8, TEXT};
use super::table::{Route, reads};
use crate::access::Scope::Configuration;
use crate::problem::Code;

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    reads(Configuration, "/v1/cs/configs", V1Config, read_in_v1),
    reads(Configuration, "/v1/cs/configs/catalog", V1Config, catalog),
    reads(Configuration, "/v2/cs/config", V2, read),
    reads(Configuration, "/v2/cs/config/searchDetail", V2, search),
    reads(Configuration, "/v3/client/cs/config", V3, read),
    reads(Configuration, "/v3/admin/cs/config", V3, detail),
    reads(Configuration, "/v3/admin/cs/config/list", V3, search),
    reads(Configuration, "/v3/admin/cs/config/beta", V3, beta),
    reads(Configuration, "/v3/console/cs/config", V3, detail),
    reads(Configuration, "/v3/console/cs/config/list", V3, search),
    reads(Configuration, "/v3/console/cs/config/searchDetail", V3, search),
    reads(Configuration, "/v3/console/cs/config/beta", V3, beta),
];

/// One path of v1 is many calls, told apart by a parameter.
fn read_in_v1(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    match ask.get("search") {
        Some("accurate" | "blur") => return search(desk, ask),
        Some(_) => return Err(Refusal::Argument("search is accurate or blur".to_owned())),
        None => {}
    }
    let given = |name| ask.flag(name) == Some(true);
    if given("export") || given("exportV2") {
        return super::transfer::export(desk, ask);
    }
    if given("beta") {
        return beta(desk, ask);
    }
    if ask.get("show") == Some("all") {
        return detail(desk, ask);
    }
    read(desk, ask)
}

impl Ask<'_> {
    /// The configuration that the call names.
    pub(super) fn config_key(&self) -> Result<KeyRef<'_>, Refusal> {
        self.need("dataId")?;
        self.need(if self.style() == V3 { "groupName" } else { "group" })?;
        let names = self.names();
        Ok(KeyRef::new(names.namespace, names.group, names.name))
    }

    /// The address that counts for versions for some addresses alone. Whoever lies about it sees
    /// no more than it may read anyway.
    pub(super) fn client_ip(&self) -> String {
        let forwarded = self.header("x-forwarded-for").and_then(|all| all.split(',').next());
        let named = forwarded.or_else(|| self.header("x-real-ip")).map(str::trim);
        match named.filter(|it| !it.is_empty()) {
            Some(named) => named.to_owned(),
            None => self.peer().ip().to_string(),
        }
    }
}

fn read(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.config_key()?;
    let ip = ask.client_ip();
    let asked_tag = ask.get("tag");
    let tag = ask.header("vipserver-tag").unwrap_or_default();
    let labels = Labels { client_ip: &ip, tag };
    let Some(found) = desk.configs.query(&key, &labels, asked_tag.unwrap_or_default()) else {
        return match ask.style() {
            V3 => Ok(nothing(Code::NotFound).into()),
            V2 => Err(Refusal::coded(404, Code::NotFound, "config data not exist")),
            _ => Ok(Answer::text(404, JSON_UTF8, "config data not exist\n").into()),
        };
    };
    Ok(match ask.style() {
        V3 => ask.data(&as_over_grpc(&found)),
        V2 => {
            let answer = ask.data(&found.content.text());
            with_headers(Answer { content_type: Some(JSON_UTF8), ..answer }, &found)
        }
        _ => {
            let content: Bytes = found.content.bytes().clone();
            with_headers(Answer::new(200, content_type(found.kind), Body::Shared(content)), &found)
        }
    }
    .into())
}

fn with_headers(answer: Answer, found: &Effective) -> Answer {
    let modified = String::from_utf8_lossy(&http_date(found.modified_ms / 1000)).into_owned();
    let mut answer = answer
        .with("content-md5", Value::Owned(found.content.md5_text().to_owned()))
        .with("config-type", Value::Text(found.kind.as_str()))
        .with("pragma", Value::Text("no-cache"))
        .with("cache-control", Value::Text("no-cache,no-store"))
        .with("last-modified", Value::Owned(modified));
    if !found.encrypted_data_key.is_empty() {
        let key = Value::Owned(found.encrypted_data_key.to_string());
        answer = answer.with("encrypted-data-key", key);
    }
    match found.rule.as_deref() {
        Some(rialto_configuration::Rule::Beta { .. }) => answer.with("isbeta", Value::Text("true")),
        Some(rialto_configuration::Rule::Tag { tag }) => {
            answer.with("tag", Value::Owned(tag.clone()))
        }
        None => answer,
    }
}

fn content_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Json => JSON_UTF8,
        Kind::Xml => "application/xml;charset=UTF-8",
        Kind::Html => "text/html;charset=UTF-8",
        Kind::Properties | Kind::Text | Kind::Yaml | Kind::Toml | Kind::Unset => TEXT,
    }
}

/// The answer to a query as gRPC has it.
fn as_over_grpc(found: &Effective) -> Json {
    let (tag, beta) = match found.rule.as_deref() {
        Some(rialto_configuration::Rule::Tag { tag }) => (Some(tag.as_str()), false),
        Some(rialto_configuration::Rule::Beta { .. }) => (None, true),
        None => (None, false),
    };
    json!({
        "resultCode": 200,
        "errorCode": 0,
        "message": null,
        "requestId": null,
        "content": found.content.text(),
        "encryptedDataKey": found.encrypted_data_key,
        "contentType": found.kind.as_str(),
        "md5": found.content.md5_text(),
        "lastModified": found.modified_ms,
        "tag": tag,
        "beta": beta,
        "success": true,
    })
}

/// Text that is shown as null when there is none.
pub(super) fn or_null(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn found(desk: &Desk, ask: &Ask<'_>) -> Result<Arc<Entry>, Refusal> {
    let entry = desk.configs.detail(&ask.config_key()?);
    let missing = || {
        let message = "Config not exist, please publish Config first.";
        Refusal::coded(404, Code::NotFound, message)
    };
    entry.filter(|entry| entry.formal.is_some()).ok_or_else(missing)
}

fn detail(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let entry = match found(desk, ask) {
        // v1 answers with nothing at all.
        Err(Refusal::Problem(_)) if ask.style().is_v1() => {
            return Ok(Answer::text(200, JSON_UTF8, "").into());
        }
        other => other?,
    };
    let Some(formal) = &entry.formal else { return Ok(nothing(Code::NotFound).into()) };
    let mut shown = basic(ask, &entry, formal);
    let meta = &formal.meta;
    let more = json!({
        "content": formal.effective.content.text(),
        "md5": formal.effective.content.md5_text(),
        "encryptedDataKey": formal.effective.encrypted_data_key,
        "createTime": formal.created_ms,
        "modifyTime": formal.effective.modified_ms,
        "createUser": or_null(&formal.origin.user),
        "createIp": or_null(&formal.origin.ip),
        "desc": or_null(&meta.desc),
        "configTags": or_null(&meta.tags),
    });
    merge(&mut shown, more);
    if ask.style() != V3 {
        let more = json!({
            "use": or_null(&meta.used_for),
            "effect": or_null(&meta.effect),
            "schema": or_null(&meta.schema),
        });
        merge(&mut shown, more);
    }
    Ok(ask.data(&shown).into())
}

/// Puts the members of an object into another.
pub(super) fn merge(into: &mut Json, from: Json) {
    if let (Json::Object(into), Json::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// What every list shows of a configuration.
pub(super) fn basic(ask: &Ask<'_>, entry: &Entry, formal: &Formal) -> Json {
    let key = &entry.key;
    if ask.style() == V3 {
        return json!({
            "id": entry.id.to_string(),
            "namespaceId": key.namespace(),
            "groupName": key.group(),
            "dataId": key.data_id(),
            "md5": formal.effective.content.md5_text(),
            "type": formal.effective.kind.as_str(),
            "appName": formal.meta.app_name,
            "createTime": formal.created_ms,
            "modifyTime": formal.effective.modified_ms,
        });
    }
    json!({
        "id": entry.id.to_string(),
        "dataId": key.data_id(),
        "group": key.group(),
        "tenant": ask.written(key.namespace()),
        "appName": formal.meta.app_name,
        "type": formal.effective.kind.as_str(),
    })
}

fn catalog(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let entry = desk.configs.detail(&ask.config_key()?);
    let shown = entry.as_ref().and_then(|entry| entry.formal.as_ref()).map(|formal| {
        json!({
            "createTime": formal.created_ms,
            "modifyTime": formal.effective.modified_ms,
            "createUser": or_null(&formal.origin.user),
            "createIp": or_null(&formal.origin.ip),
            "desc": or_null(&formal.meta.desc),
            "use": or_null(&formal.meta.used_for),
            "effect": or_null(&formal.meta.effect),
            "type": formal.effective.kind.as_str(),
            "schema": or_null(&formal.meta.schema),
            "configTags": or_null(&formal.meta.tags),
        })
    });
    Ok(ask.rest(&shown).into())
}

/// What a search of these parameters looks for. In an accurate one, `*` is only a character.
pub(super) fn asked_for(ask: &Ask<'_>, accurate: bool) -> Search {
    let text = |names: &[&str]| {
        let given = ask.any(names).unwrap_or_default();
        if accurate { Text::accurate(given) } else { Text::blur(given) }
    };
    let list = |names: &[&str]| -> Vec<String> {
        let given = ask.any(names).unwrap_or_default();
        given.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
    };
    Search {
        namespace: ask.names().namespace.to_owned(),
        data_id: text(&["dataId"]),
        group: text(&["group", "groupName"]),
        app_name: Text::accurate(ask.get("appName").unwrap_or_default()),
        content: Text::within(ask.any(&["config_detail", "configDetail"]).unwrap_or_default()),
        tags: list(&["config_tags", "configTags"]),
        kinds: list(&["types", "type"]).iter().map(|it| Kind::parse(it)).collect(),
        into_secrets: false,
    }
}

fn search(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let asked = ask.page(PAGE_SIZE)?;
    let accurate = match ask.get("search") {
        Some("accurate") => true,
        Some("blur") | None => false,
        Some(_) => return Err(Refusal::Argument("search is accurate or blur".to_owned())),
    };
    let wanted = asked_for(ask, accurate);
    let page = desk.configs.search(&wanted, asked.number, asked.size);
    let items: Vec<Json> = page
        .items
        .iter()
        .filter_map(|entry| {
            let formal = entry.formal.as_ref()?;
            let mut shown = basic(ask, entry, formal);
            if ask.style() != V3 {
                let content = (!formal.secret).then(|| formal.effective.content.text());
                let more = json!({ "content": content, "md5": null, "encryptedDataKey": null });
                merge(&mut shown, more);
            }
            Some(shown)
        })
        .collect();
    Ok(ask.data(&Page::new(asked, page.total, items)).into())
}

/// The version for some addresses alone.
fn beta(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let entry = desk.configs.detail(&ask.config_key()?);
    let shown = entry.as_ref().and_then(|entry| Some(gray(ask, entry, entry.beta()?)));
    match ask.style() {
        V3 => match shown {
            Some(shown) => Ok(ask.data(&shown).into()),
            None => Err(Refusal::coded(404, Code::NotFound, "Config is not in beta.")),
        },
        style => Ok(rest_in(style, Some("query beta ok"), &shown).into()),
    }
}

fn gray(ask: &Ask<'_>, entry: &Entry, gray: &Gray) -> Json {
    let key = &entry.key;
    let effective = &gray.effective;
    if ask.style() == V3 {
        let rule = json!({
            "type": gray.rule.kind(),
            "version": "1.0.0",
            "expr": gray.rule.expression(),
            "priority": gray.rule.priority(),
        });
        return json!({
            "id": entry.id.to_string(),
            "namespaceId": key.namespace(),
            "groupName": key.group(),
            "dataId": key.data_id(),
            "md5": effective.content.md5_text(),
            "type": effective.kind.as_str(),
            "appName": gray.app_name,
            "createTime": 0,
            "modifyTime": effective.modified_ms,
            "content": effective.content.text(),
            "desc": null,
            "encryptedDataKey": effective.encrypted_data_key,
            "createUser": or_null(&gray.origin.user),
            "createIp": or_null(&gray.origin.ip),
            "configTags": null,
            "grayName": gray.rule.name(),
            "grayRule": rule.to_string(),
        });
    }
    json!({
        "id": entry.id.to_string(),
        "dataId": key.data_id(),
        "group": key.group(),
        "content": effective.content.text(),
        "md5": null,
        "encryptedDataKey": effective.encrypted_data_key,
        "tenant": ask.written(key.namespace()),
        "appName": gray.app_name,
        "type": null,
        "betaIps": gray.rule.expression(),
        "lastModified": effective.modified_ms,
    })
}

/// Whether the caller may read a configuration that it named by identifier.
pub(super) fn may(
    desk: &Desk,
    ask: &Ask<'_>,
    action: rialto_security::Action,
    key: &rialto_configuration::ConfigKey,
) -> Result<(), Refusal> {
    let resource = rialto_security::Resource::Configuration {
        namespace: key.namespace(),
        group: key.group(),
        name: key.data_id(),
    };
    Ok(desk.access.allow(&ask.who, action, &resource)?)
}

/// Whether the caller may do it with every configuration of a namespace, whatever else the call
/// names.
pub(super) fn may_all(
    desk: &Desk,
    ask: &Ask<'_>,
    action: rialto_security::Action,
    namespace: &str,
) -> Result<(), Refusal> {
    let resource = rialto_security::Resource::Configuration { namespace, group: "", name: "" };
    Ok(desk.access.allow(&ask.who, action, &resource)?)
}

/// Entries of a list of identifiers, each of which the caller may read. Unknown ones are left out.
pub(super) fn by_ids(desk: &Desk, ask: &Ask<'_>, ids: &str) -> Result<Vec<Arc<Entry>>, Refusal> {
    let mut numbers = Vec::new();
    for id in ids.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let unread = || format!("For input string: \"{}\"", super::ask::start(id));
        numbers.push(id.parse().map_err(|_| Refusal::Argument(unread()))?);
    }
    let found = desk.configs.by_ids(&numbers)?;
    for entry in &found {
        may(desk, ask, Read, &entry.key)?;
    }
    Ok(found)
}
