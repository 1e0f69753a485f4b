//! Brings a changed configuration file's routes into force while the server runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rialto_door::Shutdown;
use rialto_gateway::Gateway;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{SourceArgs, load_routes};

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// What the file looked like; any difference is a change.
type Look = Option<(SystemTime, u64)>;

/// Looks at the file every second, and at once on SIGHUP, until the stop begins.
pub(crate) async fn run(args: SourceArgs, file: PathBuf, gateway: Gateway, shutdown: Shutdown) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP cannot be received; changed files are still seen");
            return;
        }
    };
    let mut seen = look(&file);
    loop {
        let asked = tokio::select! {
            () = shutdown.begun() => return,
            got = hangup.recv() => got.is_some(),
            () = tokio::time::sleep(LOOK) => false,
        };
        let now = look(&file);
        if now == seen && !asked {
            continue;
        }
        seen = now;
        apply(&args, &file, &gateway);
    }
}

fn apply(args: &SourceArgs, file: &Path, gateway: &Gateway) {
    let file = file.display();
    let routes = match load_routes(args) {
        Ok(routes) => routes,
        Err(failure) => {
            let problem = failure.message();
            tracing::error!(%file, problem, "changed configuration refused; the old routes stay");
            return;
        }
    };
    let count = routes.len();
    match gateway.set_routes(routes) {
        Ok(()) => tracing::info!(%file, routes = count, "routes reloaded"),
        Err(error) => {
            tracing::error!(%file, %error, "changed routes refused; the old routes stay");
        }
    }
}

fn look(file: &Path) -> Look {
    let facts = std::fs::metadata(file).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}
