//! The HTTP/1.1 server of every door: a thread per core with listeners of its own, calls that are
//! answered on the spot, and limits on everything a client can make it do.
//!
//! The server is generic over its [`Handler`], so that nothing stands between the parser and what
//! a call means. A connection that begins with HTTP/2 is handed to the handler as a [`Stream`].

mod answer;
mod call;
mod connection;
mod date;
mod limits;
mod stream;
mod worker;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

pub use self::answer::{Answer, Body, Listing, Reply, Value, Work, reason};
pub use self::call::{Call, Origin};
pub use self::date::{Date, http_date};
pub use self::limits::{Deadlines, Limits};
pub use self::stream::Stream;
pub(crate) use self::stream::Transport;

use self::limits::BLOCKING_THREADS_MAX;
use self::worker::{Room, Worker};
use crate::{Shutdown, Tls};

/// What calls mean. Every worker has a handler of its own, so its locks are never contended.
pub trait Handler: Send + Sync + 'static {
    /// Whether connections that begin with HTTP/2 are taken.
    const HTTP2: bool = false;

    /// What is kept for one connection.
    type Session: Send;

    /// A connection has begun.
    fn session(&self, origin: Origin) -> Self::Session;

    /// Answers a call, on the spot unless something has to be waited for.
    fn answer(&self, session: &mut Self::Session, call: &Call<'_>) -> Reply;

    /// Does what [`Reply::Again`] asked for; the same call comes again afterwards, and must not be
    /// told `Again` a second time.
    fn prepare(&self, _session: &mut Self::Session) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Serves a connection that speaks HTTP/2, until it ends or the door closes.
    fn http2(&self, _stream: Stream, _origin: Origin) -> Work<()> {
        Box::pin(std::future::ready(()))
    }

    /// What there is to do on HTTP/2 connections before they may end; a stop waits for it a while.
    fn busy(&self) -> usize {
        0
    }

    /// The present moment in milliseconds since 1970, for `Date`.
    fn now_ms(&self) -> u64;
}

/// How a door is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The door's name, as in its settings.
    pub name: &'static str,
    /// Its limits.
    pub limits: Limits,
    /// Certificate and key, for a door that also takes encrypted connections on its ports.
    pub tls: Option<Tls>,
}

/// Opens a door: one thread per element of `listeners`, which holds that thread's listeners in the
/// order of the door's addresses. It closes with `shutdown`, which waits for calls under way.
///
/// # Errors
/// When the system has no thread left, or does not let a listener be used.
pub fn open<H: Handler>(
    setup: &Setup,
    listeners: Vec<Vec<TcpListener>>,
    mut handler: impl FnMut(usize) -> H,
    shutdown: &Shutdown,
) -> io::Result<()> {
    let room = Room::new(&setup.limits);
    for (number, listeners) in listeners.into_iter().enumerate() {
        let worker = Worker::new(setup, handler(number), room.clone(), shutdown.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .build()?;
        let work = shutdown.track(Arc::new(worker).run(listeners));
        std::thread::Builder::new()
            .name(format!("{}-{number}", setup.name))
            .spawn(move || runtime.block_on(work))?;
    }
    Ok(())
}
