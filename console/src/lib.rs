//! The web console: pages rendered on the server and one small script of our own.
//!
//! [`router`] answers everything that is not the API: pages, their live streams, forms and assets.
//! Data comes straight from the catalog, telemetry and security; nothing is cached but one look at
//! the whole catalog a second, shared by all pages.

#![forbid(unsafe_code)]

mod assets;
mod chart;
mod clients;
mod context;
mod diff;
mod format;
mod guard;
pub mod limits;
mod live;
mod messages;
mod pages;
mod sign_in;
mod source;
mod survey;
mod topology;
mod view;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use clients::{
    Changed, Clients, Cluster, ImportFile, Importing, InstanceChange, Listener, NoClients,
    NotChanged, ServiceFacts, Subscriber,
};
pub use context::{CheckRoute, ConsoleContext, ListRoutes};

/// The console as a service to be merged with the API's router. It wants
/// `axum::extract::ConnectInfo<SocketAddr>` on requests, for limits by peer.
pub fn router(context: ConsoleContext) -> Router {
    let app = context::App::new(context);
    Router::new()
        .route("/assets/{name}", get(assets::serve))
        .route("/sign-in", get(sign_in::form).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/preferences", post(sign_in::preferences))
        .route("/live/{*path}", get(live::stream))
        .route("/live/", get(live::stream))
        .merge(pages::router())
        .layer(DefaultBodyLimit::max(limits::FORM_BYTES_MAX))
        .layer(axum::middleware::from_fn(guard::headers))
        .with_state(app)
}
