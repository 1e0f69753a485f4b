//! Many configurations at once: archives out and in, and copies under other names.

use std::sync::Arc;

use bytes::Bytes;
use rialto_configuration::{Entry, ImportOutcome, ImportPolicy, Search, Text};
use rialto_door::http::{Answer, Reply, Value};
use rialto_security::Action::{self, Operate, Read};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::ask::{Ask, data_in, rest_in};
use super::config::{by_ids, may, may_all};
use super::desk::Desk;
use super::refusal::Refusal;
use super::style::Style::{self, V3};
use super::table::{Route, each};
use crate::access::Scope::{self, Configuration};
use crate::codec::{date, multipart};
use crate::config::{ArchiveFormat, CloneForm, CloneItem, Configs, ImportForm, Imported};
use crate::problem::{Code, Problem};

const LOOK: (Action, Scope) = (Read, Configuration);
const CHANGE: (Action, Scope) = (Operate, Configuration);

/// The routes; v1 has its own within those of single configurations.
pub(super) const ROUTES: &[Route] = &[
    each(LOOK, "GET", "/v3/admin/cs/config/export", V3, export),
    each(CHANGE, "POST", "/v3/admin/cs/config/import", V3, import),
    each(CHANGE, "POST", "/v3/admin/cs/config/clone", V3, clone),
    each(LOOK, "GET", "/v3/console/cs/config/export", V3, export),
    each(LOOK, "GET", "/v3/console/cs/config/export2", V3, export),
    each(CHANGE, "POST", "/v3/console/cs/config/import", V3, import),
    each(CHANGE, "POST", "/v3/console/cs/config/clone", V3, clone),
];

/// Those with the given identifiers, or else those that a search finds, as an archive.
pub(super) fn export(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let namespace = ask.names().namespace;
    let entries = match ask.get("ids") {
        Some(ids) => by_ids(desk, ask, ids)?,
        None => {
            may_all(desk, ask, Read, namespace)?;
            let text = |names: &[&str]| ask.any(names).unwrap_or_default();
            desk.configs.configurations().find(&Search {
                namespace: namespace.to_owned(),
                data_id: Text::within(text(&["dataId"])),
                group: Text::accurate(text(&["group", "groupName"])),
                app_name: Text::accurate(text(&["appName"])),
                ..Search::default()
            })
        }
    };
    let old = ask.style().is_v1() && ask.flag("exportV2") != Some(true);
    let format = if old { ArchiveFormat::Old } else { ArchiveFormat::New };
    let with_secrets = entries.iter().all(|entry| {
        let key = &entry.key;
        may(desk, ask, Operate, key).is_ok()
    });
    let name = format!("nacos_config_export_{}.zip", date::compact(desk.now_ms()));
    Ok(desk.later(ask, async move {
        let written = archive(entries, format, with_secrets).await?;
        let typed = "application/octet-stream;charset=UTF-8";
        let disposition = Value::Owned(format!("attachment;filename={name}"));
        Ok(Answer::owned(200, typed, written).with("content-disposition", disposition))
    }))
}

async fn archive(
    entries: Vec<Arc<Entry>>,
    format: ArchiveFormat,
    with_secrets: bool,
) -> Result<Vec<u8>, Problem> {
    let work = move || Configs::export(&entries, format, with_secrets);
    let failed = |_| Err(Problem::new(500, Code::Server, "the archive could not be written"));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(failed)
}

