//! What configurations were before, and how many there may be.

use rialto_configuration::{Capacity, HistoryEntry, HistoryLine, Scope as Within, Usage};
use rialto_door::http::{Answer, Reply};
use rialto_security::Action::{self, Operate, Read};
use rialto_security::Resource;
use serde_json::{Value as Json, json};

use super::ask::{Ask, Page, rest_in};
use super::config::{basic, may_all, merge, or_null};
use super::desk::Desk;
use super::instance::PAGE_SIZE;
use super::names::PUBLIC;
use super::refusal::Refusal;
use super::style::JSON_UTF8;
use super::style::Style::{V1Config, V2, V3};
use super::table::{Route, does, each, open, reads};
use crate::access::Scope::{self, Configuration, Node};
use crate::codec::date;
use crate::limits::PAGE_SIZE_MAX;
use crate::problem::Code;

const LOOK: (Action, Scope) = (Read, Configuration);
const CHANGE: (Action, Scope) = (Operate, Node);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    reads(Configuration, "/v1/cs/history", V1Config, list_or_one),
    reads(Configuration, "/v1/cs/history/detail", V1Config, one),
    reads(Configuration, "/v1/cs/history/previous", V1Config, previous),
    each(LOOK, "GET", "/v1/cs/history/configs", V1Config, configs),
    reads(Configuration, "/v2/cs/history/list", V2, list),
    reads(Configuration, "/v2/cs/history", V2, one),
    reads(Configuration, "/v2/cs/history/detail", V2, one),
    reads(Configuration, "/v2/cs/history/previous", V2, previous),
    each(LOOK, "GET", "/v2/cs/history/configs", V2, configs),
    reads(Configuration, "/v3/admin/cs/history/list", V3, list),
    reads(Configuration, "/v3/admin/cs/history", V3, one),
    reads(Configuration, "/v3/admin/cs/history/previous", V3, previous),
    each(LOOK, "GET", "/v3/admin/cs/history/configs", V3, configs),
    reads(Configuration, "/v3/console/cs/history/list", V3, list),
    reads(Configuration, "/v3/console/cs/history", V3, one),
    reads(Configuration, "/v3/console/cs/history/previous", V3, previous),
    each(LOOK, "GET", "/v3/console/cs/history/configs", V3, configs),
    each(LOOK, "GET", "/v1/cs/capacity", V1Config, capacity),
    does(CHANGE, "POST", "/v1/cs/capacity", V1Config, set_capacity),
    each(LOOK, "GET", "/v3/admin/cs/capacity", V3, capacity),
    does(CHANGE, "POST", "/v3/admin/cs/capacity", V3, set_capacity),
    open("GET", "/v1/cs/health", V1Config, health),
    does(CHANGE, "POST", "/v1/cs/ops/localCache", V1Config, refresh),
    does(CHANGE, "POST", "/v3/admin/cs/ops/localCache", V3, refresh),
    does(CHANGE, "PUT", "/v1/cs/ops/log", V1Config, super::node::set_log),
    does(CHANGE, "PUT", "/v3/admin/cs/ops/log", V3, super::node::set_log),
    reads(Node, "/v1/cs/metrics/cluster", V1Config, no_client_metrics),
    reads(Node, "/v1/cs/metrics/ip", V1Config, no_client_metrics),
    reads(Node, "/v3/admin/cs/metrics/cluster", V3, no_client_metrics),
    reads(Node, "/v3/admin/cs/metrics/ip", V3, no_client_metrics),
];

fn list_or_one(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if ask.get("nid").is_some() { one(desk, ask) } else { list(desk, ask) }
}

fn list(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (key, asked) = (ask.config_key()?, ask.page(PAGE_SIZE)?);
    let page = desk.configs.history(&key, asked.number, asked.size)?;
    let items: Vec<Json> = page.items.iter().map(|line| shown(ask, line)).collect();
    Ok(ask.data(&Page::new(asked, page.total, items)).into())
}

/// The columns that lists show.
fn shown(ask: &Ask<'_>, line: &HistoryLine) -> Json {
    let key = &line.key;
    // The real server's column is ten characters wide, and its rows are padded.
    let op = format!("{:<10}", line.op.as_str());
    if ask.style() == V3 {
        return json!({
            "id": line.id.to_string(),
            "namespaceId": key.namespace(),
            "groupName": key.group(),
            "dataId": key.data_id(),
            "md5": null,
            "type": null,
            "appName": line.app_name,
            "createTime": line.created_ms,
            "modifyTime": line.at_ms,
            "srcIp": or_null(&line.origin.ip),
            "srcUser": or_null(&line.origin.user),
            "opType": op,
            "publishType": line.publish_type(),
        });
    }
    json!({
        "id": line.id.to_string(),
        "lastId": -1,
        "dataId": key.data_id(),
        "group": key.group(),
        "tenant": ask.written(key.namespace()),
        "appName": line.app_name,
        "md5": null,
        "content": null,
        "srcIp": or_null(&line.origin.ip),
        "srcUser": or_null(&line.origin.user),
        "opType": op,
        "createdTime": date::iso(line.created_ms),
        "lastModifiedTime": date::iso(line.at_ms),
        "encryptedDataKey": null,
    })
}

