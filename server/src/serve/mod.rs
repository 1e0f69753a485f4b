//! `rialto serve`: starts the product, says so, and stops it in order.

mod banner;
mod clients;
mod http;
mod node;
mod ready;
mod reload;
mod trouble;

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use rialto_api::route::RouteSpec;
use rialto_door::Access;
use rialto_telemetry::logs::{self, LogFormat};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::cli::{Loaded, ServeArgs, load, refused};
use crate::config::{Config, Listen};
use crate::exit::{Exit, Failure};
use crate::output;
use banner::Banner;
use node::Node;
use ready::ReadyFile;

/// Doors with their bound addresses; a door that is off is absent.
pub(crate) type Doors = BTreeMap<String, String>;

/// Product version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Threads for the doors at most; the gateway has its own.
const WORKERS_MAX: usize = 8;
/// Threads for work that blocks, such as writing records.
const BLOCKING_THREADS_MAX: usize = 16;
/// Left-over work of the runtime is dropped after this time.
const RUNTIME_GRACE: Duration = Duration::from_secs(1);

/// Runs until it is told to stop.
///
/// # Errors
/// When it cannot start, with an exit code that says why.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let loaded = load(&args.sources)?;
    loaded.resolved.check_routes(check_route).map_err(refused)?;
    let log = &loaded.resolved.config.log;
    let format = if log.json { LogFormat::Json } else { LogFormat::Human };
    logs::init(format, &log.level).map_err(|error| Failure::caused(Exit::Configuration, &error))?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(WORKERS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("rialto")
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Exit::Failed, &error))?;
    let result = runtime.block_on(live(args, loaded, started));
    runtime.shutdown_timeout(RUNTIME_GRACE);
    result
}

/// Whether the gateway can use a route.
///
/// # Errors
/// Why not.
pub(crate) fn check_route(route: &RouteSpec) -> Result<(), String> {
    rialto_gateway::check_route(route).map_err(|error| error.reason)
}

async fn live(args: &ServeArgs, loaded: Loaded, started: Instant) -> Result<(), Failure> {
    let Loaded { resolved, file } = loaded;
    let config = resolved.config;
    // Asked for before anything starts, so that a signal during the start is not lost.
    let mut stop = Stop::new(args.stop_with_parent)?;
    let ready_path = config.ready_file.as_deref();
    let unwritable = |error: io::Error| {
        let path = ready_path.unwrap_or_else(|| std::path::Path::new("")).display();
        trouble::io(&format!("ready file {path} cannot be written"), &error)
    };
    if let Some(path) = ready_path {
        ReadyFile::clear(path).map_err(unwritable)?;
    }
    let node = Node::start(&config).await?;
    if let Some(gateway) = node.gateway() {
        let reload = reload::run(args.sources.clone(), file, gateway, node.shutdown());
        tokio::spawn(reload);
    }
    let ready = ready_path.map(|path| ReadyFile::write(path, node.doors()).map_err(unwritable));
    let ready = match ready.transpose() {
        Ok(ready) => ready,
        Err(failure) => {
            node.stop(Duration::ZERO).await;
            return Err(failure);
        }
    };
    let banner = Banner {
        version: VERSION,
        data: &config.data,
        doors: node.doors(),
        password: node.password(),
        started_in_ms: started.elapsed().as_millis(),
    };
    if config.log.json {
        output::line(&banner.json());
    } else {
        output::print(&banner.text());
    }
    if let Some(main) = node.doors().get("nacos") {
        tracing::info!(
            %main,
            "Nacos clients look for gRPC {} above the port that they are given: a proxy or a port \
             mapping must keep that distance",
            rialto_nacos::GRPC_PORT_OFFSET
        );
    }
    warn_of_open_doors(&config);
    let why = stop.asked().await;
    tracing::info!(why, "stopping");
    drop(ready);
    tokio::select! {
        () = node.stop(config.drain) => {}
        why = stop.asked() => tracing::warn!(why, "asked a second time: not waiting any longer"),
    }
    tracing::info!("stopped");
    Ok(())
}

/// What somebody decided is said again at each start, so that it is not forgotten.
fn warn_of_open_doors(config: &Config) {
    let open = |listen: Listen| listen.address().is_some_and(|at| !at.ip().is_loopback());
    for (door, listen, access) in [
        ("eureka", config.eureka.listen, config.eureka.access),
        ("nacos", config.nacos.listen, config.nacos.access),
    ] {
        if open(listen) && access == Access::Open {
            tracing::warn!("{door}.auth=none: whoever reaches that door may change the catalog");
        }
    }
    if open(config.api.listen) {
        tracing::warn!(
            "API and console can be reached from other machines without TLS: passwords and tokens \
             cross the network in clear; put a proxy with TLS before them"
        );
    }
}

/// Everything that asks the server to stop.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    parent: Option<oneshot::Receiver<()>>,
}

impl Stop {
    fn new(with_parent: bool) -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let message = format!("signals cannot be received: {error}");
                Failure::new(Exit::Failed, message)
            })
        };
        let interrupt = listen(SignalKind::interrupt())?;
        let terminate = listen(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate, parent: with_parent.then(end_of_input) })
    }

    /// Waits for the next one; it is named.
    async fn asked(&mut self) -> &'static str {
        let parent = async {
            match &mut self.parent {
                Some(parent) => {
                    // Sent or dropped: standard input is closed.
                    let _ = parent.await;
                }
                None => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            _ = self.interrupt.recv() => return "SIGINT",
            _ = self.terminate.recv() => return "SIGTERM",
            () = parent => "the starting process is gone",
        };
        self.parent = None;
        why
    }
}

/// Resolves when standard input closes. Nothing is ever sent; the end is what is waited for.
fn end_of_input() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // Nobody listens any more when the server has stopped already.
        let _ = sender.send(());
    });
    receiver
}
