//! Namespaces: v1's console calls, and those of v2 and v3.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use rialto_door::http::Reply;
use rialto_engine::{Namespace, NamespaceError};
use rialto_security::Action::{self, Operate};
use serde::Serialize;

use super::ask::Ask;
use super::desk::Desk;
use super::names::PUBLIC;
use super::refusal::Refusal;
use super::style::Style::{self, V1, V2, V3};
use super::table::{Route, does, reads};
use crate::access::Scope::{self, Namespaces};
use crate::problem::Code;

const CHANGE: (Action, Scope) = (Operate, Namespaces);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    reads(Namespaces, "/v1/console/namespaces", V1, list_or_one),
    does(CHANGE, "POST", "/v1/console/namespaces", V1, create),
    does(CHANGE, "PUT", "/v1/console/namespaces", V1, update),
    does(CHANGE, "DELETE", "/v1/console/namespaces", V1, remove),
    reads(Namespaces, "/v2/console/namespace/list", V2, list),
    reads(Namespaces, "/v2/console/namespace", V2, one),
    does(CHANGE, "POST", "/v2/console/namespace", V2, create),
    does(CHANGE, "PUT", "/v2/console/namespace", V2, update),
    does(CHANGE, "DELETE", "/v2/console/namespace", V2, remove),
    reads(Namespaces, "/v3/admin/core/namespace/list", V3, list),
    reads(Namespaces, "/v3/admin/core/namespace/check", V3, count),
    reads(Namespaces, "/v3/admin/core/namespace", V3, one),
    does(CHANGE, "POST", "/v3/admin/core/namespace", V3, create),
    does(CHANGE, "PUT", "/v3/admin/core/namespace", V3, update),
    does(CHANGE, "DELETE", "/v3/admin/core/namespace", V3, remove),
    reads(Namespaces, "/v3/console/core/namespace/list", V3, list),
    reads(Namespaces, "/v3/console/core/namespace/exist", V3, exists),
    reads(Namespaces, "/v3/console/core/namespace", V3, one),
    does(CHANGE, "POST", "/v3/console/core/namespace", V3, create),
    does(CHANGE, "PUT", "/v3/console/core/namespace", V3, update),
    does(CHANGE, "DELETE", "/v3/console/core/namespace", V3, remove),
];

/// Configurations that one namespace may hold, as the real server says it.
const QUOTA: u32 = 200;

/// The type of a namespace that people named.
const CUSTOM: u8 = 2;
/// The same, where 3.x shows one alone.
const PRIVATE: u8 = 1;

/// A namespace, as answers have it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    namespace: String,
    namespace_show_name: String,
    namespace_desc: Option<String>,
    quota: u32,
    config_count: u64,
    #[serde(rename = "type")]
    kind: u8,
}

impl Shown {
    fn new(desk: &Desk, ask: &Ask<'_>, namespace: Namespace) -> Self {
        let Namespace { id, name, description } = namespace;
        let config_count = desk.configurations_in(&id);
        if id == PUBLIC {
            let described = ask.style() == V3;
            return Shown {
                namespace: ask.written(PUBLIC).to_owned(),
                namespace_show_name: PUBLIC.to_owned(),
                namespace_desc: described.then(|| "Default Namespace".to_owned()),
                quota: QUOTA,
                config_count,
                kind: 0,
            };
        }
        let namespace_desc = (!description.is_empty()).then_some(description);
        Shown {
            namespace: id,
            namespace_show_name: name,
            namespace_desc,
            quota: QUOTA,
            config_count,
            kind: CUSTOM,
        }
    }
}

fn list_or_one(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if ask.get("show").is_some_and(|show| show == "all") {
        return one(desk, ask);
    }
    if ask.flag("checkNamespaceIdExist") == Some(true) {
        return exists(desk, ask);
    }
    list(desk, ask)
}

fn list(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let all: Vec<Shown> =
        desk.engine.namespaces().into_iter().map(|it| Shown::new(desk, ask, it)).collect();
    Ok(ask.rest(&all).into())
}

