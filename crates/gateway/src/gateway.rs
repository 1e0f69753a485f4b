//! Starting the gateway, and the handle to it.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rialto_api::route::RouteSpec;
use rialto_door::Shutdown;
use rialto_engine::Engine;
use rialto_telemetry::{EventKind, Telemetry};
use tokio::runtime::Builder;

use crate::accesslog::Writer;
use crate::clock::Clock;
use crate::config::GatewayConfig;
use crate::control::Control;
use crate::ejected::Ejected;
use crate::error::{RouteError, StartError};
use crate::table::plan::Plan;
use crate::table::{Origin, Table};
use crate::worker::{Shared, Worker};

/// A gateway that serves. Dropping the handle does not stop it; the shutdown does.
#[derive(Debug, Clone)]
pub struct Gateway {
    address: SocketAddr,
    control: Arc<Control>,
    shared: Arc<Shared>,
}

/// Whether a route could be used; to be asked before it is stored.
///
/// # Errors
/// [`RouteError`] says what is wrong, and what would be right.
pub fn check_route(spec: &RouteSpec) -> Result<(), RouteError> {
    match Plan::compile(spec) {
        Ok(_) => Ok(()),
        Err(reason) => Err(RouteError { id: spec.id.clone(), reason }),
    }
}

/// Starts the gateway: threads of its own, each with a listener on the same port. It stops when
/// `shutdown` begins: connections without a request at once, the others after their request.
///
/// # Errors
/// When the port cannot be had, a route makes no sense, or the access log cannot be written.
#[expect(clippy::needless_pass_by_value, reason = "handles that the gateway shares")]
pub fn start(
    config: GatewayConfig,
    engine: Engine,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<Gateway, StartError> {
    let workers = match config.workers {
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        workers => workers,
    };
    let dropped = telemetry.counter(
        "rialto_access_log_dropped",
        "Lines of the access log that were dropped because the disk was too slow.",
        &[],
    );
    let log = Writer::start(&config.access_log, config.access_log_format, dropped)?;
    let shared = Arc::new(Shared {
        table: ArcSwap::from_pointee(Table::default()),
        telemetry: telemetry.clone(),
        clock: Clock::start(),
        limits: config.limits,
        trusted_proxies: config.trusted_proxies,
        encoded_slashes: config.encoded_slashes,
        log,
        ejected: Ejected::default(),
    });
    let control = Arc::new(Control::new(engine, Arc::clone(&shared), config.balance));
    control.configure(config.routes)?;
    control.look_at_everything();
    let listeners = rialto_door::bind_reuse_port("gateway", config.listen, workers)?;
    let first = listeners.first().map(std::net::TcpListener::local_addr);
    let address = first.transpose().map_err(StartError::System)?.unwrap_or(config.listen);
    let follower = Arc::clone(&control);
    let stop = shutdown.clone();
    spawn("gateway-control", async move || follower.run(stop).await, &shutdown)?;
    for (number, listener) in listeners.into_iter().enumerate() {
        let (shared, stop) = (Arc::clone(&shared), shutdown.clone());
        let serve = async move || Worker::new(number, shared).run(listener, stop).await;
        spawn(&format!("gateway-{number}"), serve, &shutdown)?;
    }
    telemetry.events().push(EventKind::Started, "gateway", format!("serves on {address}"));
    Ok(Gateway { address, control, shared })
}

/// Runs `work` in a thread of its own with a runtime of its own; the shutdown waits for it.
fn spawn<F>(name: &str, work: F, shutdown: &Shutdown) -> Result<(), StartError>
where
    F: AsyncFnOnce() + Send + 'static,
{
    let tracked = shutdown.track(std::future::pending::<()>());
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // A local runtime stays in the thread that made it.
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            match runtime {
                Ok(runtime) => runtime.block_on(work()),
                Err(error) => tracing::error!(%error, "a thread of the gateway cannot start"),
            }
            drop(tracked);
        })
        .map(drop)
        .map_err(StartError::System)
}

impl Gateway {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the routes of the configuration; those of the catalog stay. No connection notices.
    ///
    /// # Errors
    /// When one makes no sense; then nothing changes.
    pub fn set_routes(&self, routes: Vec<RouteSpec>) -> Result<(), RouteError> {
        self.control.configure(routes)
    }

    /// All routes, in the order in which they are matched, the ones switched off last.
    #[must_use]
    pub fn table(&self) -> Vec<(RouteSpec, Origin)> {
        let table = self.shared.table.load();
        table.routes.iter().map(|route| (route.spec.clone(), route.origin)).collect()
    }
}
