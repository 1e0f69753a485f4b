//! One thread of the gateway: its listener, its connections, and everything that it has for itself.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rialto_balance::{Nanos, Transition};
use rialto_door::Shutdown;
use rialto_telemetry::Telemetry;
use tokio::sync::Notify;

use crate::accesslog::{Ending, Lines, Writer};
use crate::auth::TokenCache;
use crate::clock::Clock;
use crate::config::{Limits, LogFormat, Network};
use crate::connection;
use crate::deadline::Deadlines;
use crate::ejected::Ejected;
use crate::limits::{HOUSEKEEPING_MS, LOG_DRAIN_LOOK_MS, LOG_DRAIN_MS, READ_MAX_BYTES};
use crate::local::{LocalRoute, LocalTable};
use crate::peer::Peer;
use crate::table::{Sought, Table};

/// What all workers share. Requests only read it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) table: ArcSwap<Table>,
    pub(crate) telemetry: Telemetry,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) encoded_slashes: bool,
    pub(crate) log: Option<Writer>,
    pub(crate) ejected: Ejected,
}

/// Free room before what is read, for a head that grew.
pub(crate) const HEADROOM: usize = 4 * 1024;
/// Free room after it, for the end of a chunk and of a body.
pub(crate) const TAILROOM: usize = 16;

/// What one thread has for itself.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) number: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) random: RefCell<SmallRng>,
    pub(crate) deadlines: Rc<Deadlines>,
    pub(crate) tokens: RefCell<TokenCache>,
    /// Where everything read goes first: [`HEADROOM`], [`READ_MAX_BYTES`], [`TAILROOM`].
    pub(crate) scratch: RefCell<Box<[u8]>>,
    /// Where the head of an answer is put together.
    pub(crate) head: RefCell<Vec<u8>>,
    pub(crate) path: RefCell<PathRoom>,
    table: RefCell<LocalTable>,
    log: RefCell<Option<Lines>>,
    draining: Cell<bool>,
    drain: Notify,
    recent: Cell<Nanos>,
    connections: Cell<usize>,
    closed: Notify,
}

/// Room for paths that are not passed on as they came.
#[derive(Debug, Default)]
pub(crate) struct PathRoom {
    pub(crate) path: Vec<u8>,
    pub(crate) new: Vec<u8>,
    pub(crate) spare: Vec<u8>,
}

/// Counts a connection for as long as it lives.
struct Counted(Rc<Worker>);

impl Shared {
    pub(crate) fn log_format(&self) -> Option<LogFormat> {
        self.log.as_ref().map(|log| log.format)
    }

    fn trusts(&self, peer: SocketAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer.ip()))
    }
}

impl Worker {
    pub(crate) fn new(number: usize, shared: Arc<Shared>) -> Rc<Self> {
        let scratch = vec![0; HEADROOM + READ_MAX_BYTES + TAILROOM].into_boxed_slice();
        Rc::new(Self {
            number,
            random: RefCell::new(SmallRng::from_os_rng()),
            deadlines: Deadlines::new(shared.clock),
            tokens: RefCell::default(),
            scratch: RefCell::new(scratch),
            head: RefCell::default(),
            path: RefCell::default(),
            table: RefCell::default(),
            log: RefCell::new(shared.log.as_ref().map(Writer::lines)),
            draining: Cell::new(false),
            drain: Notify::new(),
            recent: Cell::new(shared.clock.now()),
            connections: Cell::new(0),
            closed: Notify::new(),
            shared,
        })
    }

    /// Serves until `shutdown` and its grace are over.
    pub(crate) async fn run(self: Rc<Self>, listener: TcpListener, shutdown: Shutdown) {
        let deadlines = Rc::clone(&self.deadlines);
        let watch = tokio::task::spawn_local(async move { deadlines.run().await });
        let worker = Rc::clone(&self);
        let housekeeping = tokio::task::spawn_local(worker.keep_house());
        if let Err(error) = self.accept_all(listener, &shutdown).await {
            tracing::error!(%error, worker = self.number, "the gateway stops accepting");
            shutdown.begun().await;
        }
        self.draining.set(true);
        self.drain.notify_waiters();
        self.deadlines.expire_idle();
        let grace = Duration::from_millis(self.shared.limits.drain_ms);
        let drained = tokio::time::timeout(grace, self.drained()).await.is_ok();
        if !drained {
            let left = self.connections.get();
            tracing::warn!(worker = self.number, left, "connections are cut at the end of grace");
        }
        watch.abort();
        housekeeping.abort();
        self.flush_log();
        let written = async {
            while self.shared.log.as_ref().is_some_and(|log| !log.is_drained()) {
                tokio::time::sleep(Duration::from_millis(LOG_DRAIN_LOOK_MS)).await;
            }
        };
        // A disk that hangs must not keep the process from stopping.
        let _ = tokio::time::timeout(Duration::from_millis(LOG_DRAIN_MS), written).await;
    }

