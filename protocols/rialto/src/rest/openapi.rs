//! The description of `/api/v1`, for tools and for people who read it in one.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{events, instances, node, routes, services};
use crate::Shared;

#[derive(OpenApi)]
#[openapi(
    info(title = "Rialto", description = "Services, instances, routes, events and traffic."),
    servers((url = "/api/v1")),
    paths(
        node::overview,
        node::topology,
        services::list,
        services::show,
        instances::register,
        instances::renew,
        instances::status,
        instances::deregister,
        routes::list,
        routes::show,
        routes::put,
        routes::remove,
        events::list,
        events::stream,
        events::watch,
    ),
    security(("token" = []), ("password" = [])),
    modifiers(&Schemes),
)]
struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in
            [("token", HttpAuthScheme::Bearer), ("password", HttpAuthScheme::Basic)]
        {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// The OpenAPI document of a version of the product, as JSON.
pub fn openapi(version: &str) -> String {
    let mut document = Description::openapi();
    version.clone_into(&mut document.info.version);
    document.to_json().expect("a document made of our own types can be written")
}

/// The OpenAPI document. Needs no credentials: it is the same for everybody.
pub(crate) async fn document(State(shared): State<Arc<Shared>>) -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| openapi(&shared.context.version));
    ([(CONTENT_TYPE, "application/json")], document.as_str()).into_response()
}
