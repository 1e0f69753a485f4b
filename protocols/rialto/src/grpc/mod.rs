//! `rialto.v1.Registry`: sessions and watches of SDKs.

mod map;
mod session;
mod watch;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use futures_util::Stream;
use http::StatusCode;
use rialto_api::proto::registry_server::{Registry, RegistryServer};
use rialto_api::proto::{SessionReply, SessionRequest, WatchReply, WatchRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Response, Status, Streaming};

use crate::Shared;
use crate::access::{self, Caller, Unknown};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::problem::Problem;

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service's path, for every router that has the state of its own.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let service = RegistryServer::new(Door { shared }).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Router::new().route_service("/rialto.v1.Registry/{method}", service)
}

struct Door {
    shared: Arc<Shared>,
}

#[tonic::async_trait]
impl Registry for Door {
    type SessionStream = Replies<SessionReply>;
    type WatchStream = Replies<WatchReply>;

    async fn session(
        &self,
        request: Request<Streaming<SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (metadata, extensions, messages) = request.into_parts();
        let caller = self.caller(metadata, extensions).await?;
        let permit = permit(&self.shared.sessions, "sessions")?;
        let replies = session::replies(self.shared.clone(), caller, messages, permit);
        Ok(Response::new(Box::pin(replies)))
    }

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let caller = self.caller(metadata, extensions).await?;
        let permit = permit(&self.shared.watches, "watches")?;
        let replies = watch::replies(&self.shared, &caller, &message, permit)?;
        Ok(Response::new(Box::pin(replies)))
    }
}

impl Door {
    async fn caller(
        &self,
        metadata: MetadataMap,
        extensions: Extensions,
    ) -> Result<Caller, Status> {
        let headers = metadata.into_headers();
        let mut http_extensions = http::Extensions::new();
        if let Some(peer) = extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>() {
            http_extensions.insert(*peer);
        }
        let security = &self.shared.context.security;
        access::authenticate(security, &headers, &http_extensions).await.map_err(|unknown| {
            let missing = matches!(unknown, Unknown::Missing);
            let status = status(Problem::from(unknown));
            if missing {
                let hint = "no token was sent; set RIALTO_TOKEN_FILE to the server's service.token";
                return Status::unauthenticated(hint);
            }
            status
        })
    }
}

fn permit(semaphore: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, Status> {
    semaphore.clone().try_acquire_owned().map_err(|_| {
        Status::resource_exhausted(format!("there are too many {what} already; try again later"))
    })
}

/// A REST problem as a gRPC status.
fn status(problem: Problem) -> Status {
    let (status, _, detail) = problem.into_parts();
    match status {
        StatusCode::BAD_REQUEST => Status::invalid_argument(detail),
        StatusCode::UNAUTHORIZED => Status::unauthenticated(detail),
        StatusCode::FORBIDDEN => Status::permission_denied(detail),
        StatusCode::NOT_FOUND => Status::not_found(detail),
        StatusCode::TOO_MANY_REQUESTS => Status::resource_exhausted(detail),
        _ => Status::failed_precondition(detail),
    }
}
