//! Instances: register, renew, take out of service, remove.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use rialto_api::rest::{InstanceView, Problem as ProblemBody, RegisterInstance, StatusOverride};
use rialto_catalog::{
    Command, Instance, InstanceSpec, Millis, Promise, Protocol, Refused, ServiceKey, Status,
};
use rialto_engine::Renewal;
use rialto_security::Action;
use rialto_telemetry::EventKind;
use serde::Deserialize;
use utoipa::IntoParams;

use super::services::{Scope, find, unknown_service};
use super::{Body, Parameters, Path};
use crate::Shared;
use crate::access::Caller;
use crate::problem::Problem;
use crate::views;

/// Which instance is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Namespace, `public` unless said otherwise.
    namespace: Option<String>,
    /// Group, `default` unless said otherwise.
    group: Option<String>,
    /// Which of several with the same identifier: `sdk`, `eureka` or `rest`.
    protocol: Option<String>,
}

/// Registers an instance, or replaces it: ephemeral with a lease, agreed without.
#[utoipa::path(post, path = "/services/{name}/instances", tag = "instances",
    params(("name" = String, Path, description = "Name of the service"), Scope),
    request_body = RegisterInstance,
    responses(
        (status = 201, body = InstanceView),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 413, body = ProblemBody),
    ),
)]
pub(crate) async fn register(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(name): Path<String>,
    Parameters(scope): Parameters<Scope>,
    Body(body): Body<RegisterInstance>,
) -> Result<(StatusCode, Json<InstanceView>), Problem> {
    let key = scope.key(&name)?;
    let engine = &shared.context.engine;
    let id = body.id.clone().unwrap_or_else(|| format!("{}:{}", body.host, body.port));
    let spec = spec(body, id.clone());
    match spec.promise {
        Promise::Ephemeral => {
            caller.may_service(Action::Register, &key)?;
            let service = key.clone();
            engine.own(|state, _| {
                let held = state.instance(&service, Protocol::Rest, &spec.id);
                let spec = with_override(spec, held.map(|held| &**held));
                ([Command::Register { service: service.clone(), spec }], ())
            })?;
        }
        Promise::Agreed => {
            // It stays until somebody removes it, so it takes more than being a service.
            caller.may_service(Action::Operate, &key)?;
            engine.propose(Command::Register { service: key.clone(), spec }).await?;
        }
    }
    let view = engine.read(|state| {
        let instance = state.instance(&key, Protocol::Rest, &id)?;
        Some(views::instance(instance, state.lease(&key, Protocol::Rest, &id).as_ref()))
    });
    let gone = || Problem::conflict("the instance was removed while it was registered");
    Ok((StatusCode::CREATED, Json(view.ok_or_else(gone)?)))
}

/// Renews the lease of an instance that was registered here.
#[utoipa::path(put, path = "/services/{name}/instances/{id}/renew", tag = "instances",
    params(("name" = String, Path), ("id" = String, Path), Scope),
    responses(
        (status = 204, description = "Renewed"),
        (status = 404, body = ProblemBody, description = "Not registered: register it again"),
    ),
)]
pub(crate) async fn renew(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
    Parameters(scope): Parameters<Scope>,
) -> Result<StatusCode, Problem> {
    let key = scope.key(&name)?;
    caller.may_service(Action::Register, &key)?;
    match shared.context.engine.renew(&key, Protocol::Rest, &id) {
        Renewal::Renewed(_) | Renewal::Revived(_) => Ok(StatusCode::NO_CONTENT),
        Renewal::Unknown => Err(unknown_instance(&key, &id)),
    }
}

/// Overrides the status of an instance, whichever protocol it came by, or ends the override.
#[utoipa::path(put, path = "/services/{name}/instances/{id}/status", tag = "instances",
    params(("name" = String, Path), ("id" = String, Path), Which),
    request_body = StatusOverride,
    responses(
        (status = 200, body = InstanceView),
        (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody),
    ),
)]
pub(crate) async fn status(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
    Parameters(which): Parameters<Which>,
    Body(body): Body<StatusOverride>,
) -> Result<Json<InstanceView>, Problem> {
    let wanted = body.status.as_deref().map(parse_status).transpose()?;
    let (key, held) = which.find(&shared, &name, &id)?;
    caller.may_service(Action::Operate, &key)?;
    let protocol = held.protocol();
    let engine = &shared.context.engine;
    let status = engine.override_status(&key, protocol, &id, wanted).await?.as_str();
    let detail = match body.reason.as_str() {
        "" => format!("{status}, by {}", caller.name()),
        reason => format!("{status}, by {}: {reason}", caller.name()),
    };
    let subject = format!("{}/{id}", key.name());
    shared.context.telemetry.events().push(EventKind::StatusChanged, subject, detail);
    let view = shared.context.engine.read(|state| {
        let instance = state.instance(&key, protocol, &id)?;
        Some(views::instance(instance, state.lease(&key, protocol, &id).as_ref()))
    });
    view.map(Json).ok_or_else(|| unknown_instance(&key, &id))
}

