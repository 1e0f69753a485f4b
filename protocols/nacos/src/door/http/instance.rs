//! Instances: register, beat, list, and what operators change.

use rialto_door::http::{Answer, Reply};
use rialto_security::Action::{self, Operate, Read, Register};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ask::{Ask, data_in};
use super::desk::Desk;
use super::read::{self, Beat};
use super::refusal::{Refusal, Wrapped, json as bytes};
use super::style::Style::{self, V1, V2, V3};
use super::table::{Route, does, each, reads};
use crate::access::Scope::{self, Service};
use crate::map::{BeatForm, CLUSTER_DEFAULT, group_of, namespace_of};
use crate::naming::{BeatAnswer, InstanceChange, InstanceInfo, Owner};
use crate::problem::{Code, Problem};

const OWN: (Action, Scope) = (Register, Service);
const CHANGE: (Action, Scope) = (Operate, Service);

/// The routes.
pub(super) const ROUTES: &[Route] = &[
    does(OWN, "POST", "/v1/ns/instance", V1, register),
    does(OWN, "DELETE", "/v1/ns/instance", V1, deregister),
    does(CHANGE, "PUT", "/v1/ns/instance", V1, update),
    does(CHANGE, "PATCH", "/v1/ns/instance", V1, patch),
    reads(Service, "/v1/ns/instance", V1, detail),
    reads(Service, "/v1/ns/instance/list", V1, list),
    does(OWN, "PUT", "/v1/ns/instance/beat", V1, beat),
    each((Read, Service), "GET", "/v1/ns/instance/statuses", V1, statuses),
    does(CHANGE, "PUT", "/v1/ns/instance/metadata/batch", V1, put_metadata),
    does(CHANGE, "DELETE", "/v1/ns/instance/metadata/batch", V1, remove_metadata),
    does(OWN, "POST", "/v2/ns/instance", V2, register),
    does(OWN, "DELETE", "/v2/ns/instance", V2, deregister),
    does(CHANGE, "PUT", "/v2/ns/instance", V2, update),
    does(CHANGE, "PATCH", "/v2/ns/instance", V2, patch),
    reads(Service, "/v2/ns/instance", V2, detail),
    reads(Service, "/v2/ns/instance/list", V2, list),
    does(OWN, "PUT", "/v2/ns/instance/beat", V2, beat),
    each((Read, Service), "GET", "/v2/ns/instance/statuses/*", V2, statuses),
    does(CHANGE, "PUT", "/v2/ns/instance/metadata/batch", V2, put_metadata),
    does(CHANGE, "DELETE", "/v2/ns/instance/metadata/batch", V2, remove_metadata),
    does(OWN, "POST", "/v3/client/ns/instance", V3, register_or_beat),
    does(OWN, "DELETE", "/v3/client/ns/instance", V3, deregister),
    reads(Service, "/v3/client/ns/instance/list", V3, list),
    does(CHANGE, "POST", "/v3/admin/ns/instance", V3, register),
    does(CHANGE, "DELETE", "/v3/admin/ns/instance", V3, deregister),
    does(CHANGE, "PUT", "/v3/admin/ns/instance", V3, update),
    does(CHANGE, "PUT", "/v3/admin/ns/instance/partial", V3, patch),
    reads(Service, "/v3/admin/ns/instance", V3, detail),
    reads(Service, "/v3/admin/ns/instance/list", V3, list_all),
    does(CHANGE, "PUT", "/v3/admin/ns/instance/metadata/batch", V3, put_metadata),
    does(CHANGE, "DELETE", "/v3/admin/ns/instance/metadata/batch", V3, remove_metadata),
    reads(Service, "/v3/console/ns/instance/list", V3, page),
    does(CHANGE, "PUT", "/v3/console/ns/instance", V3, update),
];

fn register(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    let form = ask.instance()?;
    if form.ephemeral {
        desk.naming.register(Owner::Beat, &key, form)?;
        return Ok(ask.done());
    }
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        naming.register_persistent(&key, form).await?;
        Ok(done_in(style))
    }))
}

