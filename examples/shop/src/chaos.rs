//! Makes one instance slow on demand. The demo uses it to show that callers notice; it is there
//! only when the service was started with `--chaos`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::{Json, Router, middleware, routing};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Longest delay, in ms.
const DELAY_MS_MAX: u64 = 60_000;

#[derive(Default)]
struct Instance {
    delay_ms: AtomicU64,
    served: AtomicU64,
}

/// What `GET /chaos` tells.
#[derive(Serialize)]
struct Seen {
    delay_ms: u64,
    /// Requests that came to this instance.
    served: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chaos {
    /// Added to every request, 0 for none.
    delay_ms: u64,
}

/// The service with `POST /chaos`, which delays everything else, and `GET /chaos`, which tells how
/// much work came here.
pub(crate) fn enable(service: Router) -> Router {
    let instance = Arc::new(Instance::default());
    let chaos = routing::get(get).post(set);
    service
        .layer(middleware::from_fn_with_state(instance.clone(), wait))
        .merge(Router::new().route("/chaos", chaos).with_state(instance))
}

async fn get(State(instance): State<Arc<Instance>>) -> Json<Seen> {
    Json(Seen {
        delay_ms: instance.delay_ms.load(Ordering::Relaxed),
        served: instance.served.load(Ordering::Relaxed),
    })
}

async fn set(
    State(instance): State<Arc<Instance>>,
    Json(chaos): Json<Chaos>,
) -> Result<Json<Chaos>, Problem> {
    if chaos.delay_ms > DELAY_MS_MAX {
        return Err(Problem::invalid(format!("delay_ms is at most {DELAY_MS_MAX}")));
    }
    instance.delay_ms.store(chaos.delay_ms, Ordering::Relaxed);
    Ok(Json(chaos))
}

async fn wait(State(instance): State<Arc<Instance>>, request: Request, next: Next) -> Response {
    instance.served.fetch_add(1, Ordering::Relaxed);
    let delay_ms = instance.delay_ms.load(Ordering::Relaxed);
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    next.run(request).await
}