/// Removes an instance, whichever protocol it came by.
#[utoipa::path(delete, path = "/services/{name}/instances/{id}", tag = "instances",
    params(("name" = String, Path), ("id" = String, Path), Which),
    responses(
        (status = 204, description = "Removed"),
        (status = 404, body = ProblemBody),
    ),
)]
pub(crate) async fn deregister(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
    Parameters(which): Parameters<Which>,
) -> Result<StatusCode, Problem> {
    let (key, held) = which.find(&shared, &name, &id)?;
    let (protocol, promise) = (held.protocol(), held.promise());
    let own = protocol == Protocol::Rest && promise == Promise::Ephemeral;
    caller.may_service(if own { Action::Register } else { Action::Operate }, &key)?;
    shared.context.engine.remove_instance(&key, protocol, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Which {
    fn find(
        &self,
        shared: &Shared,
        name: &str,
        id: &str,
    ) -> Result<(ServiceKey, Arc<Instance>), Problem> {
        let namespace = self.namespace.as_deref().unwrap_or(ServiceKey::NAMESPACE_DEFAULT);
        let group = self.group.as_deref().unwrap_or(ServiceKey::GROUP_DEFAULT);
        let key = ServiceKey::new(namespace, group, name)?;
        let protocol = match &self.protocol {
            Some(text) => Some(Protocol::parse(text).ok_or_else(|| {
                Problem::invalid(format!("protocol {text:?} is none of sdk, eureka, rest"))
            })?),
            None => None,
        };
        shared.context.engine.read(|state| {
            let service = find(state, &key).ok_or_else(|| unknown_service(&key))?;
            let same = |one: &&Arc<Instance>| {
                one.id() == id && protocol.is_none_or(|protocol| protocol == one.protocol())
            };
            let mut found = service.instances().iter().filter(same);
            let first = found.next().ok_or_else(|| unknown_instance(service.key(), id))?;
            match found.next() {
                Some(_) => Err(Problem::conflict(format!(
                    "several protocols have an instance {id:?}; say which with ?protocol="
                ))),
                None => Ok((service.key().clone(), first.clone())),
            }
        })
    }
}

fn spec(body: RegisterInstance, id: String) -> InstanceSpec {
    InstanceSpec {
        id,
        protocol: Protocol::Rest,
        host: body.host,
        port: body.port,
        secure_port: body.secure_port,
        zone: body.zone,
        weight: body.weight,
        status: Status::Up,
        overridden: false,
        metadata: body.metadata.into_iter().collect(),
        promise: if body.ttl_ms.is_some() { Promise::Ephemeral } else { Promise::Agreed },
        ttl: body.ttl_ms.map(Millis),
        unhealthy_after: None,
        payload: Bytes::new(),
    }
}

/// An operator's decision outlives a new registration.
fn with_override(mut spec: InstanceSpec, held: Option<&Instance>) -> InstanceSpec {
    if let Some(held) = held.filter(|held| held.overridden()) {
        spec.status = held.status();
        spec.overridden = true;
    }
    spec
}

fn parse_status(text: &str) -> Result<Status, Problem> {
    match Status::parse(text) {
        Some(status @ (Status::Up | Status::Down | Status::OutOfService)) => Ok(status),
        _ => Err(Problem::invalid(format!(
            "status {text:?} cannot be set; use \"up\", \"down\", \"out_of_service\", or null to \
             end the override"
        ))),
    }
}

fn unknown_instance(service: &ServiceKey, id: &str) -> Problem {
    let refused = Refused::UnknownInstance { service: service.clone(), id: id.to_owned() };
    Problem::not_found(refused.to_string())
}