    pub(crate) fn now(&self) -> Nanos {
        let now = self.shared.clock.now();
        self.recent.set(now);
        now
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now().as_millis()
    }

    /// The time when somebody last asked for it: good enough for long waits, and free.
    pub(crate) fn recent(&self) -> Nanos {
        self.recent.get()
    }

    pub(crate) fn recent_ms(&self) -> u64 {
        self.recent().as_millis()
    }

    /// Whether the gateway stops: connections are closed after the request under way.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Resolves when the gateway begins to stop.
    pub(crate) async fn drain_begun(&self) {
        let begun = self.drain.notified();
        if !self.is_draining() {
            begun.await;
        }
    }

    /// The route for a request.
    pub(crate) fn find(
        &self,
        sought: &Sought<'_>,
        random: &mut SmallRng,
    ) -> Option<Rc<LocalRoute>> {
        let mut table = self.table.borrow_mut();
        let current = self.shared.table.load();
        if !Arc::ptr_eq(&current, &table.source) {
            table.replace(Arc::clone(&current));
        }
        drop(current);
        let number = table.source.find(sought, random)?;
        Some(table.route(number, &self.shared.telemetry))
    }

    /// Writes a line of the access log, if there is one.
    pub(crate) fn log<'a>(&self, opening: &[u8], ending: impl FnOnce() -> Ending<'a>) {
        if let Some(lines) = &mut *self.log.borrow_mut() {
            lines.add(opening, &ending());
        }
    }

    fn flush_log(&self) {
        if let Some(lines) = &mut *self.log.borrow_mut() {
            lines.flush();
        }
    }

    async fn accept_all(
        self: &Rc<Self>,
        listener: TcpListener,
        shutdown: &Shutdown,
    ) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let port = listener.local_addr()?.port();
        let mut begun = std::pin::pin!(shutdown.begun());
        loop {
            if self.connections.get() >= self.shared.limits.connections_max {
                tokio::select! {
                    () = self.closed.notified() => {}
                    () = &mut begun => return Ok(()),
                }
                continue;
            }
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut begun => return Ok(()),
            };
            match accepted {
                Ok((io, from)) => self.open(io, from, port),
                Err(error) if is_of_connection(&error) => {}
                // Out of descriptors, for example: some must be closed first.
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn open(self: &Rc<Self>, io: tokio::net::TcpStream, from: SocketAddr, port: u16) {
        if io.set_nodelay(true).is_err() {
            return;
        }
        let peer = Rc::new(Peer::new(from, port, self.shared.trusts(from)));
        let counted = Counted::new(self);
        let worker = Rc::clone(self);
        tokio::task::spawn_local(async move {
            connection::serve(worker, io, peer).await;
            drop(counted);
        });
    }

    async fn drained(&self) {
        while self.connections.get() > 0 {
            self.closed.notified().await;
        }
    }

    /// Looks after what no request looks after.
    async fn keep_house(self: Rc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_millis(HOUSEKEEPING_MS));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = self.now();
            let table = self.table.borrow();
            for upstream in table.upstreams() {
                let service = &upstream.upstream.service;
                for transition in upstream.tick(now) {
                    let id = match transition {
                        Transition::Ejected { id, .. } | Transition::Returned { id } => id,
                    };
                    if let Some(authority) = upstream.authority(id) {
                        let (ejected, telemetry) = (&self.shared.ejected, &self.shared.telemetry);
                        ejected.tell(telemetry, &service.name, &authority, &transition, now);
                    }
                }
            }
            drop(table);
            self.flush_log();
        }
    }
}

impl Counted {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.connections.set(worker.connections.get() + 1);
        Self(Rc::clone(worker))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
        self.0.closed.notify_one();
    }
}

/// Errors that concern only the connection that was to be accepted.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
    )
}