/// In v3, a registration that says that it is a heartbeat is a light one.
fn register_or_beat(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if ask.flag("heartBeat") != Some(true) {
        return register(desk, ask);
    }
    let target = ask.owned_target()?;
    let form = BeatForm {
        key: ask.service()?,
        ip: target.ip,
        port: target.port,
        cluster: target.cluster,
        instance: None,
    };
    match desk.naming.beat(form)?.code {
        BEAT_OF_UNKNOWN => Ok(nothing(Code::InstanceNotFound).into()),
        _ => Ok(ask.done()),
    }
}

/// What a beat of an instance that is not there is answered.
const BEAT_OF_UNKNOWN: u32 = 20_404;

/// An answer that says that there is nothing, without being an error over HTTP.
pub(super) fn nothing(code: Code) -> Answer {
    let body = Wrapped::<()> { code: code as u32, message: code.words(), data: None };
    Answer::owned(200, super::style::JSON, bytes(&body))
}

/// `ok`, for answers that come later.
pub(super) fn done_in(style: Style) -> Answer {
    match style {
        V1 | Style::V1Config => Answer::text(200, super::style::TEXT, "ok"),
        V2 | V3 => data_in(style, &"ok"),
    }
}

fn deregister(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    let target = ask.target(None)?;
    if ask.flag("ephemeral").unwrap_or(true) {
        desk.naming.deregister(Owner::Beat, &key, target)?;
        return Ok(ask.done());
    }
    let (naming, style, target) = (desk.naming.clone(), ask.style(), ask.owned_target()?);
    Ok(desk.later(ask, async move {
        naming.deregister_persistent(&key, target.borrow()).await?;
        Ok(done_in(style))
    }))
}

/// Puts weight, enabled and metadata over what the instance says of itself.
fn update(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let form = ask.instance()?;
    let change = InstanceChange {
        weight: Some(form.weight),
        enabled: Some(form.enabled),
        metadata: Some(form.metadata),
    };
    changed(desk, ask, change, false)
}

/// The same, of what is given alone.
fn patch(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let change = InstanceChange {
        weight: ask.number("weight")?,
        enabled: ask.flag("enabled").or_else(|| ask.flag("enable")),
        metadata: ask.metadata()?,
    };
    changed(desk, ask, change, true)
}

fn changed(
    desk: &Desk,
    ask: &Ask<'_>,
    change: InstanceChange,
    must_exist: bool,
) -> Result<Reply, Refusal> {
    let (key, target) = (ask.service()?, ask.owned_target()?);
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        match naming.update_instance(&key, target.borrow(), change).await {
            // As the real server has it: an update of what is not there is kept for nobody.
            Err(Problem { status: 404, .. }) if !must_exist => {}
            other => other?,
        }
        Ok(done_in(style))
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    ip: String,
    port: u16,
    cluster_name: String,
    weight: f64,
    healthy: bool,
    instance_id: String,
    metadata: serde_json::Value,
}

fn detail(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    let info = desk.naming.instance(&key, ask.target(Some("clusterName"))?)?;
    if ask.style() == V3 {
        return Ok(ask.data(&info).into());
    }
    let metadata = info.metadata.into_iter().map(|(key, value)| (key, value.into())).collect();
    let (service, service_name) = match ask.style() {
        V1 => (Some(info.service_name), None),
        _ => (None, Some(info.service_name)),
    };
    Ok(ask
        .data(&Detail {
            service,
            service_name,
            ip: info.ip,
            port: info.port,
            cluster_name: info.cluster_name,
            weight: info.weight,
            healthy: info.healthy,
            instance_id: info.instance_id,
            metadata: serde_json::Value::Object(metadata),
        })
        .into())
}

fn list(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    let clusters = ask.any(&["clusters", "clusterName"]).unwrap_or_default();
    let view = desk.naming.view(&key, clusters, ask.flag("healthyOnly") == Some(true));
    let shown = if ask.style() == V3 { view.hosts() } else { view.grouped() };
    Ok(ask.rendered(shown).into())
}

/// Also those that are out of service, which clients are not shown.
fn list_all(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(ask.data(&all(desk, ask)?).into())
}

fn page(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let (asked, all) = (ask.page(PAGE_SIZE)?, all(desk, ask)?);
    let items = asked.of(&all).iter().collect();
    Ok(ask.data(&super::ask::Page::new(asked, all.len(), items)).into())
}

/// Of lists whose caller names no size.
pub(super) const PAGE_SIZE: usize = 100;

