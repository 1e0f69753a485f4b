//! One thread with listeners of its own, and what its connections share.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::date::{Date, http_date};
use super::limits::Limits;
use super::{Handler, Origin, Setup, Transport};
use crate::{Shutdown, Tls};

/// How long a stop waits for requests under way.
const GRACE: Duration = Duration::from_secs(3);
/// How often a stop looks whether they are done.
const GRACE_STEP: Duration = Duration::from_millis(5);
/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of one thread share.
pub(super) struct Worker<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    pub(super) room: Room,
    pub(super) shutdown: Shutdown,
    name: &'static str,
    tls: Option<Tls>,
    date: Mutex<(u64, Date)>,
    busy: AtomicUsize,
}

impl<H: Handler> Worker<H> {
    pub(super) fn new(setup: &Setup, handler: H, room: Room, shutdown: Shutdown) -> Self {
        Worker {
            handler,
            limits: setup.limits.clone(),
            room,
            shutdown,
            name: setup.name,
            tls: setup.tls.clone(),
            date: Mutex::new((u64::MAX, [0; 29])),
            busy: AtomicUsize::new(0),
        }
    }

    pub(super) fn count_busy(&self, busy: bool) {
        if busy {
            self.busy.fetch_add(1, Relaxed);
        } else {
            self.busy.fetch_sub(1, Relaxed);
        }
    }

    /// The Date header, written anew once a second.
    pub(super) fn date(&self) -> Date {
        let second = self.handler.now_ms() / 1_000;
        let mut date = self.date.lock();
        if date.0 != second {
            *date = (second, http_date(second));
        }
        date.1
    }

    /// Accepts connections until the stop, then waits a while for requests under way. The
    /// runtime's end closes what is left.
    pub(super) async fn run(self: Arc<Self>, listeners: Vec<TcpListener>) {
        let mut accepting = JoinSet::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    accepting.spawn(Arc::clone(&self).accept(listener, number));
                }
                Err(error) => {
                    tracing::error!(door = self.name, %error, "a door cannot use its listener");
                }
            }
        }
        self.shutdown.begun().await;
        accepting.shutdown().await;
        let end = tokio::time::Instant::now() + GRACE;
        let busy = || self.busy.load(Relaxed) > 0 || self.handler.busy() > 0;
        while busy() && tokio::time::Instant::now() < end {
            tokio::time::sleep(GRACE_STEP).await;
        }
    }

    async fn accept(self: Arc<Self>, listener: tokio::net::TcpListener, number: usize) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer, number),
                Err(error) => {
                    tracing::warn!(door = self.name, %error, "a door cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, listener: usize) {
        let Some(place) = self.room.take() else {
            let limit = self.room.places;
            tracing::warn!(door = self.name, limit, "a door has no room left");
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
            return;
        }
        let mut origin = Origin { peer, listener, secure: false };
        let worker = Arc::clone(self);
        let Some(tls) = &self.tls else {
            tokio::spawn(worker.serve(Transport::Plain(stream), origin, false, place));
            return;
        };
        let tls = tls.clone();
        tokio::spawn(async move {
            match tls.accept(stream, worker.limits.deadlines, H::HTTP2).await {
                Ok((transport, http2)) => {
                    origin.secure = matches!(transport, Transport::Tls(_));
                    // In a task of its own: what the handshake needed is of no use any more.
                    tokio::spawn(worker.serve(transport, origin, http2, place));
                }
                Err(error) => tracing::debug!(door = worker.name, %peer, %error, "no handshake"),
            }
        });
    }

    async fn serve(self: Arc<Self>, transport: Transport, origin: Origin, http2: bool, at: Place) {
        let connection = Connection::new(transport, origin, Arc::clone(&self));
        if let Some(stream) = connection.serve(http2).await {
            // In a task of its own, for the same reason.
            let work = self.handler.http2(stream, origin);
            tokio::spawn(async move {
                work.await;
                drop(at);
            });
        }
    }
}

/// The limited number of connections, and of bytes of bodies, of all workers of a door.
#[derive(Debug, Clone)]
pub(super) struct Room {
    taken: Arc<AtomicUsize>,
    places: usize,
    bodies: Arc<AtomicUsize>,
    bodies_bytes_max: usize,
}

/// A connection's place in the room.
pub(super) struct Place(Arc<AtomicUsize>);

/// What a body that is being received takes of the room, in bytes.
pub(super) struct Share {
    room: Arc<AtomicUsize>,
    bytes_max: usize,
    bytes: usize,
}

impl Room {
    pub(super) fn new(limits: &Limits) -> Self {
        Room {
            taken: Arc::default(),
            places: limits.connections_max,
            bodies: Arc::default(),
            bodies_bytes_max: limits.bodies_bytes_max,
        }
    }

    fn take(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Relaxed) < self.places).then_some(place)
    }

    /// Room for a body, none taken yet.
    pub(super) fn share(&self) -> Share {
        Share { room: Arc::clone(&self.bodies), bytes_max: self.bodies_bytes_max, bytes: 0 }
    }
}

impl Share {
    /// Takes room for more bytes; whether there was any.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.room.fetch_add(bytes, Relaxed) + bytes <= self.bytes_max
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.fetch_sub(self.bytes, Relaxed);
    }
}