/// An archive in a multipart body; what it says about the policy may be there or in the query.
pub(super) fn import(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let unread =
        |error: multipart::MultipartError| Refusal::coded(400, Code::MediaType, error.to_string());
    let typed = ask.header("content-type").unwrap_or_default();
    let boundary = multipart::boundary(typed).map_err(unread)?;
    let parts = multipart::read(boundary, ask.call.body).map_err(unread)?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| {
        let part = part(name).and_then(|part| std::str::from_utf8(part.content).ok());
        part.filter(|text| !text.trim().is_empty())
    };
    let namespace = ask
        .any(&["namespaceId", "tenant", "namespace"])
        .or_else(|| text("namespaceId"))
        .or_else(|| text("namespace"))
        .unwrap_or(super::names::PUBLIC);
    may_all(desk, ask, Operate, namespace)?;
    is_there(desk, namespace)?;
    let file = part("file").filter(|part| !part.content.is_empty());
    let missing = || Refusal::coded(400, Code::ParameterMissing, "the part 'file' is missing");
    let ip = ask.peer().ip().to_string();
    let form = ImportForm {
        archive: Bytes::copy_from_slice(file.ok_or_else(missing)?.content),
        namespace,
        policy: policy(ask.get("policy").or_else(|| text("policy")))?,
        user: ask.user(),
        ip: &ip,
    };
    let (imported, style) = (desk.configs.import(&form), ask.style());
    Ok(desk.later(ask, async move {
        let Imported { outcome, unrecognized } = imported.await?;
        let mut shown = told(&outcome);
        if !unrecognized.is_empty() {
            let named = |name: &String| json!({ "itemName": name });
            shown["unrecognizedCount"] = unrecognized.len().into();
            shown["unrecognizedData"] = unrecognized.iter().map(named).collect();
        }
        Ok(brought_in(style, "import ok", &shown))
    }))
}

fn policy(text: Option<&str>) -> Result<ImportPolicy, Refusal> {
    let Some(text) = text else { return Ok(ImportPolicy::default()) };
    let unknown = || Refusal::Argument("policy is ABORT, SKIP or OVERWRITE".to_owned());
    ImportPolicy::parse(text.trim()).ok_or_else(unknown)
}

/// A mistyped namespace must not swallow an archive.
fn is_there(desk: &Desk, namespace: &str) -> Result<(), Refusal> {
    if desk.engine.namespace(namespace).is_some() || desk.configurations_in(namespace) > 0 {
        return Ok(());
    }
    let message = format!("namespaceId [ {} ] not exist", super::ask::start(namespace));
    Err(Refusal::coded(404, Code::NamespaceNotFound, message))
}

fn told(outcome: &ImportOutcome) -> Json {
    let keys = |keys: &[rialto_configuration::ConfigKey]| -> Json {
        keys.iter().map(|key| json!({ "dataId": key.data_id(), "group": key.group() })).collect()
    };
    let mut shown = json!({ "succCount": outcome.succeeded, "skipCount": outcome.skipped.len() });
    if !outcome.skipped.is_empty() {
        shown["skipData"] = keys(&outcome.skipped);
    }
    if !outcome.failed.is_empty() {
        shown["failData"] = keys(&outcome.failed);
    }
    shown
}

fn brought_in(style: Style, message: &str, shown: &Json) -> Answer {
    if style.is_v1() { rest_in(style, Some(message), shown) } else { data_in(style, shown) }
}

/// One configuration to copy, in the words of v1 and of v3.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Copied {
    #[serde(alias = "cfgId", deserialize_with = "number")]
    config_id: u64,
    #[serde(default, alias = "group")]
    target_group_name: Option<String>,
    #[serde(default, alias = "dataId")]
    target_data_id: Option<String>,
}

/// Identifiers come as numbers and, from scripts, as texts.
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    match Json::deserialize(from)? {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| serde::de::Error::custom("an identifier is a number"))
}

/// Copies into a namespace what the caller may read.
pub(super) fn clone(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let namespace = ask.names().namespace;
    may_all(desk, ask, Operate, namespace)?;
    is_there(desk, namespace)?;
    let copied: Vec<Copied> = serde_json::from_slice(ask.call.body)
        .map_err(|error| Refusal::Argument(format!("the body cannot be read: {error}")))?;
    let ids: Vec<u64> = copied.iter().map(|it| it.config_id).collect();
    for entry in desk.configs.by_ids(&ids)? {
        may(desk, ask, Read, &entry.key)?;
    }
    let items: Vec<CloneItem<'_>> = copied
        .iter()
        .map(|it| CloneItem {
            id: it.config_id,
            group: it.target_group_name.as_deref().unwrap_or_default(),
            data_id: it.target_data_id.as_deref().unwrap_or_default(),
        })
        .collect();
    let ip = ask.peer().ip().to_string();
    let form = CloneForm {
        namespace,
        items: &items,
        policy: policy(ask.get("policy"))?,
        user: ask.user(),
        ip: &ip,
    };
    let (copies, style) = (desk.configs.copy(&form), ask.style());
    Ok(desk.later(ask, async move {
        Ok(brought_in(style, "Clone Completed Successfully", &told(&copies.await?)))
    }))
}