fn all(desk: &Desk, ask: &Ask<'_>) -> Result<Vec<InstanceInfo>, Refusal> {
    let clusters = ask.any(&["clusterName", "clusters"]).unwrap_or_default();
    let mut all = desk.naming.instances(&ask.service()?, clusters);
    if ask.flag("healthyOnly") == Some(true) {
        all.retain(|it| it.healthy);
    }
    Ok(all)
}

/// A beat may carry the whole instance, whose address then counts instead of the parameters'.
fn beat(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let name = ask.need("serviceName")?;
    if ask.style() == V2 && !name.contains("@@") {
        let message =
            "Param 'serviceName' is illegal, it should be format as 'groupName@@serviceName'";
        return Err(Refusal::Argument(message.to_owned()));
    }
    let key = ask.service()?;
    let named = ask.any(&["clusterName", "cluster"]).unwrap_or(CLUSTER_DEFAULT);
    let form = match ask.get("beat") {
        Some(text) => {
            let beat = Beat::read(text)?;
            let cluster = beat.cluster.clone().filter(|it| !it.is_empty());
            let cluster = cluster.unwrap_or_else(|| named.to_owned());
            let (ip, port) = (beat.ip.clone(), beat.port);
            BeatForm { key, ip, port, instance: Some(beat.into_form(&cluster)), cluster }
        }
        None => {
            let ip = ask.need("ip")?.to_owned();
            let port = ask.number("port")?.unwrap_or_default();
            BeatForm { key, ip, port, cluster: named.to_owned(), instance: None }
        }
    };
    let answer: BeatAnswer = desk.naming.beat(form)?;
    // Naked in v2 too.
    Ok(Answer::owned(200, super::style::JSON, bytes(&answer)).into())
}

impl Beat {
    fn read(text: &str) -> Result<Self, Refusal> {
        let unread = |why: &dyn std::fmt::Display| Refusal::Container {
            status: 500,
            message: format!("Server failed, the parameter 'beat' cannot be read: {why}"),
        };
        if !text.trim_start().starts_with('{') {
            return Err(unread(&"it is no object"));
        }
        let beat: Beat = serde_json::from_str(text).map_err(|error| unread(&error))?;
        if beat.ip.is_empty() { Err(Refusal::Missing("ip")) } else { Ok(beat) }
    }
}

/// Health by address, in a text of a form of its own.
fn statuses(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let text = ask.segment(0).or_else(|| ask.get("key")).ok_or(Refusal::Missing("key"))?;
    let key = read::status_key(text)
        .ok_or_else(|| Refusal::Argument("key is no namespace##group@@service".to_owned()))?;
    let resource = rialto_security::Resource::Service {
        namespace: namespace_of(&key),
        group: group_of(&key),
        name: key.name(),
    };
    desk.access.allow(&ask.who, rialto_security::Action::Read, &resource)?;
    let all = desk.naming.instances(&key, "");
    let ips: Vec<String> =
        all.iter().map(|it| format!("{}:{}_{}", it.ip, it.port, it.healthy)).collect();
    Ok(ask.data(&json!({ "ips": ips })).into())
}

fn put_metadata(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    change_metadata(desk, ask, false)
}

fn remove_metadata(desk: &Desk, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    change_metadata(desk, ask, true)
}

#[derive(Deserialize, Serialize)]
struct Updated {
    updated: Vec<String>,
}

fn change_metadata(desk: &Desk, ask: &Ask<'_>, remove: bool) -> Result<Reply, Refusal> {
    let key = ask.service()?;
    ask.need("metadata")?;
    let metadata = ask.metadata()?.unwrap_or_default();
    let targets = match ask.get("instances") {
        Some(text) => read::targets(text)
            .ok_or_else(|| Refusal::Argument("instances is no list of instances".to_owned()))?,
        None => Vec::new(),
    };
    let ephemeral = match ask.get("consistencyType") {
        Some("ephemeral") => Some(true),
        Some("persist") => Some(false),
        _ => None,
    };
    let (naming, style) = (desk.naming.clone(), ask.style());
    Ok(desk.later(ask, async move {
        let targets: Vec<_> = targets.iter().map(read::OwnedTarget::borrow).collect();
        let updated = naming.change_metadata(&key, &targets, ephemeral, &metadata, remove).await?;
        Ok(data_in(style, &Updated { updated }))
    }))
}