fn one(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number::<u64>("nid")?.ok_or(Refusal::Missing("nid"))?;
    told(ask, desk.configs.history_entry(&ask.config_key()?, id)?)
}

fn previous(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number::<u64>("id")?.ok_or(Refusal::Missing("id"))?;
    told(ask, desk.configs.history_previous(&ask.config_key()?, id)?)
}

fn told(ask: &Ask<'_>, found: Option<HistoryEntry>) -> Result<Reply, Refusal> {
    let Some(entry) = found else {
        return match ask.style() {
            V1Config => Ok(Answer::text(200, JSON_UTF8, "").into()),
            _ => Err(Refusal::coded(404, Code::NotFound, "certain config history not exist")),
        };
    };
    let mut all = shown(ask, &entry.line);
    let more = json!({
        "content": entry.content.text(),
        "md5": entry.content.md5_text(),
        "encryptedDataKey": entry.encrypted_data_key,
    });
    merge(&mut all, more);
    if ask.style() == V3 {
        let information = json!({ "type": entry.line.kind.as_str() });
        let more = json!({
            "type": entry.line.kind.as_str(),
            "grayName": entry.line.gray_name(),
            "extInfo": information.to_string(),
        });
        merge(&mut all, more);
    }
    Ok(ask.data(&all).into())
}

/// What is in a namespace, without its content.
fn configs(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let namespace = ask.names().namespace;
    may_all(desk, ask, Read, namespace)?;
    let search = rialto_configuration::Search {
        namespace: namespace.to_owned(),
        ..rialto_configuration::Search::default()
    };
    let found = desk.configs.configurations().find(&search);
    let all: Vec<Json> = found
        .iter()
        .take(PAGE_SIZE_MAX)
        .filter_map(|entry| Some(basic(ask, entry, entry.formal.as_ref()?)))
        .collect();
    Ok(ask.data(&all).into())
}

/// Of which namespace or group a capacity is, when the caller may see all of it.
fn within(desk: &Desk, ask: &Ask<'_>) -> Result<Within, Refusal> {
    let may = |namespace: &str, group: &str| {
        let resource = Resource::Configuration { namespace, group, name: "" };
        desk.access.allow(&ask.who, Read, &resource)
    };
    if let Some(namespace) = ask.any(&["namespaceId", "tenant"]) {
        may(namespace, "")?;
        return Ok(Within::Namespace(namespace.to_owned()));
    }
    match ask.any(&["group", "groupName"]) {
        Some(group) => {
            may(PUBLIC, group)?;
            Ok(Within::Group(group.to_owned()))
        }
        None => {
            let message = "the parameters group and tenant are both missing";
            Err(Refusal::coded(400, Code::ParameterInvalid, message))
        }
    }
}

fn capacity(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let within = within(desk, ask)?;
    let Usage { used, capacity } = desk.configs.usage(&within);
    let mut shown = json!({
        "id": 1,
        "quota": capacity.configs_max,
        "usage": used,
        "maxSize": capacity.bytes_max,
        "maxAggrCount": 0,
        "maxAggrSize": 0,
    });
    match within {
        Within::Group(group) => shown["group"] = group.into(),
        Within::Namespace(namespace) => shown["tenant"] = namespace.into(),
    }
    Ok(ask.rest(&shown).into())
}

fn set_capacity(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let within = within(desk, ask)?;
    let (configs, bytes) = (ask.number::<u64>("quota")?, ask.number::<u64>("maxSize")?);
    if configs.is_none() && bytes.is_none() {
        let message = "the parameters quota and maxSize are both missing";
        return Err(Refusal::coded(400, Code::ParameterInvalid, message));
    }
    let now = desk.configs.usage(&within).capacity;
    let capacity = Capacity {
        configs_max: configs.unwrap_or(now.configs_max),
        bytes_max: bytes.unwrap_or(now.bytes_max),
    };
    let (set, style) = (desk.configs.set_capacity(within, Some(capacity)), ask.style());
    Ok(desk.later(ask, async move {
        set.await?;
        Ok(match style {
            V1Config => rest_in(style, None, &true),
            _ => super::ask::data_in(style, &true),
        })
    }))
}

fn health(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(Answer::text(200, super::style::TEXT, "UP").into())
}

/// There is no cache beside the store that could differ from it.
fn refresh(_: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let text = "Local cache updated from store!";
    Ok(match ask.style() {
        V1Config => Answer::text(200, super::style::TEXT, text).into(),
        _ => ask.data(&text).into(),
    })
}

fn no_client_metrics(_: &Desk, _: &Ask<'_>) -> Result<Reply, Refusal> {
    let message = "the caches of clients are not asked for; see who listens with which md5";
    Err(Refusal::disabled(message))
}
