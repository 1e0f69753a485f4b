//! Publishing and removing configurations.

use rialto_door::http::Reply;
use rialto_security::Action::{self, Operate};

use super::ask::{Ask, data_in, rest_in, truth_in};
use super::config::{by_ids, may};
use super::desk::Desk;
use super::refusal::Refusal;
use super::style::Style::{V1Config, V2, V3};
use super::table::{Route, does, each};
use crate::access::Scope::{self, Configuration};
use crate::config::{PublishForm, RemoveForm};
use crate::problem::Code;

const CHANGE: (Action, Scope) = (Operate, Configuration);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    does(CHANGE, "POST", "/v1/cs/configs", V1Config, publish_in_v1),
    does(CHANGE, "DELETE", "/v1/cs/configs", V1Config, remove_in_v1),
    does(CHANGE, "POST", "/v2/cs/config", V2, publish),
    does(CHANGE, "DELETE", "/v2/cs/config", V2, remove),
    does(CHANGE, "POST", "/v3/admin/cs/config", V3, publish),
    does(CHANGE, "DELETE", "/v3/admin/cs/config", V3, remove),
    each(CHANGE, "DELETE", "/v3/admin/cs/config/batch", V3, remove_many),
    does(CHANGE, "DELETE", "/v3/admin/cs/config/beta", V3, stop_beta),
    does(CHANGE, "POST", "/v3/console/cs/config", V3, publish),
    does(CHANGE, "DELETE", "/v3/console/cs/config", V3, remove),
    each(CHANGE, "DELETE", "/v3/console/cs/config/batchDelete", V3, remove_many),
    does(CHANGE, "DELETE", "/v3/console/cs/config/beta", V3, stop_beta),
];

/// One path of v1 is many calls, told apart by a parameter.
fn publish_in_v1(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let given = |name| ask.flag(name) == Some(true);
    if given("import") {
        return super::transfer::import(desk, ask);
    }
    if given("clone") {
        return super::transfer::clone(desk, ask);
    }
    publish(desk, ask)
}

impl Ask<'_> {
    /// Who is written down as the one who did it: the one who signed in, or else whoever the call
    /// says.
    pub(super) fn user(&self) -> &str {
        if self.who.is_anonymous() {
            return self.any(&["src_user", "srcUser"]).unwrap_or_default();
        }
        &self.who.name
    }
}

fn publish(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.config_key()?;
    let content = ask.form.get("content").ok_or(Refusal::Missing("content"))?;
    if content.trim().is_empty() {
        return Err(Refusal::coded(400, Code::ParameterInvalid, "invalid content"));
    }
    let ip = ask.peer().ip().to_string();
    let text = |names: &[&str]| ask.any(names).unwrap_or_default();
    let form = PublishForm {
        namespace: key.namespace(),
        group: key.group(),
        data_id: key.data_id(),
        content,
        tag: text(&["tag"]),
        beta_ips: ask.header("betaips").unwrap_or_default(),
        cas_md5: ask.header("casmd5").unwrap_or_default(),
        kind: text(&["type"]),
        app_name: text(&["appName"]),
        config_tags: ask.any(&["config_tags", "configTags"]),
        desc: text(&["desc"]),
        used_for: text(&["use"]),
        effect: text(&["effect"]),
        schema: text(&["schema"]),
        encrypted_data_key: text(&["encryptedDataKey"]),
        secret: ask.flag("secret"),
        user: ask.user(),
        ip: &ip,
    };
    let (published, style) = (desk.configs.publish(&form), ask.style());
    Ok(desk.later(ask, async move {
        published.await?;
        Ok(truth_in(style, true))
    }))
}

fn remove_in_v1(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if ask.get("delType") == Some("ids") {
        return remove_many(desk, ask);
    }
    if ask.flag("beta") == Some(true) {
        return stop_beta(desk, ask);
    }
    remove(desk, ask)
}

fn remove(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    removed(desk, ask, false)
}

fn stop_beta(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    removed(desk, ask, true)
}

/// What is not there is removed already.
fn removed(desk: &Desk, ask: &Ask<'_>, beta: bool) -> Result<Reply, Refusal> {
    let key = ask.config_key()?;
    let ip = ask.peer().ip().to_string();
    let form = RemoveForm {
        namespace: key.namespace(),
        group: key.group(),
        data_id: key.data_id(),
        tag: ask.get("tag").unwrap_or_default(),
        beta,
        user: ask.user(),
        ip: &ip,
    };
    let (gone, style) = (desk.configs.remove(&form), ask.style());
    Ok(desk.later(ask, async move {
        gone.await?;
        Ok(match style {
            V1Config if beta => rest_in(style, Some("stop beta ok"), &true),
            _ => truth_in(style, true),
        })
    }))
}

/// By identifiers, each of which the caller must have the right to remove.
fn remove_many(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let entries = by_ids(desk, ask, ask.need("ids")?)?;
    for entry in &entries {
        may(desk, ask, Operate, &entry.key)?;
    }
    let keys = entries.iter().map(|entry| entry.key.clone()).collect();
    let ip = ask.peer().ip().to_string();
    let (gone, style) = (desk.configs.remove_many(keys, ask.user(), &ip), ask.style());
    Ok(desk.later(ask, async move {
        gone.await?;
        Ok(data_in(style, &true))
    }))
}
