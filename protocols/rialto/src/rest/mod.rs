//! `/api/v1`: JSON for people and tools, described by OpenAPI.

mod events;
mod health;
mod instances;
mod node;
mod openapi;
mod routes;
mod services;
mod stream;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Json, Query, Request};
use axum::routing::{delete, get, post, put};
use axum::{Router, http::request::Parts};
use serde::de::DeserializeOwned;

use crate::Shared;
use crate::limits::BODY_BYTES_MAX;
use crate::problem::Problem;

pub use openapi::openapi;

/// Everything under `/api/v1`, and what monitoring asks for.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/overview", get(node::overview))
        .route("/topology", get(node::topology))
        .route("/services", get(services::list))
        .route("/services/{name}", get(services::show))
        .route("/services/{name}/instances", post(instances::register))
        .route("/services/{name}/instances/{id}", delete(instances::deregister))
        .route("/services/{name}/instances/{id}/renew", put(instances::renew))
        .route("/services/{name}/instances/{id}/status", put(instances::status))
        .route("/routes", get(routes::list))
        .route("/routes/{id}", get(routes::show).put(routes::put).delete(routes::remove))
        .route("/events", get(events::list))
        .route("/events/stream", get(events::stream))
        .route("/watch", get(events::watch))
        .route("/openapi.json", get(openapi::document))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    Router::new()
        .nest("/api/v1", api)
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(shared)
}

/// A JSON body, or a problem that says what is wrong with it.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let Json(value) = Json::from_request(request, state).await?;
        Ok(Self(value))
    }
}

/// Parameters of the query, or a problem that says what is wrong with them.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Query(value) = Query::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// Parts of the path, decoded, or a problem that says what is wrong with them.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let axum::extract::Path(value) =
            axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

async fn unknown_path(request: Request) -> Problem {
    let path = request.uri().path();
    Problem::not_found(format!("there is no {path}; see /api/v1/openapi.json"))
}

async fn wrong_method(request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    Problem::new(
        http::StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{path} does not take {method}; see /api/v1/openapi.json"),
    )
}
