//! Services and their instances, to read.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rialto_api::rest::{Problem as ProblemBody, ServiceDetail, ServiceSummary};
use rialto_catalog::{ServiceKey, ServiceRef, State as Catalog, fold};
use rialto_security::{Action, Resource};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Parameters, Path};
use crate::Shared;
use crate::access::Caller;
use crate::limits::SERVICES_PER_LIST_MAX;
use crate::problem::Problem;
use crate::views;

/// Which namespace and group a service is of.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    /// Namespace, `public` unless said otherwise.
    #[serde(default = "namespace")]
    pub(crate) namespace: String,
    /// Group, `default` unless said otherwise.
    #[serde(default = "group")]
    pub(crate) group: String,
}

/// Which services to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Of this namespace only.
    namespace: Option<String>,
    /// Of this group only.
    group: Option<String>,
    /// Whose name contains this, in any case.
    q: Option<String>,
    /// At most so many, 10,000 at most.
    limit: Option<usize>,
}

/// Services, sorted by namespace, group and name.
#[utoipa::path(get, path = "/services", tag = "services", params(Filter), responses(
    (status = 200, body = Vec<ServiceSummary>),
    (status = 401, body = ProblemBody),
))]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Vec<ServiceSummary>>, Problem> {
    caller.may(Action::Read, &Resource::Services)?;
    let wanted = filter.q.as_deref().map(fold);
    let limit = filter.limit.unwrap_or(SERVICES_PER_LIST_MAX).min(SERVICES_PER_LIST_MAX);
    let matches = |service: &ServiceRef<'_>| {
        let (namespace, group, name) = service.key().parts();
        filter.namespace.as_deref().is_none_or(|wanted| wanted == namespace)
            && filter.group.as_deref().is_none_or(|wanted| wanted == group)
            && wanted.as_deref().is_none_or(|wanted| fold(name).contains(wanted))
    };
    let services = shared.context.engine.read(|state| {
        let found = state.services().filter(matches).take(limit);
        found.map(|service| views::summary(&service)).collect()
    });
    Ok(Json(services))
}

/// One service with its instances.
#[utoipa::path(get, path = "/services/{name}", tag = "services",
    params(("name" = String, Path, description = "In any case, if that is unique"), Scope),
    responses(
        (status = 200, body = ServiceDetail),
        (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path(name): Path<String>,
    Parameters(scope): Parameters<Scope>,
) -> Result<Json<ServiceDetail>, Problem> {
    let key = scope.key(&name)?;
    caller.may_service(Action::Read, &key)?;
    let found = shared
        .context
        .engine
        .read(|state| find(state, &key).map(|service| views::detail(&service)));
    found.map(Json).ok_or_else(|| unknown_service(&key))
}

impl Scope {
    pub(crate) fn key(&self, name: &str) -> Result<ServiceKey, Problem> {
        Ok(ServiceKey::new(&self.namespace, &self.group, name)?)
    }
}

/// The service of a key, or the only one whose name is the same but for case.
pub(crate) fn find<'a>(state: &'a Catalog, key: &ServiceKey) -> Option<ServiceRef<'a>> {
    if let Some(service) = state.service(key) {
        return Some(service);
    }
    let (namespace, group, name) = key.parts();
    let folded = fold(name);
    let mut same = state.services_folded(namespace, group, &folded);
    let first = same.next()?;
    same.next().is_none().then_some(first)
}

pub(crate) fn unknown_service(key: &ServiceKey) -> Problem {
    let (namespace, group, name) = key.parts();
    Problem::not_found(format!(
        "there is no service {name:?} in namespace {namespace:?} and group {group:?}; \
         GET /api/v1/services lists them"
    ))
}

fn namespace() -> String {
    ServiceKey::NAMESPACE_DEFAULT.to_owned()
}

fn group() -> String {
    ServiceKey::GROUP_DEFAULT.to_owned()
}
