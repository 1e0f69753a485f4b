//! One thread with a listener of its own, and what its connections share.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use rialto_door::Shutdown;
use rialto_security::Security;

use super::call::Call;
use super::connection::Connection;
use super::desk::{Desk, Keys, Reply};
use crate::limits::Deadlines;

/// How long a stop waits for requests under way.
const GRACE: Duration = Duration::from_secs(3);
/// How often a stop looks whether they are done.
const GRACE_STEP: Duration = Duration::from_millis(5);
/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of one thread share.
pub(super) struct Worker {
    desk: Arc<Desk>,
    /// None when everybody may call.
    security: Option<Security>,
    deadlines: Deadlines,
    keys: Mutex<Keys>,
    date: Mutex<(u64, Date)>,
    room: Room,
    busy: AtomicUsize,
}

/// A Date header's value.
pub(super) type Date = [u8; 29];

impl Worker {
    pub(super) fn new(
        desk: Arc<Desk>,
        security: Option<Security>,
        deadlines: Deadlines,
        room: Room,
    ) -> Self {
        Worker {
            desk,
            security,
            deadlines,
            keys: Mutex::default(),
            date: Mutex::new((u64::MAX, [0; 29])),
            room,
            busy: AtomicUsize::new(0),
        }
    }

    pub(super) fn security(&self) -> Option<Security> {
        self.security.clone()
    }

    pub(super) fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.desk.now_ms()
    }

    pub(super) fn answer(&self, call: &Call<'_>) -> Reply {
        self.desk.answer(call, &mut self.keys.lock())
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
        let second = self.now_ms() / 1_000;
        let mut date = self.date.lock();
        if date.0 != second {
            *date = (second, crate::codec::http_date(second));
        }
        date.1
    }

    /// Accepts connections until the stop, then waits a while for requests under way. The
    /// runtime's end closes what is left.
    pub(super) async fn run(self: Arc<Self>, listener: TcpListener, shutdown: Shutdown) {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "the Eureka door cannot use its listener");
                return;
            }
        };
        let mut stop = std::pin::pin!(shutdown.begun());
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer.ip()),
                Err(error) => {
                    tracing::warn!(%error, "the Eureka door cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        let end = tokio::time::Instant::now() + GRACE;
        while self.busy.load(Relaxed) > 0 && tokio::time::Instant::now() < end {
            tokio::time::sleep(GRACE_STEP).await;
        }
    }

    fn admit(self: &Arc<Self>, stream: tokio::net::TcpStream, peer: std::net::IpAddr) {
        let Some(place) = self.room.take() else {
            tracing::warn!(limit = self.room.places, "the Eureka door has no room left");
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
            return;
        }
        let connection = Connection::new(stream, peer, Arc::clone(self));
        tokio::spawn(async move {
            connection.serve().await;
            drop(place);
        });
    }
}

/// The limited number of connections of all workers.
#[derive(Debug, Clone)]
pub(super) struct Room {
    taken: Arc<AtomicUsize>,
    places: usize,
}

/// A connection's place in the room.
struct Place(Arc<AtomicUsize>);

impl Room {
    pub(super) fn new(places: usize) -> Self {
        Room { taken: Arc::default(), places }
    }

    fn take(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Relaxed) < self.places).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