fn one(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.any(&["namespaceId", "namespace"]).unwrap_or(PUBLIC);
    let Some(namespace) = desk.engine.namespace(id) else {
        let message = format!("namespaceId [ {id} ] not exist");
        return Err(Refusal::coded(404, Code::NamespaceNotFound, message));
    };
    let mut shown = Shown::new(desk, ask, namespace);
    if ask.style() == V3 && shown.kind == CUSTOM {
        // 3.x has another word for it here than in its list.
        shown.kind = PRIVATE;
    }
    Ok(ask.data(&shown).into())
}

fn exists(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.any(&["customNamespaceId", "namespaceId"]);
    Ok(ask.truth(id.is_some_and(|id| desk.engine.namespace(id).is_some())).into())
}

/// How many namespaces have this identifier: none or one.
fn count(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.any(&["customNamespaceId", "namespaceId"]).unwrap_or(PUBLIC);
    Ok(ask.data(&u8::from(desk.engine.namespace(id).is_some())).into())
}

fn create(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.any(&["customNamespaceId", "namespaceId"]).map_or_else(random_id, str::to_owned);
    let namespace = Namespace {
        id,
        name: ask.need("namespaceName")?.to_owned(),
        description: ask.get("namespaceDesc").unwrap_or_default().to_owned(),
    };
    let (engine, style) = (desk.engine.clone(), ask.style());
    Ok(desk.later(ask, async move { told(style, engine.create_namespace(&namespace).await) }))
}

fn update(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (id, name) = match ask.style() {
        V1 => (ask.need("namespace")?, ask.need("namespaceShowName")?),
        _ => (ask.need("namespaceId")?, ask.need("namespaceName")?),
    };
    let namespace = Namespace {
        id: id.to_owned(),
        name: name.to_owned(),
        description: ask.get("namespaceDesc").unwrap_or_default().to_owned(),
    };
    let (engine, style) = (desk.engine.clone(), ask.style());
    Ok(desk.later(ask, async move { told(style, engine.rename_namespace(&namespace).await) }))
}

fn remove(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.need("namespaceId")?.to_owned();
    if desk.configurations_in(&id) > 0 {
        let message = format!("configurations are in the namespace [{id}]; remove them first");
        return Err(Refusal::coded(409, Code::Conflict, message));
    }
    let (engine, style) = (desk.engine.clone(), ask.style());
    Ok(desk.later(ask, async move {
        match engine.remove_namespace(&id).await {
            // Gone is gone, as the real server has it.
            Err(NamespaceError::Unknown { .. }) => told(style, Ok(())),
            other => told(style, other),
        }
    }))
}

/// v1 says `false` to what cannot be, and nothing more.
fn told(
    style: Style,
    outcome: Result<(), NamespaceError>,
) -> Result<rialto_door::http::Answer, Refusal> {
    let Err(error) = outcome else { return Ok(super::ask::truth_in(style, true)) };
    let (status, code) = match &error {
        NamespaceError::Store(_) => (500, Code::DataAccess),
        NamespaceError::HoldsServices { .. } => (409, Code::Conflict),
        _ if style == V1 => return Ok(super::ask::truth_in(style, false)),
        NamespaceError::Exists { .. } => (500, Code::NamespaceExists),
        NamespaceError::Unknown { .. } => (404, Code::NamespaceNotFound),
        NamespaceError::InvalidId { .. }
        | NamespaceError::InvalidText
        | NamespaceError::Reserved => (400, Code::Namespace),
    };
    Err(Refusal::coded(status, code, error.to_string()))
}

/// In the form of a UUID; it need not be hard to guess, only new.
fn random_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    let (a, b) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0x0fff,
        (b >> 48 & 0x3fff) | 0x8000,
        b & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_identifiers_are_valid_and_differ() {
        let (one, other) = (random_id(), random_id());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
    }
}
