//! Makes one instance slow on demand. The demo uses it to show that callers notice; it is there only
//! when the service was started with `--chaos`.

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

type Delay = Arc<AtomicU64>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chaos {
    /// Added to every request, 0 for none.
    delay_ms: u64,
}

/// The service with `POST /chaos`, which delays everything else.
pub(crate) fn enable(service: Router) -> Router {
    let delay = Delay::default();
    service
        .layer(middleware::from_fn_with_state(delay.clone(), wait))
        .merge(Router::new().route("/chaos", routing::post(set)).with_state(delay))
}

async fn set(State(delay): State<Delay>, Json(chaos): Json<Chaos>) -> Result<Json<Chaos>, Problem> {
    if chaos.delay_ms > DELAY_MS_MAX {
        return Err(Problem::invalid(format!("delay_ms is at most {DELAY_MS_MAX}")));
    }
    delay.store(chaos.delay_ms, Ordering::Relaxed);
    Ok(Json(chaos))
}

async fn wait(State(delay): State<Delay>, request: Request, next: Next) -> Response {
    let delay_ms = delay.load(Ordering::Relaxed);
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    next.run(request).await
}
